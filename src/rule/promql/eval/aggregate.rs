//! Aggregations over groups of elements.

use hashbrown::HashMap;

use super::super::tree::{Aggregate, AggregateOp, Node};
use super::super::value::EvalError;
use super::Evaluation;
use super::item::Item;
use super::limit;
use super::quantile::quantile;
use super::sum::{Mean, Sum};
use crate::model::labels::{Labels, METRIC_NAME, labels_hash};

/// Elements by group, in order of each group's first element.
struct Groups<T> {
    by_labels: HashMap<u64, usize>,
    groups: Vec<T>,
}

impl<T> Groups<T> {
    fn new() -> Self {
        Self { by_labels: HashMap::new(), groups: Vec::new() }
    }

    /// The group of `key`, and whether `first` has just made it.
    fn of(&mut self, key: u64, first: impl FnOnce() -> T) -> (&mut T, bool) {
        let next = self.groups.len();
        let at = *self.by_labels.entry(key).or_insert(next);
        if at == next {
            self.groups.push(first());
        }
        (&mut self.groups[at], at == next)
    }
}

impl Aggregate {
    fn contains(&self, name: &str) -> bool {
        self.labels.binary_search_by(|label| label.as_str().cmp(name)).is_ok()
    }

    pub(super) fn key(&self, item: &Item) -> u64 {
        if self.without {
            labels_hash(item.iter().filter(|(name, _)| *name != METRIC_NAME && !self.contains(name)))
        } else {
            labels_hash(self.labels.iter().map(|name| (name.as_str(), item.get(name))))
        }
    }

    fn group_labels(&self, item: &Item) -> Labels {
        if self.without {
            Labels::from_pairs(item.iter().filter(|(name, _)| *name != METRIC_NAME && !self.contains(name)))
        } else {
            Labels::from_pairs(self.labels.iter().map(|name| (name.as_str(), item.get(name))))
        }
    }
}

/// What an aggregation keeps of the elements seen so far.
enum Running {
    Sum(Sum),
    Mean(Mean),
    Min(f64),
    Max(f64),
    Count(f64),
    Group,
    /// Welford's count, mean and sum of squared differences; whether to take the root.
    Variance {
        count: f64,
        mean: f64,
        squares: f64,
        root: bool,
    },
    Values(Vec<f64>),
}

impl Running {
    fn of(op: AggregateOp, value: f64) -> Self {
        match op {
            AggregateOp::Sum => Self::Sum(Sum::of(value)),
            AggregateOp::Avg => Self::Mean(Mean::of(value)),
            AggregateOp::Min => Self::Min(value),
            AggregateOp::Max => Self::Max(value),
            AggregateOp::Count => Self::Count(1.0),
            AggregateOp::Stddev | AggregateOp::Stdvar => {
                let squares = if value.is_finite() { 0.0 } else { f64::NAN };
                Self::Variance { count: 1.0, mean: value, squares, root: op == AggregateOp::Stddev }
            }
            AggregateOp::Quantile => Self::Values(vec![value]),
            _ => Self::Group,
        }
    }

    fn add(&mut self, value: f64) {
        match self {
            Self::Sum(sum) => sum.add(value),
            Self::Mean(mean) => mean.add(value),
            Self::Min(least) if *least > value || least.is_nan() => *least = value,
            Self::Max(most) if *most < value || most.is_nan() => *most = value,
            Self::Min(_) | Self::Max(_) | Self::Group => {}
            Self::Count(count) => *count += 1.0,
            Self::Variance { count, mean, squares, .. } => {
                *count += 1.0;
                let delta = value - *mean;
                *mean += delta / *count;
                *squares += delta * (value - *mean);
            }
            Self::Values(values) => values.push(value),
        }
    }

    fn value(self, parameter: f64) -> f64 {
        match self {
            Self::Sum(sum) => sum.value(),
            Self::Mean(mean) => mean.value(),
            Self::Min(value) | Self::Max(value) | Self::Count(value) => value,
            Self::Group => 1.0,
            Self::Variance { count, squares, root: true, .. } => (squares / count).sqrt(),
            Self::Variance { count, squares, .. } => squares / count,
            Self::Values(mut values) => quantile(parameter, &mut values),
        }
    }
}

impl Evaluation<'_> {
    pub(super) fn aggregate(&self, aggregate: &Aggregate) -> Result<Vec<Item>, EvalError> {
        match (aggregate.op, &aggregate.parameter) {
            (AggregateOp::Topk | AggregateOp::Bottomk, Some(parameter)) => {
                let parameter = self.scalar(parameter)?;
                let items = self.vector(&aggregate.body)?;
                ranked(aggregate, parameter, items)
            }
            (AggregateOp::Limitk, Some(parameter)) => {
                let parameter = self.scalar(parameter)?;
                limit::first(aggregate, parameter, self.vector(&aggregate.body)?)
            }
            (AggregateOp::LimitRatio, Some(parameter)) => {
                let parameter = self.scalar(parameter)?;
                limit::share(parameter, self.vector(&aggregate.body)?)
            }
            (AggregateOp::CountValues, Some(Node::Text(label))) => {
                Ok(count_values(aggregate, label, &self.vector(&aggregate.body)?))
            }
            (_, parameter) => {
                let parameter = parameter.as_ref().map_or(Ok(f64::NAN), |parameter| self.scalar(parameter))?;
                Ok(reduced(aggregate, parameter, &self.vector(&aggregate.body)?))
            }
        }
    }
}

fn reduced(aggregate: &Aggregate, parameter: f64, items: &[Item]) -> Vec<Item> {
    let mut groups: Groups<(Labels, Running)> = Groups::new();
    for item in items {
        let first = || (aggregate.group_labels(item), Running::of(aggregate.op, item.value));
        let (group, is_new) = groups.of(aggregate.key(item), first);
        if !is_new {
            group.1.add(item.value);
        }
    }
    let item = |(labels, running): (Labels, Running)| Item { labels, bare: false, value: running.value(parameter) };
    groups.groups.into_iter().map(item).collect()
}

/// A value as Prometheus writes it into a label.
fn printed(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ => value.to_string(),
    }
}

fn count_values(aggregate: &Aggregate, label: &str, items: &[Item]) -> Vec<Item> {
    let mut grouping = aggregate.clone();
    if !aggregate.without {
        grouping.labels.push(label.to_owned());
        grouping.labels.sort();
        grouping.labels.dedup();
    }
    let valued: Vec<Item> = items
        .iter()
        .map(|item| {
            let labels = item.settle().with([(label, printed(item.value).as_str())]);
            Item { labels, bare: false, value: 1.0 }
        })
        .collect();
    grouping.op = AggregateOp::Count;
    reduced(&grouping, f64::NAN, &valued)
}

/// How many elements a parameter wants of these; none for none.
pub(super) fn count(parameter: f64, items: &[Item]) -> Result<Option<usize>, EvalError> {
    if items.is_empty() || parameter < 1.0 {
        return Ok(None);
    }
    if parameter.is_nan() {
        return Err(EvalError::Argument("Parameter value is NaN".to_owned()));
    }
    if parameter >= i64::MAX as f64 {
        return Err(EvalError::Argument(format!("Scalar value {parameter} overflows int64")));
    }
    Ok(Some((parameter as usize).min(items.len())))
}

/// `topk` and `bottomk`: the same elements as Prometheus keeps, also among equal ones.
fn ranked(aggregate: &Aggregate, parameter: f64, items: Vec<Item>) -> Result<Vec<Item>, EvalError> {
    let Some(most) = count(parameter, &items)? else { return Ok(Vec::new()) };
    let top = aggregate.op == AggregateOp::Topk;
    let mut groups: Groups<Heap> = Groups::new();
    for item in items {
        let (heap, _) = groups.of(aggregate.key(&item), || Heap { items: Vec::new(), top });
        heap.offer(item, most);
    }
    Ok(groups.groups.into_iter().flat_map(Heap::sorted).collect())
}

/// A binary heap with the element to give up next in front. Which of several equal elements stays
/// depends on how it sinks and rises, so it does that as Go's `container/heap`.
struct Heap {
    items: Vec<Item>,
    top: bool,
}

impl Heap {
    /// Whether `a` is given up before `b`.
    fn before(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.items[a].value, self.items[b].value);
        a.is_nan() || if self.top { a < b } else { a > b }
    }

    fn offer(&mut self, item: Item, most: usize) {
        if self.items.len() < most {
            self.items.push(item);
            self.rise(self.items.len() - 1);
            return;
        }
        let front = self.items[0].value;
        let better = if self.top { front < item.value } else { front > item.value };
        if better || (front.is_nan() && !item.value.is_nan()) {
            self.items[0] = item;
            if most > 1 && !self.sink() {
                self.rise(0);
            }
        }
    }

    fn rise(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.before(at, parent) {
                break;
            }
            self.items.swap(parent, at);
            at = parent;
        }
    }

    fn sink(&mut self) -> bool {
        let mut at = 0;
        loop {
            let left = 2 * at + 1;
            if left >= self.items.len() {
                break;
            }
            let right = left + 1;
            let child = if right < self.items.len() && self.before(right, left) { right } else { left };
            if !self.before(child, at) {
                break;
            }
            self.items.swap(at, child);
            at = child;
        }
        at > 0
    }

    /// Best first, NaN last.
    fn sorted(mut self) -> Vec<Item> {
        let top = self.top;
        self.items.sort_by(|a, b| match (a.value.is_nan(), b.value.is_nan()) {
            (false, false) if top => b.value.total_cmp(&a.value),
            (false, false) => a.value.total_cmp(&b.value),
            (a, b) => a.cmp(&b),
        });
        self.items
    }
}
