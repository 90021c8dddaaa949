//! Exemplars: trace and span ids first, the filtered attributes if all of them fit.

use super::text;
use super::walk::{Bad, Walker};
use super::writer::{EXEMPLARS, framed};
use crate::codec::any_value::AnyValue;
use crate::codec::json::put_hex;
use crate::codec::proto::{Cursor, put_bytes_field, put_fixed64_field, put_len, put_varint_field};

/// Characters of an exemplar's label names and values together (OpenMetrics).
const RUNES_MAX: usize = 128;

/// A point's exemplars as remote write's bytes, in order.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    /// All of them.
    pub(super) bytes: Vec<u8>,
    /// Value of each, and where it ends.
    ends: Vec<(f64, usize)>,
    labels: Vec<(Vec<u8>, Vec<u8>)>,
    message: Vec<u8>,
}

impl Encoded {
    fn end(&self, index: usize) -> usize {
        index.checked_sub(1).and_then(|last| self.ends.get(last)).map_or(0, |(_, end)| *end)
    }

    /// Those from `next` on that are not above `bound`; `next` moves behind them.
    pub(super) fn up_to(&self, bound: f64, next: &mut usize) -> &[u8] {
        let start = *next;
        // as in Prometheus, a NaN is above nothing
        while self
            .ends
            .get(*next)
            .is_some_and(|(value, _)| !matches!(value.partial_cmp(&bound), Some(std::cmp::Ordering::Greater)))
        {
            *next += 1;
        }
        &self.bytes[self.end(start)..self.end(*next)]
    }

    /// Those from `next` on.
    pub(super) fn rest(&self, next: usize) -> &[u8] {
        &self.bytes[self.end(next)..]
    }
}

impl<'a> Walker<'a, '_> {
    /// Encodes the exemplars found in the point, or forgets them: the end of a series has none. One
    /// without a value is left out.
    pub(super) fn encode_exemplars(&mut self, time_ms: i64, wanted: bool) -> Result<(), Bad> {
        self.encoded.bytes.clear();
        self.encoded.ends.clear();
        for exemplar in std::mem::take(&mut self.exemplars) {
            if wanted {
                self.exemplar(exemplar, time_ms)?;
            }
        }
        Ok(())
    }

    fn exemplar(&mut self, mut exemplar: Cursor<'a>, point_ms: i64) -> Result<(), Bad> {
        let (mut time_ns, mut number, mut trace_id, mut span_id): (u64, Option<f64>, &[u8], &[u8]) =
            (0, None, &[], &[]);
        self.attributes.clear();
        while let Some((field, value)) = exemplar.next()? {
            match field {
                2 => time_ns = exemplar.fixed64(value)?,
                3 => number = Some(exemplar.double(value)?),
                4 => span_id = exemplar.bytes(value)?,
                5 => trace_id = exemplar.bytes(value)?,
                6 => number = Some(exemplar.fixed64(value)? as i64 as f64),
                7 => self.attribute(exemplar.nested(value)?)?,
                _ => {}
            }
        }
        let Some(number) = number else { return Ok(()) };
        self.exemplar_labels(trace_id, span_id);
        let Encoded { bytes, ends, labels, message } = &mut self.encoded;
        message.clear();
        for (name, value) in labels {
            put_len(message, 1, framed(name.len()) + framed(value.len()));
            put_bytes_field(message, 1, name);
            put_bytes_field(message, 2, value);
        }
        put_fixed64_field(message, 2, number.to_bits());
        let time_ms = (time_ns as i64).div_euclid(1_000_000);
        put_varint_field(message, 3, if time_ms == 0 { point_ms } else { time_ms } as u64);
        put_bytes_field(bytes, EXEMPLARS, message);
        ends.push((number, bytes.len()));
        Ok(())
    }

    fn exemplar_labels(&mut self, trace_id: &[u8], span_id: &[u8]) {
        let labels = &mut self.encoded.labels;
        labels.clear();
        for (name, id, len) in [("trace_id", trace_id, 16), ("span_id", span_id, 8)] {
            if id.len() == len && id.iter().any(|byte| *byte != 0) {
                let mut hex = Vec::with_capacity(2 * len);
                put_hex(&mut hex, id);
                labels.push((name.as_bytes().to_vec(), hex));
            }
        }
        let ids = labels.len();
        for (key, value) in &self.attributes {
            labels.push((key.as_bytes().to_vec(), text_of(*value)));
        }
        let runes: usize = labels.iter().map(|(name, value)| runes(name) + runes(value)).sum();
        if runes > RUNES_MAX {
            labels.truncate(ids);
        }
        labels.sort();
    }
}

fn text_of(value: AnyValue<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    text::write(value, &mut out);
    out
}

fn runes(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}
