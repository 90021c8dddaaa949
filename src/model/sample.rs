//! Samples, staleness markers, and the samples a request stages for the rule engine.

use bytes::Bytes;

/// The bits of the NaN that marks a series as ended (Prometheus `value.StaleNaN`).
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The staleness marker as a value. Compare with [`is_stale`], never with `==`.
pub const STALE_NAN: f64 = f64::from_bits(STALE_NAN_BITS);

/// Whether `value` is the staleness marker, bit for bit; any other NaN is an ordinary value.
#[must_use]
pub const fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// One value of one series at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since the Unix epoch, by the sender's clock.
    pub timestamp_ms: i64,
    /// The value; NaN payloads are kept byte-exact.
    pub value: f64,
}

/// One series of a staged request: where its labels are in the body, and which samples are its.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StagedSeries {
    /// [`labels_hash`](crate::model::labels::labels_hash) of its labels.
    pub labels_hash: u64,
    /// Offset in [`StagedSamples::body`] of the message that holds its labels.
    pub offset: u32,
    /// Length in bytes of that message.
    pub len: u32,
    /// One past its last sample in [`StagedSamples::samples`]; it starts where the previous series ends.
    pub samples_end: u32,
}

/// The samples of one request, collected while it was walked and applied once the journal has it.
///
/// Labels are not copied: the engine reads them from `body` only for a series it has never seen.
#[derive(Clone, Debug, Default)]
pub struct StagedSamples {
    /// The decompressed request.
    pub body: Bytes,
    /// Its series, in order.
    pub series: Vec<StagedSeries>,
    /// The samples of all series, back to back.
    pub samples: Vec<Sample>,
}

impl StagedSamples {
    /// Bytes that the lists hold, without the body.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.series.capacity() * size_of::<StagedSeries>() + self.samples.capacity() * size_of::<Sample>()
    }

    /// Each series with its samples.
    pub fn iter(&self) -> impl Iterator<Item = (&StagedSeries, &[Sample])> {
        let mut start = 0;
        self.series.iter().map(move |series| {
            let end = series.samples_end as usize;
            let samples = &self.samples[start..end];
            start = end;
            (series, samples)
        })
    }
}
