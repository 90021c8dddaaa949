//! Own metrics: gathered from those who count, and shown to the rules at each tick.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::alerting::Alerting;
use super::janitor::Janitor;
use crate::model::time::Millis;
use crate::notify::Counts;
use crate::rule::engine::Stats;

/// Everything that own metrics come from; cloning is cheap.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) janitor: Janitor,
    alerting: Alerting,
    /// What was added to counters already.
    added: Arc<Mutex<(Stats, Counts)>>,
}

impl Own {
    pub(super) fn new(janitor: Janitor, alerting: Alerting) -> Self {
        Self { janitor, alerting, added: Arc::default() }
    }

    /// Shows own metrics to the rules every `interval`, for ever.
    pub(super) async fn keep(self, interval: Millis) {
        let interval = Duration::from_millis(u64::try_from(interval).unwrap_or(0).max(100));
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.refresh();
            let samples = self.janitor.telemetry.samples();
            if let Some(stats) = self.alerting.evaluator.observe_own(samples).await {
                self.add_rules(stats);
            }
        }
    }

    /// Brings gauges and the counters of others up to date.
    pub(super) fn refresh(&self) {
        self.janitor.refresh();
        let counts = self.alerting.notifier.counts();
        let before = std::mem::replace(&mut self.added.lock().1, counts);
        let telemetry = &self.janitor.telemetry;
        telemetry.notify_sent.inc_by(counts.sent.saturating_sub(before.sent));
        let failures = |counts: Counts| counts.retried + counts.refused + counts.expired;
        telemetry.notify_failures.inc_by(failures(counts).saturating_sub(failures(before)));
    }

    fn add_rules(&self, stats: Stats) {
        let telemetry = &self.janitor.telemetry;
        let gauge = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        telemetry.rule_wanted_series.set(gauge(stats.series_read));
        telemetry.rule_partitions.set(gauge(stats.partitions));
        telemetry.rule_window_bytes.set(gauge(stats.window_bytes));
        let mut added = self.added.lock();
        let before = &added.0;
        telemetry.rule_evaluations.inc_by(stats.evaluations.total().saturating_sub(before.evaluations.total()));
        telemetry.rule_evaluation_failures.inc_by(stats.evaluation_failures.saturating_sub(before.evaluation_failures));
        telemetry.rule_samples.inc_by(stats.samples.saturating_sub(before.samples));
        telemetry.rule_missed_ticks.inc_by(stats.ticks_missed.saturating_sub(before.ticks_missed));
        let refused = |stats: &Stats| {
            stats.dropped_duplicate + stats.dropped_too_old + stats.dropped_series_max + stats.dropped_window_bytes
        };
        telemetry.rule_refused_samples.inc_by(refused(&stats).saturating_sub(refused(before)));
        added.0 = stats;
    }
}
