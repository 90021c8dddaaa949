//! Own metrics: gathered from those who count, and shown to the rules at each tick.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::alerting::Alerting;
use super::janitor::Janitor;
use crate::model::time::Millis;
use crate::rule::engine::Stats;

/// Everything that own metrics come from; cloning is cheap.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) janitor: Janitor,
    alerting: Alerting,
}

impl Own {
    pub(super) fn new(janitor: Janitor, alerting: Alerting) -> Self {
        Self { janitor, alerting }
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
                self.add_rules(&stats);
            }
        }
    }

    /// Brings gauges and the counters of others up to date.
    pub(super) fn refresh(&self) {
        self.janitor.refresh();
        self.alerting.refresh(&self.janitor.telemetry);
    }

    fn add_rules(&self, stats: &Stats) {
        let telemetry = &self.janitor.telemetry;
        let gauge = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        telemetry.rule_partitions.set(gauge(stats.partitions));
        telemetry.rule_window_bytes.set(gauge(stats.window_bytes));
        telemetry.rule_samples.inner().store(stats.samples, Ordering::Relaxed);
        telemetry.rule_missed_ticks.inner().store(stats.ticks_missed, Ordering::Relaxed);
    }
}
