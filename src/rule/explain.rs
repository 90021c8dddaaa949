//! What a rule costs and how its evaluation is split: what `watchgate check --explain` prints.

use std::fmt;

use super::file::{Evaluate, Group, Rule, RuleSet, What};
use super::partition::Key;
use super::promql::{Matcher, Selector};
use crate::model::labels::METRIC_NAME;
use crate::model::sample::Sample;
use crate::model::time::Millis;
use crate::yaml::{Place, format_duration, scalar::format_bytes};

/// One rule, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its file.
    pub file: String,
    /// Where it stands there.
    pub place: Place,
    /// Its group.
    pub group: String,
    /// `alert NAME` or `record NAME`.
    pub rule: String,
    /// By which labels it is evaluated apart.
    pub partition: String,
    /// When it is evaluated.
    pub timing: &'static str,
    /// Each selector with how far back its samples are kept, in milliseconds.
    pub windows: Vec<(String, Millis)>,
    /// Most bytes of samples that one series of each selector takes.
    pub window_bytes: u64,
}

impl RuleSet {
    /// Explains every rule, for samples that come every `interval` milliseconds.
    #[must_use]
    pub fn explain(&self, evaluate: Evaluate, interval: Millis) -> Vec<Explained> {
        let rules = self.groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
        rules.map(|(group, rule)| explain(group, rule, evaluate, interval.max(1))).collect()
    }
}

fn explain(group: &Group, rule: &Rule, evaluate: Evaluate, interval: Millis) -> Explained {
    let windows: Vec<(String, Millis)> = rule
        .expr
        .selectors
        .iter()
        .map(|selector| (print(selector), selector.window_ms().saturating_add(group.query_offset)))
        .collect();
    let samples: i64 = windows.iter().map(|(_, window)| window / interval + 1).sum();
    let timing = match group.evaluate.unwrap_or(evaluate) {
        Evaluate::OnTick => "at ticks",
        Evaluate::OnData if rule.expr.single_series() => "at once",
        Evaluate::OnData => "after settling",
    };
    Explained {
        file: group.file.clone(),
        place: rule.place,
        group: group.name.clone(),
        rule: format!("{} {}", if rule.what == What::Record { "record" } else { "alert" }, rule.name),
        partition: partition(&rule.key),
        timing,
        window_bytes: samples.unsigned_abs() * size_of::<Sample>() as u64,
        windows,
    }
}

fn partition(key: &Key) -> String {
    let hidden = |name: &&String| !name.starts_with("__") && *name != "alertname";
    let names = |labels: Vec<&String>| labels.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    match key {
        Key::Keep(kept) if kept.is_empty() => "not split".to_owned(),
        Key::Keep(kept) => format!("split by {}", names(kept.iter().collect())),
        Key::Drop(dropped) => match names(dropped.iter().filter(hidden).collect()) {
            none if none.is_empty() => "split by every label".to_owned(),
            some => format!("split by every label but {some}"),
        },
    }
}

/// A selector as it is written, without its window.
fn print(selector: &Selector) -> String {
    let metric = selector.metric().unwrap_or_default();
    let named = |matcher: &&Matcher| metric.is_empty() || matcher.name != METRIC_NAME;
    let others: Vec<String> = selector.matchers.iter().filter(named).map(ToString::to_string).collect();
    if others.is_empty() { metric.to_owned() } else { format!("{metric}{{{}}}", others.join(",")) }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}, evaluated {}", self.file, self.place, self.rule, self.partition, self.timing)?;
        for (index, (selector, window)) in self.windows.iter().enumerate() {
            let separator = if index == 0 { "; reads" } else { "," };
            write!(f, "{separator} {selector} back {}", format_duration(*window))?;
        }
        if self.windows.is_empty() {
            return write!(f, "; reads no series");
        }
        write!(f, "; at most {} for each series it reads", format_bytes(self.window_bytes))
    }
}
