//! Labels of the own metrics.

use prometheus_client::encoding::EncodeLabelSet;

/// Labels of what a receiver counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReceiverLabels {
    /// The wire format's name.
    pub protocol: &'static str,
}

/// Labels of answers and refusals.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabels {
    /// The wire format's name.
    pub protocol: &'static str,
    /// Why, in one word.
    pub reason: &'static str,
}

/// Labels of what belongs to one signal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SignalLabels {
    /// metrics, logs or traces.
    pub signal: &'static str,
}

/// Labels of what an exporter counts for one signal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ExporterLabels {
    /// The exporter's name in the configuration.
    pub exporter: String,
    /// metrics, logs or traces.
    pub signal: &'static str,
}

/// Labels of what an exporter counts by reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ExporterReasonLabels {
    /// The exporter's name in the configuration.
    pub exporter: String,
    /// metrics, logs or traces.
    pub signal: &'static str,
    /// Why, in one word.
    pub reason: &'static str,
}

/// Labels of what is known about one endpoint of an exporter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EndpointLabels {
    /// The exporter's name in the configuration.
    pub exporter: String,
    /// metrics, logs or traces.
    pub signal: &'static str,
    /// The address without path and secrets.
    pub endpoint: String,
}

/// Labels of the accounts of an exporter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AccountLabels {
    /// The exporter's name in the configuration.
    pub exporter: String,
    /// metrics, logs or traces.
    pub signal: &'static str,
    /// accepted, which is the sum of the others: delivered, pending, dead_lettered, dropped.
    pub account: &'static str,
}
