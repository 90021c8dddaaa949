//! Series as remote write's bytes, staged for the rule engine as they are written.

use xxhash_rust::xxh3::xxh3_64;

use super::base::Base;
use crate::codec::proto::{put_bytes_field, put_fixed64_field, put_len, put_varint, put_varint_field, varint_len};
use crate::codec::{DecodeError, DecodeErrorKind, TimeRange};
use crate::model::labels::METRIC_NAME;
use crate::model::sample::{Sample, StagedSamples, StagedSeries};

/// Field numbers of `prometheus.TimeSeries`.
const LABELS: u32 = 1;
const SAMPLES: u32 = 2;
pub(super) const EXEMPLARS: u32 = 3;
const HISTOGRAMS: u32 = 4;

/// What a series has at one time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'x> {
    /// A number.
    Number(f64),
    /// A `prometheus.Histogram` message.
    Histogram(&'x [u8]),
}

/// One series with one point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series<'x> {
    /// Its labels but for the name and `extra`.
    pub(super) base: &'x Base,
    /// Its metric name.
    pub(super) name: &'x str,
    /// `le` or `quantile`, with its value.
    pub(super) extra: Option<(&'static str, &'x str)>,
    /// Milliseconds since the epoch.
    pub(super) time_ms: i64,
    /// The point.
    pub(super) value: Value<'x>,
    /// `exemplars` fields, encoded.
    pub(super) exemplars: &'x [u8],
}

impl Series<'_> {
    /// A hash of its labels, to tell series of one request apart.
    pub(super) fn hash(&self) -> u64 {
        let mut hashed = Vec::new();
        self.base.with(&[(METRIC_NAME, self.name.as_bytes())], |name, value| {
            for text in [name, value] {
                hashed.extend_from_slice(text);
                hashed.push(0xff);
            }
        });
        xxh3_64(&hashed)
    }
}

/// Writes series one after the other.
#[derive(Debug)]
pub(super) struct Writer<'s> {
    out: Vec<u8>,
    /// The series under way; its length stands before it.
    series: Vec<u8>,
    staged: &'s mut StagedSamples,
    bytes_max: usize,
    /// Samples and histograms written.
    pub(super) items: u32,
    pub(super) times: TimeRange,
}

impl<'s> Writer<'s> {
    /// A writer of at most `bytes_max` bytes, and of less than 4 GiB.
    pub(super) fn new(staged: &'s mut StagedSamples, bytes_max: u64) -> Self {
        staged.series.clear();
        staged.samples.clear();
        let bytes_max = usize::try_from(bytes_max.min(u64::from(u32::MAX))).unwrap_or(usize::MAX);
        let (out, series) = (Vec::new(), Vec::new());
        Self { out, series, staged, bytes_max, items: 0, times: TimeRange::EMPTY }
    }

    /// Appends a series.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TooLarge`] when the request would outgrow its bound.
    pub(super) fn put(&mut self, series: &Series<'_>) -> Result<(), DecodeError> {
        let out = &mut self.series;
        out.clear();
        let put = |name: &[u8], value: &[u8]| {
            put_len(out, LABELS, framed(name.len()) + framed(value.len()));
            put_bytes_field(out, 1, name);
            put_bytes_field(out, 2, value);
        };
        let name = (METRIC_NAME, series.name.as_bytes());
        match series.extra {
            None => series.base.with(&[name], put),
            Some((extra, text)) => series.base.with(&[name, (extra, text.as_bytes())], put),
        }
        // these bytes are what `model::labels::labels_hash` is defined over
        let labels_hash = xxh3_64(out);
        let labels_len = out.len();
        match series.value {
            Value::Number(number) => {
                put_len(out, SAMPLES, 9 + 1 + varint_len(series.time_ms as u64));
                put_fixed64_field(out, 1, number.to_bits());
                put_varint_field(out, 2, series.time_ms as u64);
                out.extend_from_slice(series.exemplars);
                self.finish(labels_hash, series)
            }
            Value::Histogram(message) => {
                put_bytes_field(out, HISTOGRAMS, message);
                self.finish(labels_hash, series)?;
                self.exemplars_alone(labels_len, series.exemplars)
            }
        }
    }

    /// Appends a histogram's exemplars under the same labels once more: Prometheus reads a series'
    /// exemplars before its histograms, and forgets those of a series that it does not know yet.
    fn exemplars_alone(&mut self, labels_len: usize, exemplars: &[u8]) -> Result<(), DecodeError> {
        if !exemplars.is_empty() {
            self.series.truncate(labels_len);
            self.series.extend_from_slice(exemplars);
            self.check_room()?;
            put_bytes_field(&mut self.out, 1, &self.series);
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), DecodeError> {
        if self.out.len() + framed(self.series.len()) <= self.bytes_max {
            return Ok(());
        }
        let what = format!(
            "request becomes more than {} bytes of remote write (limits.request_bytes_max): send smaller batches",
            self.bytes_max
        );
        Err(DecodeError { kind: DecodeErrorKind::TooLarge, what, offset: 0 })
    }

    fn finish(&mut self, labels_hash: u64, series: &Series<'_>) -> Result<(), DecodeError> {
        self.check_room()?;
        put_len(&mut self.out, 1, self.series.len());
        if let Value::Number(value) = series.value {
            self.staged.samples.push(Sample { timestamp_ms: series.time_ms, value });
            // none of these exceeds the bytes written, which are less than 4 GiB
            self.staged.series.push(StagedSeries {
                labels_hash,
                offset: self.out.len() as u32,
                len: self.series.len() as u32,
                samples_end: self.staged.samples.len() as u32,
            });
        }
        self.out.extend_from_slice(&self.series);
        self.items += 1;
        self.times.add(series.time_ms);
        Ok(())
    }

    /// Hands the request over to what was staged.
    pub(super) fn close(self) -> (u32, TimeRange) {
        self.staged.body = self.out.into();
        (self.items, self.times)
    }
}

/// Bytes of a length-delimited field with a one-byte tag.
pub(super) const fn framed(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

/// Appends a `sint32` or `sint64`.
pub(super) fn put_zigzag(out: &mut Vec<u8>, number: i64) {
    put_varint(out, ((number << 1) ^ (number >> 63)) as u64);
}
