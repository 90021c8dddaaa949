//! Function calls: arguments are evaluated here, families of functions live in files of their own.

use std::cmp::Ordering;

use super::super::function::Function;
use super::super::tree::Node;
use super::super::value::EvalError;
use super::item::{Interim, Item, check_unique};
use super::math::{go_max, go_min, math};
use super::natural::precedes;
use super::quantile::ascending;
use super::rate::from_millis;
use super::{Evaluation, date, histogram};
use crate::model::labels::{Labels, METRIC_NAME};
use crate::rule::promql::MatchOp;

/// `items` with `value` applied to each, names dropped.
fn mapped(mut items: Vec<Item>, value: impl Fn(f64) -> f64) -> Result<Interim, EvalError> {
    for item in &mut items {
        item.value = value(item.value);
        item.bare = true;
    }
    check_unique(&items)?;
    Ok(Interim::Vector(items))
}

impl Evaluation<'_> {
    pub(super) fn call(&self, function: Function, arguments: &[Node]) -> Result<Interim, EvalError> {
        let vector = |at: usize| arguments.get(at).map_or_else(|| Ok(Vec::new()), |node| self.vector(node));
        let scalar = |at: usize| arguments.get(at).map_or(Ok(f64::NAN), |node| self.scalar(node));
        match function {
            Function::Math(function) => mapped(vector(0)?, |value| math(function, value)),
            Function::Date(function) if arguments.is_empty() => {
                let now = self.at.div_euclid(1000);
                Ok(Interim::Vector(vec![Item::unlabelled(date::part(function, now))]))
            }
            Function::Date(function) => mapped(vector(0)?, |value| date::part(function, date::whole_seconds(value))),
            Function::Absent | Function::AbsentOverTime => self.absent(arguments),
            Function::Clamp => clamp(vector(0)?, scalar(1)?, scalar(2)?),
            Function::ClampMin => clamp(vector(0)?, scalar(1)?, f64::INFINITY),
            Function::ClampMax => clamp(vector(0)?, f64::NEG_INFINITY, scalar(1)?),
            Function::Round => {
                let nearest = if arguments.len() > 1 { scalar(1)? } else { 1.0 };
                let inverse = 1.0 / nearest;
                mapped(vector(0)?, |value| (value * inverse + 0.5).floor() / inverse)
            }
            Function::HistogramQuantile => {
                let phi = scalar(0)?;
                histogram::each(&vector(1)?, |buckets| histogram::quantile(phi, buckets)).map(Interim::Vector)
            }
            Function::HistogramFraction => {
                let (lower, upper) = (scalar(0)?, scalar(1)?);
                histogram::each(&vector(2)?, |buckets| histogram::fraction(lower, upper, buckets)).map(Interim::Vector)
            }
            Function::Pi => Ok(Interim::Scalar(std::f64::consts::PI)),
            Function::Time => Ok(Interim::Scalar(from_millis(self.at))),
            Function::Scalar => match vector(0)?.as_slice() {
                [only] => Ok(Interim::Scalar(only.value)),
                _ => Ok(Interim::Scalar(f64::NAN)),
            },
            Function::Vector => Ok(Interim::Vector(vec![Item::unlabelled(scalar(0)?)])),
            Function::Timestamp => self.timestamp(arguments),
            Function::MaxOf => Ok(Interim::Scalar(go_max(scalar(0)?, scalar(1)?))),
            Function::MinOf => Ok(Interim::Scalar(go_min(scalar(0)?, scalar(1)?))),
            Function::SortByLabel | Function::SortByLabelDesc => {
                let mut items = vector(0)?;
                let by: Vec<&str> = arguments[1..].iter().filter_map(text).collect();
                items.sort_by(|a, b| by_labels(&by, a, b));
                if function == Function::SortByLabelDesc {
                    items.reverse();
                }
                Ok(Interim::Vector(items))
            }
            Function::Sort | Function::SortDesc => {
                let mut items = vector(0)?;
                // NaN comes last either way.
                items.sort_by(|a, b| match (a.value.is_nan(), b.value.is_nan()) {
                    (false, false) if function == Function::SortDesc => ascending(b.value, a.value),
                    (false, false) => ascending(a.value, b.value),
                    (a, b) => a.cmp(&b),
                });
                Ok(Interim::Vector(items))
            }
            // `check` makes nodes of their own of the two, and windows have an arm of their own before.
            Function::LabelReplace | Function::LabelJoin | Function::Window(_) => vector(0).map(Interim::Vector),
        }
    }

    /// When each sample of a plain selector was taken; of anything else, the evaluation's instant.
    fn timestamp(&self, arguments: &[Node]) -> Result<Interim, EvalError> {
        let mut items = match arguments {
            [Node::Instant(number)] => self.newest_of_each(*number, |sample| from_millis(sample.timestamp_ms)),
            [other] => {
                let mut items = self.vector(other)?;
                items.iter_mut().for_each(|item| item.value = from_millis(self.at));
                items
            }
            _ => Vec::new(),
        };
        items.iter_mut().for_each(|item| item.bare = true);
        check_unique(&items)?;
        Ok(Interim::Vector(items))
    }

    /// 1 with the labels the selector names, when it finds nothing.
    fn absent(&self, arguments: &[Node]) -> Result<Interim, EvalError> {
        let (found, selector) = match arguments {
            [range @ (Node::Window(_) | Node::Subquery(_))] => {
                let found = self.window_of_each(range, true, |_, _| Some(1.0))?;
                (!found.is_empty(), if let Node::Window(number) = range { Some(*number) } else { None })
            }
            [Node::Instant(number)] => (!self.instant(*number).is_empty(), Some(*number)),
            [other] => (!self.vector(other)?.is_empty(), None),
            _ => (true, None),
        };
        if found {
            return Ok(Interim::Vector(Vec::new()));
        }
        let labels = selector.map(|number| self.labels_of_absent(number)).unwrap_or_default();
        Ok(Interim::Vector(vec![Item { labels, bare: false, value: 1.0 }]))
    }

    /// The labels that exactly one matcher of the selector names, and with `=`.
    fn labels_of_absent(&self, number: usize) -> Labels {
        let matchers = &self.expr.selectors[number].matchers;
        let mut named: Vec<(&str, &str)> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for matcher in matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
            if matcher.op == MatchOp::Equal && !seen.contains(&&*matcher.name) {
                named.push((&matcher.name, &matcher.value));
                seen.push(&matcher.name);
            } else {
                named.retain(|(name, _)| *name != matcher.name);
            }
        }
        Labels::from_pairs(named)
    }
}

fn text(argument: &Node) -> Option<&str> {
    if let Node::Text(text) = argument { Some(text) } else { None }
}

/// By some labels in natural order, then by all.
fn by_labels(by: &[&str], a: &Item, b: &Item) -> Ordering {
    let differing = by.iter().map(|label| (a.get(label), b.get(label))).find(|(a, b)| a != b);
    match differing {
        Some((a, b)) if precedes(a, b) => Ordering::Less,
        Some(_) => Ordering::Greater,
        None => a.iter().cmp(b.iter()),
    }
}

fn clamp(items: Vec<Item>, least: f64, most: f64) -> Result<Interim, EvalError> {
    if most < least {
        return Ok(Interim::Vector(Vec::new()));
    }
    mapped(items, |value| go_max(least, go_min(most, value)))
}
