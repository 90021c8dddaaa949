//! What rules make: recorded series, `ALERTS` and `ALERTS_FOR_STATE`, which other rules read.
//!
//! They enter history at ticks only. Between ticks a recorded result is shown to its readers as the
//! newest sample and replaced each time. An output that is gone is marked stale at the next tick.

use std::collections::BTreeSet;

use super::Engine;
use super::evaluate::has_duplicates;
use super::observe::seconds;
use super::rules::Definition;
use super::settings::{Cause, Outputs};
use super::step::Made;
use super::store::UNREAD;
use crate::model::alert::AlertState;
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::sample::{STALE_NAN, Sample};
use crate::model::time::Millis;
use crate::rule::promql::Element;

/// The series of active alerts.
pub(super) const ALERTS: &str = "ALERTS";

/// The series that holds since when an alert is active.
pub(super) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";

/// Where an output comes from and what it is.
#[derive(Clone, Copy)]
struct Origin {
    partition: u32,
    rule: u32,
    at: Millis,
    /// It enters history.
    settled: bool,
    /// It is sent to stores.
    forward: bool,
    received_at: Option<Millis>,
}

impl Engine {
    pub(super) fn record(
        &mut self,
        id: u32,
        definition: &Definition,
        elements: Vec<Element>,
        at: Millis,
        cause: Cause,
        received_at: Option<Millis>,
    ) -> Result<(), String> {
        let own = definition.rule.labels.iter().map(|(name, value)| (name.as_str(), value.source()));
        let own: Vec<(&str, &str)> = [(METRIC_NAME, definition.rule.name.as_str())].into_iter().chain(own).collect();
        let results: Vec<(Labels, f64)> =
            elements.into_iter().map(|element| (element.labels.with(own.iter().copied()), element.value)).collect();
        if has_duplicates(results.iter().map(|(labels, _)| labels)) {
            return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
        }
        if definition.limit > 0 && results.len() > definition.limit {
            return Err(format!("exceeded limit of {} with {} series", definition.limit, results.len()));
        }
        self.put(id, definition, results, at, cause == Cause::Tick, received_at);
        Ok(())
    }

    /// `ALERTS` and `ALERTS_FOR_STATE` of a partition, if some rule reads them.
    pub(super) fn export_alerts(&mut self, id: u32, definition: &Definition, at: Millis) {
        let Some(partition) = self.partitions.get(id).filter(|_| self.exports(definition)) else {
            return;
        };
        let mut results = Vec::new();
        for alert in partition.alerts.iter().filter(|alert| alert.state != AlertState::Resolved) {
            let state = [(METRIC_NAME, ALERTS), ("alertstate", alert.state.name())];
            results.push((alert.labels.with(state), 1.0));
            #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch")]
            let since = alert.active_at.div_euclid(1000) as f64;
            results.push((alert.labels.with([(METRIC_NAME, ALERTS_FOR_STATE)]), since));
        }
        if !results.is_empty() || !partition.outputs.is_empty() {
            self.put(id, definition, results, at, true, None);
        }
    }

    fn put(
        &mut self,
        id: u32,
        definition: &Definition,
        results: Vec<(Labels, f64)>,
        at: Millis,
        settled: bool,
        received_at: Option<Millis>,
    ) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        let forward = definition.forward;
        let origin = Origin { partition: id, rule: partition.rule, at, settled, forward, received_at };
        let timestamp_ms = at.saturating_sub(definition.query_offset);
        let mut before = std::mem::take(&mut partition.outputs);
        let mut outputs = BTreeSet::new();
        for (labels, value) in results {
            self.derive(&labels, Sample { timestamp_ms, value }, origin);
            before.remove(&labels);
            outputs.insert(labels);
        }
        for gone in before {
            self.derive(&gone, Sample { timestamp_ms, value: STALE_NAN }, origin);
            if !settled {
                outputs.insert(gone);
            }
        }
        if let Some(partition) = self.partitions.get_mut(id) {
            partition.outputs = outputs;
        }
    }

    /// Whether the alerts of a rule are series for anybody.
    fn exports(&self, definition: &Definition) -> bool {
        match self.settings.outputs {
            Outputs::None => self.alerts_read,
            Outputs::Wanted => self.alerts_read || definition.forward,
            Outputs::All => true,
        }
    }

    /// A sample that a rule made.
    fn derive(&mut self, labels: &Labels, sample: Sample, origin: Origin) {
        let hash = labels.hash();
        let id = match self.store.by_hash.get(&hash) {
            Some(known) => known.id,
            None if self.is_full() => UNREAD,
            None => self.meet(labels.clone(), hash, seconds(origin.at)),
        };
        let (read, forward) = (id != UNREAD, origin.forward);
        let kept = match self.settings.outputs {
            Outputs::None => false,
            Outputs::Wanted => read || forward,
            Outputs::All => true,
        };
        if origin.settled && kept {
            self.made.push(Made { rule: origin.rule, labels: labels.clone(), sample, read, forward });
        }
        if id == UNREAD {
            return;
        }
        if let Some(series) = self.store.get_mut(id) {
            series.producer = Some(origin.partition);
        }
        let new = if origin.settled {
            let bytes_max = usize::try_from(self.settings.window_bytes_max).unwrap_or(usize::MAX);
            let (pushed, shortened) = self.store.push(id, sample, self.clock, bytes_max);
            self.stats.dropped_window_bytes += u64::from(shortened);
            pushed.changed()
        } else {
            self.store.show(id, sample)
        };
        if new {
            self.mark_readers(id, sample.timestamp_ms, origin.at, origin.received_at, Some(origin.rule));
        }
    }

    /// Marks the series of rules that are gone stale, where their time has come.
    pub(super) fn end_orphans(&mut self, at: Millis) {
        if self.orphans.is_empty() {
            return;
        }
        let (due, later) = std::mem::take(&mut self.orphans).into_iter().partition(|(when, ..)| *when <= at);
        self.orphans = later;
        let due: Vec<(Millis, Labels, bool)> = due;
        for (_, labels, forward) in due {
            let made = self.store.by_hash.get(&labels.hash()).and_then(|known| self.store.get(known.id)?.producer);
            let partition = made.unwrap_or(UNREAD);
            let origin = Origin { partition, rule: u32::MAX, at, settled: true, forward, received_at: None };
            // Another rule may make the series by now.
            if made.is_none_or(|id| self.partitions.get(id).is_none_or(|made| !made.outputs.contains(&labels))) {
                self.derive(&labels, Sample { timestamp_ms: at, value: STALE_NAN }, origin);
            }
        }
    }
}
