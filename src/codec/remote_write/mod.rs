//! Prometheus remote write 1.0: `prometheus.WriteRequest`, snappy's block format round it.
//!
//! [`walk`] is the receiving side. Journal frames go to Prometheus as they came: [`splice_snappy`]
//! joins them without decompressing, [`split`] halves one that a store refuses, and [`encode`]
//! writes the requests that Watchgate makes itself.
//!
//! Schema: `prompb/remote.proto` and `prompb/types.proto` of Prometheus.

mod splice;
mod split;
#[cfg(test)]
mod tests;
mod usual;
mod walk;

pub use splice::{encode, splice_snappy};
pub use split::{Half, split};
pub use walk::{labels_at, walk};

/// Field numbers of the messages that we read.
mod field {
    /// `WriteRequest.timeseries`; `metadata` is 3.
    pub(super) const TIMESERIES: u32 = 1;
    /// `TimeSeries.labels`.
    pub(super) const LABELS: u32 = 1;
    /// `TimeSeries.samples`.
    pub(super) const SAMPLES: u32 = 2;
    /// `TimeSeries.exemplars`.
    pub(super) const EXEMPLARS: u32 = 3;
    /// `TimeSeries.histograms`.
    pub(super) const HISTOGRAMS: u32 = 4;
    /// `Label.name`.
    pub(super) const NAME: u32 = 1;
    /// `Label.value`.
    pub(super) const VALUE: u32 = 2;
    /// `Sample.value`.
    pub(super) const SAMPLE_VALUE: u32 = 1;
    /// `Sample.timestamp`.
    pub(super) const SAMPLE_TIMESTAMP: u32 = 2;
    /// `Histogram.timestamp`.
    pub(super) const HISTOGRAM_TIMESTAMP: u32 = 15;
}
