//! One evaluation of one partition, and what becomes of its result.

use super::Engine;
use super::partition::Partition;
use super::rules::Definition;
use super::run::Turn;
use super::settings::Cause;
use super::store::Store;
use crate::model::alert::Alert;
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::time::Millis;
use crate::rule::alerting::{Active, Found, Step};
use crate::rule::file::What;
use crate::rule::promql::{Element, Inputs, SeriesView, Value, eval_part};
use crate::rule::template::{Surroundings, Template};

/// An evaluation is repeated between ticks no sooner than this many times its duration after the last:
/// one hot rule costs 5 % of a core at most.
const PACE: u64 = 20;

/// What an expression sees: the series of its partition.
struct View<'a> {
    store: &'a Store,
    partition: &'a Partition,
    definition: &'a Definition,
    rule_of: &'a dyn Fn(u32) -> Option<u32>,
    /// The instant of the evaluation, by the samples' clock.
    query_at: Millis,
}

impl View<'_> {
    /// The instant that a selector sees, if it only looks for the newest sample before it.
    fn newest_before(&self, selector: usize) -> Option<Millis> {
        self.definition.rule.expr.selectors[selector].newest_before(self.query_at)
    }
}

impl Inputs for View<'_> {
    fn each(&self, selector: usize, visit: &mut dyn FnMut(SeriesView<'_>)) {
        let newest_before = self.newest_before(selector);
        for series in self.partition.inputs[selector].iter().filter_map(|id| self.store.get(*id)) {
            let producer = || series.producer.and_then(self.rule_of);
            let behind = !self.definition.behind.is_empty()
                && producer().is_some_and(|producer| self.definition.behind.contains(&producer));
            // Who is asked at ticks only sees what ticks have made.
            let samples = if behind || !self.definition.between_ticks {
                series.window.settled()
            } else {
                series.window.samples()
            };
            // The usual case spares the search: the newest sample of all is the one.
            let samples = match (newest_before, samples.last()) {
                (Some(at), Some(last)) if last.timestamp_ms <= at => &samples[samples.len() - 1..],
                _ => samples,
            };
            visit(SeriesView { labels: &series.labels, samples });
        }
    }
}

impl Engine {
    /// Evaluates a partition as of `at`.
    pub(super) fn evaluate(&mut self, id: u32, at: Millis, cause: Cause, turn: &mut Turn<'_>) {
        self.evaluate_unless_open(id, at, cause, turn, false);
    }

    /// The same, but if `may_wait` and the result depends on what other partitions are about to find,
    /// nothing happens and the answer is true: ask again once they are evaluated.
    pub(super) fn evaluate_unless_open(
        &mut self,
        id: u32,
        at: Millis,
        cause: Cause,
        turn: &mut Turn<'_>,
        may_wait: bool,
    ) -> bool {
        let Some(partition) = self.partitions.get(id) else { return false };
        let rule = partition.rule;
        let definition = self.rule(rule);
        let before = (turn.stopwatch)();
        let ((result, joins), change) = {
            let rule_of = |id: u32| self.partitions.get(id).map(|partition| partition.rule);
            let query_at = at.saturating_sub(definition.query_offset);
            let view = View { store: &self.store, partition, definition: &definition, rule_of: &rule_of, query_at };
            let change = || definition.rule.expr.next_change(&view, query_at);
            let change = definition.between_ticks.then(change).flatten();
            (eval_part(&definition.rule.expr, &view, query_at), change)
        };
        self.note_many(id, joins.many);
        let held = joins.duplicates.iter().find(|(join, _)| self.rules[rule as usize].many[*join] > 0);
        let result = match held {
            Some((_, error)) => result.and(Err(error.clone())),
            None if may_wait && !joins.duplicates.is_empty() => return true,
            None => result,
        };
        let Some(partition) = self.partitions.get(id) else { return false };
        let change = change.map(|change| change.saturating_add(definition.query_offset).max(at + 1));
        let found = result.map_err(|error| error.to_string()).map(|value| elements(value, &definition, &partition.key));
        let received_at = self.begin(id, at);
        let outcome = found.and_then(|found| match definition.rule.what {
            What::Alert { hold, keep_firing } => {
                let step = Step { at, hold, keep_firing, received_at };
                self.alert(id, &definition, found, step, turn)
            }
            What::Record => self.record(id, &definition, found, at, cause, received_at),
        });
        if cause == Cause::Tick
            && let What::Alert { .. } = definition.rule.what
            && outcome.is_ok()
        {
            self.export_alerts(id, &definition, at);
        }
        self.end(id, rule, outcome, cause);
        let spent = (turn.stopwatch)().saturating_sub(before);
        self.pace(id, at, spent);
        self.set_timer(id, earliest(change, self.alerts_due(id, &definition)));
        false
    }

    /// Notes for the other partitions of the rule on which `many` sides this one has elements.
    pub(super) fn note_many(&mut self, id: u32, many: u64) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        let before = std::mem::replace(&mut partition.many, many);
        if before == many {
            return;
        }
        for (join, count) in self.rules[partition.rule as usize].many.iter_mut().enumerate() {
            *count += u32::from(many >> join & 1 == 1);
            *count -= u32::from(before >> join & 1 == 1);
        }
    }

    /// Notes that the partition's data is seen; answers when the request behind fresh data was received.
    fn begin(&mut self, id: u32, at: Millis) -> Option<Millis> {
        let partition = self.partitions.get_mut(id)?;
        let fresh = partition.fresh_since.take().is_some();
        if fresh && self.rules[partition.rule as usize].definition.rule.expr.single_series() {
            partition.alerts.release();
        }
        partition.data_due = None;
        partition.evaluated_at = Some(at);
        partition.received_at.take().filter(|_| fresh)
    }

    fn end(&mut self, id: u32, rule: u32, outcome: Result<(), String>, cause: Cause) {
        let run = &mut self.rules[rule as usize];
        run.evaluations.count(cause);
        self.stats.evaluations.count(cause);
        let failed = outcome.is_err();
        if let Err(error) = outcome {
            self.stats.evaluation_failures += 1;
            run.last_error = Some(error);
        }
        if let Some(partition) = self.partitions.get_mut(id) {
            partition.failed = failed;
        }
    }

    fn pace(&mut self, id: u32, at: Millis, nanos: u64) {
        if let Some(partition) = self.partitions.get_mut(id) {
            let pause = nanos.saturating_mul(PACE) / 1_000_000;
            partition.not_before = at.saturating_add(i64::try_from(pause).unwrap_or(i64::MAX));
        }
    }

    /// When time alone changes an alert of a partition.
    pub(super) fn alerts_due(&self, id: u32, definition: &Definition) -> Option<Millis> {
        let What::Alert { hold, keep_firing } = definition.rule.what else { return None };
        if !definition.between_ticks {
            return None;
        }
        self.partitions.get(id)?.alerts.next_due(hold, keep_firing)
    }

    fn alert(
        &mut self,
        id: u32,
        definition: &Definition,
        elements: Vec<Element>,
        step: Step,
        turn: &mut Turn<'_>,
    ) -> Result<(), String> {
        let Some(partition) = self.partitions.get_mut(id) else { return Ok(()) };
        if elements.is_empty() && partition.alerts.is_empty() {
            return Ok(());
        }
        let around = &self.settings.surroundings;
        let found: Vec<Found> =
            elements.into_iter().map(|element| found(definition, element, step.at, around)).collect();
        if has_duplicates(found.iter().map(|found| &found.labels)) {
            return Err("vector contains metrics with the same labelset after applying alert labels".to_owned());
        }
        let group = &self.groups[definition.group as usize].name;
        let told = turn.out.len();
        partition.alerts.step(found, step, |active| {
            turn.out.push(told_alert(definition, group, active, around));
        });
        let active = partition.alerts.active();
        if definition.limit > 0 && active > definition.limit {
            turn.out.truncate(told);
            partition.alerts.clear();
            return Err(format!("exceeded limit of {} with {active} alerts", definition.limit));
        }
        Ok(())
    }
}

fn earliest(a: Option<Millis>, b: Option<Millis>) -> Option<Millis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A result as elements: a number is an element without labels. Of what an expression yields without
/// any series, each partition keeps what is its own.
fn elements(value: Value, definition: &Definition, key: &Labels) -> Vec<Element> {
    match value {
        Value::Scalar(value) => vec![Element { labels: Labels::default(), value }],
        Value::Vector(mut elements) => {
            if definition.rule.expr.always_yields() {
                elements.retain(|element| definition.rule.key.project(&element.labels) == *key);
            }
            elements
        }
    }
}

/// Whether a label set stands there twice.
pub(super) fn has_duplicates<'a>(labels: impl ExactSizeIterator<Item = &'a Labels>) -> bool {
    if labels.len() < 2 {
        return false;
    }
    let mut seen = std::collections::HashSet::with_capacity(labels.len());
    labels.into_iter().any(|labels| !seen.insert(labels))
}

/// An element with its alert's labels: its own without the metric name, the rule's over them.
fn found(definition: &Definition, element: Element, at: Millis, around: &Surroundings) -> Found {
    let Element { labels, value } = element;
    let own: Vec<(&str, String)> = definition
        .rule
        .labels
        .iter()
        .map(|(name, template)| (name.as_str(), template.expand(&labels, value, at, around)))
        .collect();
    let own = own.iter().map(|(name, text)| (*name, text.as_str()));
    let alert = labels.with([(METRIC_NAME, "")].into_iter().chain(own).chain([("alertname", &*definition.rule.name)]));
    Found { labels: alert, element: labels, value }
}

/// An alert as everything after the engine reads it, with external labels.
pub(super) fn told_alert(definition: &Definition, group: &str, active: &Active, around: &Surroundings) -> Alert {
    let expand = |(name, template): &(String, Template)| {
        (name.clone(), template.expand(&active.element, active.value, active.evaluated_at, around))
    };
    let external = around.external_labels.iter().filter(|(name, _)| active.labels.get(name).is_empty());
    Alert {
        labels: if around.external_labels.is_empty() { active.labels.clone() } else { active.labels.with(external) },
        annotations: Labels::from_pairs(definition.rule.annotations.iter().map(expand)),
        group: group.to_owned(),
        expr: definition.rule.text.clone(),
        state: active.state,
        value: active.value,
        active_at: active.active_at,
        fired_at: active.fired_at,
        resolved_at: active.resolved_at,
        keep_firing_since: active.keep_firing_since,
        received_at: active.received_at,
    }
}
