//! Series as every sender writes them, read in one step: most of a request is nothing else.
//!
//! What is not quite of that form is no mistake: the general reader takes it from the start.

use xxhash_rust::xxh3::xxh3_64;

use crate::codec::TimeRange;
use crate::codec::proto::{Cursor, ProtoError, is_ascii};
use crate::limits::Limits;
use crate::model::labels::METRIC_NAME;
use crate::model::sample::Sample;

/// Reads a series of labels and samples. The labels stand together at its start, sorted, within
/// `limits`, none empty or doubled, one of them the metric's name: their bytes are then what
/// [`labels_hash`](crate::model::labels::labels_hash) is defined over, and are hashed where they stand.
///
/// Answers that hash, or `None` if the series is of another form; `samples` and `times` are then the
/// caller's to restore.
#[inline]
pub(super) fn series(
    message: &[u8],
    limits: &Limits,
    samples_max: usize,
    samples: &mut Vec<Sample>,
    times: &mut TimeRange,
) -> Option<u64> {
    let labels_len = labels_len(message, limits)?;
    let (labels, mut rest) = message.split_at_checked(labels_len)?;
    while !rest.is_empty() {
        let (sample, len) = sample(rest)?;
        if samples.len() >= samples_max {
            return None;
        }
        times.add(sample.timestamp_ms);
        samples.push(sample);
        rest = rest.get(len..)?;
    }
    // One look over all labels, framing included, instead of one at each name and value.
    (is_ascii(labels) || texts(labels).is_ok()).then(|| xxh3_64(labels))
}

/// How many bytes from the start are labels of the usual form; `None` if there is another label among
/// them, or no metric name.
#[inline]
fn labels_len(message: &[u8], limits: &Limits) -> Option<usize> {
    let metric_name = head(METRIC_NAME.as_bytes(), METRIC_NAME.len());
    let (mut at, mut count, mut named) = (0, 0, false);
    let (mut before, mut before_head): (&[u8], u64) = (&[], 0);
    while let Some(0x0a) = message.get(at) {
        let (len, start) = length(message, at + 1)?;
        let (name_len, name_at) = text(message, start, 0x0a)?;
        let value_tag = name_at + name_len;
        let (value_len, value_at) = text(message, value_tag, 0x12)?;
        at = start + len;
        if value_at + value_len != at
            || name_len > limits.label_name_bytes_max
            || value_len > limits.label_value_bytes_max
        {
            return None;
        }
        let name = message.get(name_at..value_tag)?;
        let name_head = head(message.get(name_at..)?, name_len);
        // Nearly always the first eight bytes tell.
        if name_head < before_head || name_head == before_head && name <= before {
            return None;
        }
        (before, before_head) = (name, name_head);
        named |= name_head == metric_name && name_len == METRIC_NAME.len();
        count += 1;
    }
    (named && count <= limits.labels_max).then_some(at)
}

/// Length and start of the string at `at`, which is not empty and has this tag.
#[inline(always)]
fn text(message: &[u8], at: usize, tag: u8) -> Option<(usize, usize)> {
    if *message.get(at)? != tag {
        return None;
    }
    length(message, at + 1).filter(|(len, _)| *len > 0)
}

/// A length of one byte or two, in its only shortest form, and where it ends.
#[inline(always)]
fn length(message: &[u8], at: usize) -> Option<(usize, usize)> {
    let low = *message.get(at)?;
    if low < 0x80 {
        return Some((usize::from(low), at + 1));
    }
    let high = *message.get(at + 1)?;
    (1..0x80).contains(&high).then(|| (usize::from(low & 0x7f) | usize::from(high) << 7, at + 2))
}

/// The first eight bytes of a name of `len`, as a number that sorts as they do.
#[inline(always)]
fn head(bytes: &[u8], len: usize) -> u64 {
    let word = match bytes.first_chunk::<8>() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)) << (8 * (8 - bytes.len()) as u32 % 64),
    };
    if len < 8 { word & !(u64::MAX >> (8 * len)) } else { word }
}

/// The sample at the start of `rest`, and the bytes of its field.
#[inline(always)]
fn sample(rest: &[u8]) -> Option<(Sample, usize)> {
    // The tag, a length that is one byte and the rest: a value, left out if it is 0, then a time of now.
    let (value_bits, time, len) = match *rest.first_chunk::<3>()? {
        [0x12, 16, 0x09] => (u64::from_le_bytes(*rest.get(3..)?.first_chunk()?), rest.get(11..)?, 18),
        [0x12, 7, 0x10] => (0, rest.get(2..)?, 9),
        _ => return None,
    };
    let &[0x10, a, b, c, d, e, f] = time.first_chunk::<7>()? else { return None };
    let word = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    if word & 0x8080_8080_8080 != 0x80_8080_8080 {
        return None;
    }
    let group = |at: u32| (word >> (8 * at) & 0x7f) << (7 * at);
    let timestamp_ms = (group(0) | group(1) | group(2) | group(3) | group(4) | group(5)) as i64;
    Some((Sample { timestamp_ms, value: f64::from_bits(value_bits) }, len))
}

/// Checks each name and value for UTF-8.
#[cold]
fn texts(labels: &[u8]) -> Result<(), ProtoError> {
    let mut labels = Cursor::new(labels);
    while let Some((_, value)) = labels.next()? {
        let mut label = labels.nested(value)?;
        while let Some((_, value)) = label.next()? {
            label.text(value)?;
        }
    }
    Ok(())
}
