//! Write requests for a store: frames joined or halved as they are, requests of our own encoded.

use crate::codec::compression::{CompressionError, snappy_declared_len};
use crate::codec::proto::{put_bytes_field, put_fixed64_field, put_len, put_varint, put_varint_field, varint_len};
use crate::model::labels::Labels;
use crate::model::sample::Sample;

use super::field;

/// Appends one snappy body that decompresses to the given bodies' content, one after the other.
///
/// Two `WriteRequest`s back to back are one with the series of both, and so are their compressed
/// forms: snappy's preamble is the length, its elements refer backwards by distance.
///
/// # Errors
/// If a preamble is not valid, or the sum is 4 GiB or more.
pub fn splice_snappy(frames: &[&[u8]], out: &mut Vec<u8>) -> Result<(), CompressionError> {
    let mut total = 0u64;
    for frame in frames {
        total += snappy_declared_len(frame)? as u64;
    }
    if total > u64::from(u32::MAX) {
        return Err(CompressionError::TooLarge { limit: u32::MAX as usize });
    }
    out.reserve(frames.iter().map(|frame| frame.len()).sum());
    put_varint(out, total);
    for frame in frames {
        let preamble = frame.iter().position(|byte| byte & 0x80 == 0).map_or(0, |last| last + 1);
        out.extend_from_slice(&frame[preamble..]);
    }
    Ok(())
}

/// Appends a `WriteRequest` of the given series; requests appended to one buffer are one request.
pub fn encode<'a>(series: impl IntoIterator<Item = (&'a Labels, &'a [Sample])>, out: &mut Vec<u8>) {
    for (labels, samples) in series {
        let labels_len: usize =
            labels.iter().map(|(name, value)| framed(label_len(name.as_bytes(), value.as_bytes()))).sum();
        let samples_len: usize = samples.iter().map(|sample| framed(sample_len(sample))).sum();
        put_len(out, field::TIMESERIES, labels_len + samples_len);
        for (name, value) in labels.iter() {
            put_len(out, field::LABELS, label_len(name.as_bytes(), value.as_bytes()));
            put_bytes_field(out, field::NAME, name.as_bytes());
            put_bytes_field(out, field::VALUE, value.as_bytes());
        }
        for sample in samples {
            put_len(out, field::SAMPLES, sample_len(sample));
            put_fixed64_field(out, field::SAMPLE_VALUE, sample.value.to_bits());
            put_varint_field(out, field::SAMPLE_TIMESTAMP, sample.timestamp_ms as u64);
        }
    }
}

/// Bytes of a length-delimited field with a one-byte tag.
const fn framed(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

/// Bytes of a label's message.
pub(super) const fn label_len(name: &[u8], value: &[u8]) -> usize {
    framed(name.len()) + framed(value.len())
}

const fn sample_len(sample: &Sample) -> usize {
    9 + 1 + varint_len(sample.timestamp_ms as u64)
}
