//! `ExponentialHistogramDataPoint`: one native histogram.
//!
//! OTLP names a bucket by its lower bound, Prometheus by its upper one: indexes are one higher there.
//! Scales above Prometheus' finest schema are coarsened by merging neighbours.

use super::walk::{Bad, Walker, is_stale, millis};
use super::writer::{Series, Value, put_zigzag};
use crate::codec::proto::{
    Cursor, ProtoError, put_bytes_field, put_fixed64_field, put_len, put_varint, put_varint_field, varint_len,
};
use crate::limits::HISTOGRAM_BUCKETS_MAX;
use crate::model::sample::STALE_NAN;

/// Prometheus' coarsest and finest schema.
const SCHEMA_MIN: i64 = -4;
const SCHEMA_MAX: i64 = 8;

/// Width of the zero bucket that Prometheus assumes.
const ZERO_THRESHOLD: f64 = 1e-128;

/// Empty buckets that are written out rather than skipped by a span of their own.
const GAP_MAX: i64 = 2;

/// Field numbers of `prometheus.Histogram`; deltas follow their spans.
const NEGATIVE_SPANS: u32 = 8;
const POSITIVE_SPANS: u32 = 11;

/// One side's buckets as they came.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    offset: i64,
    counts: Vec<u64>,
}

/// The buffers of a histogram under way.
#[derive(Debug, Default)]
pub(super) struct Native {
    positive: Buckets,
    negative: Buckets,
    message: Vec<u8>,
    deltas: Vec<u8>,
}

impl<'a> Walker<'a, '_> {
    /// Writes one point.
    pub(super) fn exponential(&mut self, mut point: Cursor<'a>) -> Result<(), Bad> {
        let (mut time_ns, mut flags, mut count, mut sum, mut scale, mut zero_count) = (0, 0, 0, 0.0, 0, 0);
        self.native.positive.clear();
        self.native.negative.clear();
        while let Some((field, value)) = point.next()? {
            match field {
                1 => self.attribute(point.nested(value)?)?,
                3 => time_ns = point.fixed64(value)?,
                4 => count = point.fixed64(value)?,
                5 => sum = point.double(value)?,
                6 => scale = zigzag(point.varint(value)?),
                7 => zero_count = point.fixed64(value)?,
                8 => self.native.positive.read(point.nested(value)?)?,
                9 => self.native.negative.read(point.nested(value)?)?,
                10 => flags = point.varint(value)?,
                11 => self.exemplars.push(point.nested(value)?),
                _ => {}
            }
        }
        let time_ms = millis(time_ns)?;
        self.build_base()?;
        if is_stale(flags) {
            self.native.write_stale(time_ms);
        } else {
            self.native.write(scale, count, sum, zero_count, time_ms).map_err(Bad::Point)?;
        }
        self.encode_exemplars(time_ms, !is_stale(flags))?;
        self.writer.put(&Series {
            base: &self.base,
            name: &self.names.family,
            extra: None,
            time_ms,
            value: Value::Histogram(&self.native.message),
            exemplars: &self.encoded.bytes,
        })?;
        self.saw(time_ns);
        Ok(())
    }
}

const fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

impl Buckets {
    fn clear(&mut self) {
        self.offset = 0;
        self.counts.clear();
    }

    fn read(&mut self, mut message: Cursor<'_>) -> Result<(), ProtoError> {
        while let Some((field, value)) = message.next()? {
            match field {
                1 => self.offset = zigzag(message.varint(value)?),
                2 => message.packed_varints(value, HISTOGRAM_BUCKETS_MAX, &mut self.counts)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Observations in all buckets.
    fn total(&self) -> u128 {
        self.counts.iter().map(|count| u128::from(*count)).sum()
    }
}

impl Native {
    /// Becomes the end of a series.
    fn write_stale(&mut self, time_ms: i64) {
        self.message.clear();
        put_varint_field(&mut self.message, 1, 0);
        put_fixed64_field(&mut self.message, 3, STALE_NAN.to_bits());
        put_varint_field(&mut self.message, 15, time_ms as u64);
    }

    /// Becomes a histogram; the error is what it is rejected for: Prometheus would refuse the whole
    /// request for it.
    fn write(&mut self, scale: i64, count: u64, sum: f64, zero_count: u64, time_ms: i64) -> Result<(), String> {
        if scale < SCHEMA_MIN {
            return Err(format!("exponential histogram of scale {scale}, at least {SCHEMA_MIN}"));
        }
        for side in [&self.positive, &self.negative] {
            if side.counts.len() > HISTOGRAM_BUCKETS_MAX {
                return Err(format!("more than {HISTOGRAM_BUCKETS_MAX} buckets"));
            }
            if i32::try_from(side.offset).is_err() {
                return Err(format!("buckets start at {}, which is out of range", side.offset));
            }
        }
        let found = u128::from(zero_count) + self.positive.total() + self.negative.total();
        let wrong = if sum.is_nan() { found > u128::from(count) } else { found != u128::from(count) };
        if wrong || count > i64::MAX as u64 {
            return Err(format!("{found} observations in the buckets, but a count of {count}"));
        }
        let coarser = u32::try_from(scale - SCHEMA_MAX).unwrap_or(0).min(u32::BITS);
        let Self { positive, negative, message, deltas } = self;
        message.clear();
        put_varint_field(message, 1, count);
        put_fixed64_field(message, 3, sum.to_bits());
        put_varint(message, 4 << 3);
        put_zigzag(message, scale.min(SCHEMA_MAX));
        put_fixed64_field(message, 5, ZERO_THRESHOLD.to_bits());
        put_varint_field(message, 6, zero_count);
        put_side(negative, coarser, NEGATIVE_SPANS, message, deltas)?;
        put_side(positive, coarser, POSITIVE_SPANS, message, deltas)?;
        put_varint_field(message, 15, time_ms as u64);
        Ok(())
    }
}

/// Appends one side's spans and, packed, the differences of its buckets.
fn put_side(
    buckets: &Buckets,
    coarser: u32,
    spans: u32,
    message: &mut Vec<u8>,
    deltas: &mut Vec<u8>,
) -> Result<(), String> {
    deltas.clear();
    let index = |at: usize| ((buckets.offset + at as i64) >> coarser) + 1;
    let (mut span, mut next, mut before) = (None::<(i64, u64)>, 0, 0);
    let mut at = 0;
    while at < buckets.counts.len() {
        let bucket = index(at);
        let mut count = 0u64;
        while at < buckets.counts.len() && index(at) == bucket {
            // no more than the point's count, which fits
            count += buckets.counts[at];
            at += 1;
        }
        if count == 0 {
            continue;
        }
        let (offset, len) = match span {
            None => (bucket, 0),
            Some((offset, len)) if bucket - next <= GAP_MAX => {
                for _ in next..bucket {
                    put_zigzag(deltas, -before);
                    before = 0;
                }
                (offset, len + (bucket - next) as u64)
            }
            Some(full) => {
                put_span(message, spans, full);
                (bucket - next, 0)
            }
        };
        if i32::try_from(bucket).is_err() {
            return Err(format!("a bucket at {bucket}, which is out of range"));
        }
        span = Some((offset, len + 1));
        put_zigzag(deltas, count as i64 - before);
        before = count as i64;
        next = bucket + 1;
    }
    if let Some(last) = span {
        put_span(message, spans, last);
        put_bytes_field(message, spans + 1, deltas);
    }
    Ok(())
}

/// Appends a `BucketSpan`: how far after the last one it starts, and its length.
fn put_span(message: &mut Vec<u8>, field: u32, (offset, len): (i64, u64)) {
    let zigzagged = ((offset << 1) ^ (offset >> 63)) as u64;
    put_len(message, field, 2 + varint_len(zigzagged) + varint_len(len));
    put_varint_field(message, 1, zigzagged);
    put_varint_field(message, 2, len);
}
