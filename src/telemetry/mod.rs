//! Watchgate's own metrics: every one listed here once, handles resolved outside the hot path.
//!
//! Counting is per request or per batch, never per item. Names follow
//! `watchgate_<module>_<what>_<unit>[_total]`.

mod labels;
mod samples;

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub use labels::{
    AccountLabels, EndpointLabels, ExporterLabels, ExporterReasonLabels, ReasonLabels, ReceiverLabels, SignalLabels,
};
pub use samples::OwnSample;

/// The target of spans about Watchgate itself; they exist only where a tracer is installed.
pub const OWN_SPANS: &str = "watchgate::own";

type Buckets = fn() -> Histogram;

/// Handles of all own metrics; cloning is cheap.
#[derive(Clone)]
pub struct Telemetry {
    registry: Arc<Mutex<Registry>>,
    /// Requests answered with success.
    pub receiver_requests: Family<ReceiverLabels, Counter>,
    /// Requests refused, by reason.
    pub receiver_refused_requests: Family<ReasonLabels, Counter>,
    /// Items accepted into the journal.
    pub receiver_items: Family<ReceiverLabels, Counter>,
    /// Body bytes as received.
    pub receiver_bytes: Family<ReceiverLabels, Counter>,
    /// Items rejected while the rest of their request was accepted, by reason.
    pub receiver_rejected_items: Family<ReasonLabels, Counter>,
    /// Bytes in the journal.
    pub journal_bytes: Family<SignalLabels, Gauge>,
    /// Items the journal ever took.
    pub journal_items: Family<SignalLabels, Gauge>,
    /// Bytes that readers had to skip.
    pub journal_corrupt_bytes: Family<SignalLabels, Gauge>,
    /// Items between an exporter's cursor and the journal's tail.
    pub exporter_lag_items: Family<ExporterLabels, Gauge>,
    /// Items a store took.
    pub exporter_delivered_items: Family<ExporterLabels, Counter>,
    /// Attempts that are repeated, by reason.
    pub exporter_retries: Family<ExporterReasonLabels, Counter>,
    /// Items that were given up and counted, by reason.
    pub exporter_dropped_items: Family<ExporterReasonLabels, Counter>,
    /// Items a store refused for their content; kept as dead letters.
    pub exporter_dead_lettered_items: Family<ExporterLabels, Counter>,
    /// Items of batches that were settled with another number of items than they held.
    pub exporter_miscounted_items: Family<ExporterLabels, Counter>,
    /// Documents that Elasticsearch put into its failure store.
    pub exporter_failure_store_items: Family<ExporterLabels, Counter>,
    /// Evaluations of a rule's partition.
    pub rule_evaluations: Counter,
    /// Evaluations that ended in an error.
    pub rule_evaluation_failures: Counter,
    /// Duration of one run of the engine over all that was due.
    pub rule_run_seconds: Histogram,
    /// Series that rules keep windows for.
    pub rule_wanted_series: Gauge,
    /// Samples that no window could take, being late or of too many series.
    pub rule_refused_samples: Counter,
    /// Most bytes the journal holds.
    pub journal_bytes_max: Family<SignalLabels, Gauge>,
    /// Bytes in the journal that some exporter has not settled.
    pub journal_undelivered_bytes: Family<SignalLabels, Gauge>,
    /// Bytes of dead letters.
    pub dead_letter_bytes: Family<SignalLabels, Gauge>,
    /// Most bytes of dead letters; full pauses exporters.
    pub dead_letter_bytes_max: Family<SignalLabels, Gauge>,
    /// Items of dead letters that were sent again.
    pub dead_letter_replayed_items: Family<ExporterLabels, Counter>,
    /// Items since the exporter began: accepted is the sum of delivered, pending, dead_lettered and dropped.
    pub exporter_account_items: Family<AccountLabels, Gauge>,
    /// Whether the last request to the endpoint was answered.
    pub exporter_endpoint_up: Family<EndpointLabels, Gauge>,
    /// Whether the breaker of the endpoint keeps requests from it.
    pub exporter_breaker_open: Family<EndpointLabels, Gauge>,
    /// Whether something waits because the store refuses us (401, 403, 404) or dead letters have no room.
    pub exporter_paused: Family<ExporterLabels, Gauge>,
    /// Requests that may be on their way at once.
    pub exporter_in_flight_allowed: Family<ExporterLabels, Gauge>,
    /// Exporters that have a cursor and are not configured.
    pub exporter_detached: Family<ExporterLabels, Gauge>,
    /// Partitions of rules.
    pub rule_partitions: Gauge,
    /// Bytes of windows.
    pub rule_window_bytes: Gauge,
    /// Samples that rules were shown.
    pub rule_samples: Counter,
    /// Ticks skipped because the gateway did not run.
    pub rule_missed_ticks: Counter,
    /// 1 if the last reload of rules and alerting succeeded, 0 if the old ones stay.
    pub reload_succeeded: Gauge,
    /// Notifications sent.
    pub notify_sent: Counter,
    /// Attempts to notify that failed.
    pub notify_failures: Counter,
    /// From the receipt of the request that changed an alert to the end of its notification.
    pub notify_latency_seconds: Histogram,
}

fn millisecond_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 2.0, 18))
}

impl Default for Telemetry {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("watchgate");
        let buckets: Buckets = millisecond_buckets;
        let telemetry = Self {
            registry: Arc::default(),
            receiver_requests: Family::default(),
            receiver_refused_requests: Family::default(),
            receiver_items: Family::default(),
            receiver_bytes: Family::default(),
            receiver_rejected_items: Family::default(),
            journal_bytes: Family::default(),
            journal_items: Family::default(),
            journal_corrupt_bytes: Family::default(),
            exporter_lag_items: Family::default(),
            exporter_delivered_items: Family::default(),
            exporter_retries: Family::default(),
            exporter_dropped_items: Family::default(),
            exporter_dead_lettered_items: Family::default(),
            exporter_miscounted_items: Family::default(),
            exporter_failure_store_items: Family::default(),
            rule_evaluations: Counter::default(),
            rule_evaluation_failures: Counter::default(),
            rule_run_seconds: buckets(),
            rule_wanted_series: Gauge::default(),
            rule_refused_samples: Counter::default(),
            journal_bytes_max: Family::default(),
            journal_undelivered_bytes: Family::default(),
            dead_letter_bytes: Family::default(),
            dead_letter_bytes_max: Family::default(),
            dead_letter_replayed_items: Family::default(),
            exporter_account_items: Family::default(),
            exporter_endpoint_up: Family::default(),
            exporter_breaker_open: Family::default(),
            exporter_paused: Family::default(),
            exporter_in_flight_allowed: Family::default(),
            exporter_detached: Family::default(),
            rule_partitions: Gauge::default(),
            rule_window_bytes: Gauge::default(),
            rule_samples: Counter::default(),
            rule_missed_ticks: Counter::default(),
            reload_succeeded: Gauge::default(),
            notify_sent: Counter::default(),
            notify_failures: Counter::default(),
            notify_latency_seconds: buckets(),
        };
        telemetry.register_intake(&mut registry);
        telemetry.register_exporters(&mut registry);
        telemetry.register_state(&mut registry);
        telemetry.register_alerting(&mut registry);
        *telemetry.registry.lock() = registry;
        telemetry
    }
}

impl Telemetry {
    fn register_intake(&self, registry: &mut Registry) {
        registry.register("receiver_requests", "Requests accepted", self.receiver_requests.clone());
        registry.register(
            "receiver_refused_requests",
            "Requests refused, by reason",
            self.receiver_refused_requests.clone(),
        );
        registry.register("receiver_items", "Items accepted into the journal", self.receiver_items.clone());
        registry.register("receiver_bytes", "Body bytes as received", self.receiver_bytes.clone());
        registry.register(
            "receiver_rejected_items",
            "Items rejected while the rest of their request was accepted, by reason",
            self.receiver_rejected_items.clone(),
        );
        registry.register("journal_bytes", "Bytes in the journal", self.journal_bytes.clone());
        registry.register("journal_items", "Items the journal ever took", self.journal_items.clone());
        registry.register(
            "journal_corrupt_bytes",
            "Bytes that readers had to skip because their checksum did not match",
            self.journal_corrupt_bytes.clone(),
        );
    }

    fn register_exporters(&self, registry: &mut Registry) {
        registry.register(
            "exporter_lag_items",
            "Items between the exporter's cursor and the journal's tail",
            self.exporter_lag_items.clone(),
        );
        registry.register("exporter_delivered_items", "Items the store took", self.exporter_delivered_items.clone());
        registry.register("exporter_retries", "Attempts that are repeated, by reason", self.exporter_retries.clone());
        registry.register("exporter_dropped_items", "Items given up, by reason", self.exporter_dropped_items.clone());
        registry.register(
            "exporter_dead_lettered_items",
            "Items the store refused for their content, kept as dead letters",
            self.exporter_dead_lettered_items.clone(),
        );
        registry.register(
            "exporter_miscounted_items",
            "Items of batches that were settled with another number of items than they held",
            self.exporter_miscounted_items.clone(),
        );
        registry.register(
            "exporter_failure_store_items",
            "Documents that Elasticsearch put into its failure store",
            self.exporter_failure_store_items.clone(),
        );
    }

    fn register_state(&self, registry: &mut Registry) {
        registry.register("journal_bytes_max", "Most bytes the journal holds", self.journal_bytes_max.clone());
        registry.register(
            "journal_undelivered_bytes",
            "Bytes in the journal that some exporter has not settled",
            self.journal_undelivered_bytes.clone(),
        );
        registry.register("dead_letter_bytes", "Bytes of dead letters", self.dead_letter_bytes.clone());
        registry.register(
            "dead_letter_bytes_max",
            "Most bytes of dead letters; full pauses exporters",
            self.dead_letter_bytes_max.clone(),
        );
        registry.register(
            "dead_letter_replayed_items",
            "Items of dead letters that were sent again",
            self.dead_letter_replayed_items.clone(),
        );
        registry.register(
            "exporter_account_items",
            "Items since the exporter began: accepted is the sum of delivered, pending, dead_lettered and dropped",
            self.exporter_account_items.clone(),
        );
        registry.register(
            "exporter_endpoint_up",
            "Whether the last request to the endpoint was answered",
            self.exporter_endpoint_up.clone(),
        );
        registry.register(
            "exporter_breaker_open",
            "Whether the breaker of the endpoint keeps requests from it",
            self.exporter_breaker_open.clone(),
        );
        registry.register(
            "exporter_paused",
            "Whether something waits because the store refuses us (401, 403, 404) or dead letters have no room",
            self.exporter_paused.clone(),
        );
        registry.register(
            "exporter_in_flight_allowed",
            "Requests that may be on their way at once",
            self.exporter_in_flight_allowed.clone(),
        );
        registry.register(
            "exporter_detached",
            "Exporters that have a cursor and are not configured",
            self.exporter_detached.clone(),
        );
    }

    fn register_alerting(&self, registry: &mut Registry) {
        registry.register("rule_partitions", "Partitions of rules", self.rule_partitions.clone());
        registry.register("rule_window_bytes", "Bytes of windows", self.rule_window_bytes.clone());
        registry.register("rule_samples", "Samples that rules were shown", self.rule_samples.clone());
        registry.register(
            "rule_missed_ticks",
            "Ticks skipped because the gateway did not run",
            self.rule_missed_ticks.clone(),
        );
        registry.register("rule_evaluations", "Evaluations of a rule's partition", self.rule_evaluations.clone());
        registry.register(
            "rule_evaluation_failures",
            "Evaluations that ended in an error",
            self.rule_evaluation_failures.clone(),
        );
        registry.register(
            "rule_run_seconds",
            "Duration of one run of the engine over all that was due",
            self.rule_run_seconds.clone(),
        );
        registry.register("rule_wanted_series", "Series that rules keep windows for", self.rule_wanted_series.clone());
        registry.register(
            "rule_refused_samples",
            "Samples no window could take, being late or of too many series",
            self.rule_refused_samples.clone(),
        );
        registry.register(
            "rule_reload_succeeded",
            "1 if the last reload of rules and alerting succeeded, 0 if the old ones stay",
            self.reload_succeeded.clone(),
        );
        registry.register("notify_sent", "Notifications sent", self.notify_sent.clone());
        registry.register("notify_failures", "Attempts to notify that failed", self.notify_failures.clone());
        registry.register(
            "notify_latency_seconds",
            "From the receipt of the request that changed an alert to the end of its notification",
            self.notify_latency_seconds.clone(),
        );
    }

    /// The metrics in OpenMetrics text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // writing to a String cannot fail
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry.lock());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_registered_under_the_prefix() {
        let telemetry = Telemetry::default();
        telemetry.receiver_items.get_or_create(&ReceiverLabels { protocol: "bulk" }).inc_by(3);
        let text = telemetry.render();
        assert!(text.contains("watchgate_receiver_items_total{protocol=\"bulk\"} 3"), "{text}");
        assert!(text.contains("watchgate_notify_latency_seconds_bucket"), "{text}");
    }
}
