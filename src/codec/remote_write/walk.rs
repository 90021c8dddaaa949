//! One pass over a `WriteRequest`: validates and counts, stages series and samples for the rule engine.

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::{field, usual};
use crate::codec::proto::{Cursor, ProtoError, put_bytes_field, put_len};
use crate::codec::remote_write::splice::label_len;
use crate::codec::{DecodeError, DecodeErrorKind, TimeRange, Walked};
use crate::limits::Limits;
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::sample::{Sample, StagedSamples, StagedSeries};

/// Staged bytes that any request may take.
const STAGED_BYTES_FREE: usize = 1 << 20;

/// Staged bytes for each byte of the body beyond that: a real sample, with a time of now, takes 9
/// bytes or more on the wire and 16 staged; an empty one would take 2.
const STAGED_BYTES_PER_BYTE: usize = 2;

/// Reads a decompressed `WriteRequest` once and stages its float samples in `staged`, whose former
/// content is replaced.
///
/// A series is rejected, with all its points, for what Prometheus rejects it for: no `__name__`, an
/// empty or doubled label name, text that is not UTF-8; also for crossing a bound of `limits`. As in
/// Prometheus, labels need not come sorted, and a label without a value is no label. Native
/// histograms count as items but are not staged; exemplars and metadata pass and do not count. An
/// item's time is its timestamp, NaN and stale markers are kept bit for bit.
///
/// # Errors
/// If the bytes are no `WriteRequest`, or too long to be staged; `staged` is unspecified then.
pub fn walk(body: Bytes, limits: &Limits, staged: &mut StagedSamples) -> Result<Walked, DecodeError> {
    staged.series.clear();
    staged.samples.clear();
    staged.body = body.clone();
    if u32::try_from(body.len()).is_err() {
        let what = format!("write request of {} bytes, 4 GiB at most", body.len());
        return Err(DecodeError { kind: DecodeErrorKind::TooLarge, what, offset: 0 });
    }
    let samples_max = (STAGED_BYTES_FREE + STAGED_BYTES_PER_BYTE * body.len()) / size_of::<Sample>();
    let (times, walked) = (TimeRange::EMPTY, Walked::default());
    let mut walker =
        Walker { limits, staged, labels: Vec::new(), scratch: Vec::new(), times, walked, copied: 0, samples_max };
    let mut request = Cursor::new(&body);
    let mut index = 0;
    while let Some((number, value)) = request.next()? {
        if number == field::TIMESERIES {
            let message = request.bytes(value)?;
            if let Some((points, why)) = walker.series(message, request.offset() - message.len())? {
                walker.reject(&body, request.field_start(), request.offset(), points, || {
                    format!("series {index}: {why}")
                });
            }
            index += 1;
        }
    }
    Ok(walker.finish(&body))
}

/// The labels of a staged series, read from the body that it was staged with.
///
/// Answers the empty set for a `series` of another body.
#[must_use]
pub fn labels_at(body: &[u8], series: &StagedSeries) -> Labels {
    let start = series.offset as usize;
    let mut labels = Vec::new();
    if let Some(message) = body.get(start..start + series.len as usize) {
        let mut cursor = Cursor::new(message);
        while let Ok(Some((number, value))) = cursor.next() {
            if number == field::LABELS {
                match cursor.nested(value).and_then(label) {
                    Ok(pair) => labels.push(pair),
                    Err(_) => break,
                }
            }
        }
    }
    let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
    Labels::from_pairs(labels.into_iter().map(|(name, value)| (text(name), text(value))))
}

struct Walker<'a, 's> {
    limits: &'s Limits,
    staged: &'s mut StagedSamples,
    /// The series' labels; one buffer for the whole request.
    labels: Vec<(&'a [u8], &'a [u8])>,
    /// What is hashed of them; likewise.
    scratch: Vec<u8>,
    times: TimeRange,
    walked: Walked,
    /// How much of the request `walked.kept` covers.
    copied: usize,
    samples_max: usize,
}

impl<'a> Walker<'a, '_> {
    /// Stages one series; answers its points and what is wrong with it, if it is to be rejected.
    #[inline]
    fn series(&mut self, message: &'a [u8], offset: usize) -> Result<Option<(u32, String)>, DecodeError> {
        let start = self.staged.samples.len();
        let times = self.times;
        let samples = &mut self.staged.samples;
        match usual::series(message, self.limits, self.samples_max, samples, &mut self.times) {
            Some(labels_hash) => {
                self.stage(labels_hash, start, 0, offset, message.len());
                Ok(None)
            }
            None => {
                self.staged.samples.truncate(start);
                self.times = times;
                self.any_series(message, offset)
            }
        }
    }

    /// [`Walker::series`] of any form.
    fn any_series(&mut self, message: &'a [u8], offset: usize) -> Result<Option<(u32, String)>, DecodeError> {
        self.labels.clear();
        let start = self.staged.samples.len();
        let times = self.times;
        let mut histograms = 0u32;
        let mut series = Cursor::at(message, offset);
        while let Some((number, value)) = series.next()? {
            match number {
                field::LABELS => self.labels.push(label(series.nested(value)?)?),
                field::SAMPLES => {
                    let sample = sample(series.nested(value)?)?;
                    self.times.add(sample.timestamp_ms);
                    if self.staged.samples.len() == self.samples_max {
                        let what = "more samples than the body's bytes can hold".to_owned();
                        let offset = series.field_start();
                        return Err(DecodeError { kind: DecodeErrorKind::TooLarge, what, offset });
                    }
                    self.staged.samples.push(sample);
                }
                field::HISTOGRAMS => {
                    self.times.add(histogram_time(series.nested(value)?)?);
                    histograms += 1;
                }
                field::EXEMPLARS => {
                    check(series.nested(value)?)?;
                }
                _ => {}
            }
        }
        match labels_verdict(&mut self.labels, &mut self.scratch, self.limits) {
            Ok(labels_hash) => {
                self.stage(labels_hash, start, histograms, offset, message.len());
                Ok(None)
            }
            Err(why) => {
                let points = self.points(start, histograms);
                self.staged.samples.truncate(start);
                self.times = times;
                Ok(Some((points, why)))
            }
        }
    }

    /// Points of the series whose samples start at `start`.
    #[inline]
    fn points(&self, start: usize, histograms: u32) -> u32 {
        let samples = self.staged.samples.len() - start;
        histograms.saturating_add(u32::try_from(samples).unwrap_or(u32::MAX))
    }

    /// Counts the series' points, and stages it if it has samples.
    #[inline]
    fn stage(&mut self, labels_hash: u64, start: usize, histograms: u32, offset: usize, len: usize) {
        self.walked.items = self.walked.items.saturating_add(self.points(start, histograms));
        if self.staged.samples.len() > start {
            // No number exceeds the body's length, which `walk` checked.
            let (offset, len, samples_end) = (offset as u32, len as u32, self.staged.samples.len() as u32);
            self.staged.series.push(StagedSeries { labels_hash, offset, len, samples_end });
        }
    }

    /// Cuts the series at `start..end` out of the request.
    fn reject(&mut self, body: &[u8], start: usize, end: usize, points: u32, why: impl FnOnce() -> String) {
        self.walked.kept.get_or_insert_default().extend_from_slice(&body[self.copied..start]);
        self.copied = end;
        // A series without a point is an item to nobody but its sender.
        self.walked.rejected = self.walked.rejected.saturating_add(points.max(1));
        self.walked.first_rejection.get_or_insert_with(why);
    }

    fn finish(mut self, body: &Bytes) -> Walked {
        if let Some(kept) = &mut self.walked.kept {
            kept.extend_from_slice(&body[self.copied..]);
        }
        (self.walked.time_min_ms, self.walked.time_max_ms) = self.times.bounds();
        self.walked
    }
}

/// Sorts the labels; answers the hash of those with a value, or what is wrong with them.
fn labels_verdict(labels: &mut [(&[u8], &[u8])], scratch: &mut Vec<u8>, limits: &Limits) -> Result<u64, String> {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).into_owned();
    if !labels.is_sorted_by(|(a, _), (b, _)| a < b) {
        labels.sort_by_key(|(name, _)| *name);
        if let Some(twice) = labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!("label {:?} is given twice", shown(twice[0].0)));
        }
    }
    if labels.len() > limits.labels_max {
        return Err(format!("{} labels, at most {}", labels.len(), limits.labels_max));
    }
    let mut named = false;
    for (name, value) in labels.iter() {
        if name.is_empty() {
            return Err("a label has no name".to_owned());
        }
        if name.len() > limits.label_name_bytes_max {
            return Err(format!(
                "label name {:?}… of {} bytes, at most {}",
                shown(name),
                name.len(),
                limits.label_name_bytes_max
            ));
        }
        if value.len() > limits.label_value_bytes_max {
            return Err(format!(
                "value of label {:?} has {} bytes, at most {}",
                shown(name),
                value.len(),
                limits.label_value_bytes_max
            ));
        }
        named |= *name == METRIC_NAME.as_bytes() && !value.is_empty();
    }
    if !named {
        return Err("no metric name (label __name__)".to_owned());
    }
    hash(labels, scratch).ok_or_else(|| "a label is not valid UTF-8".to_owned())
}

/// [`labels_hash`](crate::model::labels::labels_hash) of the labels, `None` if one is not UTF-8.
fn hash(labels: &[(&[u8], &[u8])], scratch: &mut Vec<u8>) -> Option<u64> {
    scratch.clear();
    for (name, value) in labels {
        if std::str::from_utf8(name).is_err() || std::str::from_utf8(value).is_err() {
            return None;
        }
        if !value.is_empty() {
            put_len(scratch, field::LABELS, label_len(name, value));
            put_bytes_field(scratch, field::NAME, name);
            put_bytes_field(scratch, field::VALUE, value);
        }
    }
    Some(xxh3_64(scratch))
}

fn label<'a>(mut label: Cursor<'a>) -> Result<(&'a [u8], &'a [u8]), ProtoError> {
    let mut pair: (&[u8], &[u8]) = (&[], &[]);
    while let Some((number, value)) = label.next()? {
        match number {
            field::NAME => pair.0 = label.bytes(value)?,
            field::VALUE => pair.1 = label.bytes(value)?,
            _ => {}
        }
    }
    Ok(pair)
}

fn sample(mut message: Cursor<'_>) -> Result<Sample, ProtoError> {
    let mut sample = Sample { timestamp_ms: 0, value: 0.0 };
    while let Some((number, value)) = message.next()? {
        match number {
            field::SAMPLE_VALUE => sample.value = message.double(value)?,
            field::SAMPLE_TIMESTAMP => sample.timestamp_ms = message.varint(value)? as i64,
            _ => {}
        }
    }
    Ok(sample)
}

fn histogram_time(mut histogram: Cursor<'_>) -> Result<i64, ProtoError> {
    let mut time = 0;
    while let Some((number, value)) = histogram.next()? {
        if number == field::HISTOGRAM_TIMESTAMP {
            time = histogram.varint(value)? as i64;
        }
    }
    Ok(time)
}

/// Reads a message for its framing only.
fn check(mut message: Cursor<'_>) -> Result<(), ProtoError> {
    while message.next()?.is_some() {}
    Ok(())
}
