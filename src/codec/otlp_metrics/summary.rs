//! `SummaryDataPoint`: `_sum`, `_count` and a series for each quantile.

use super::text::write_bound;
use super::walk::{Bad, Walker, is_stale, millis};
use super::writer::{Series, Value};
use crate::codec::proto::{Cursor, ProtoError};
use crate::limits::HISTOGRAM_BUCKETS_MAX;
use crate::model::sample::STALE_NAN;

impl<'a> Walker<'a, '_> {
    /// Writes one point.
    pub(super) fn summary(&mut self, mut point: Cursor<'a>) -> Result<(), Bad> {
        let (mut time_ns, mut flags, mut count, mut sum) = (0, 0, 0, 0.0);
        self.bounds.clear();
        self.counts.clear();
        while let Some((field, value)) = point.next()? {
            match field {
                3 => time_ns = point.fixed64(value)?,
                4 => count = point.fixed64(value)?,
                5 => sum = point.double(value)?,
                6 => {
                    let (quantile, value) = quantile(point.nested(value)?)?;
                    if self.bounds.len() == HISTOGRAM_BUCKETS_MAX {
                        return Err(Bad::Point(format!("more than {HISTOGRAM_BUCKETS_MAX} quantiles")));
                    }
                    self.bounds.push(quantile);
                    self.counts.push(value);
                }
                7 => self.attribute(point.nested(value)?)?,
                8 => flags = point.varint(value)?,
                _ => {}
            }
        }
        let time_ms = millis(time_ns)?;
        self.build_base()?;
        let shown = |number: f64| Value::Number(if is_stale(flags) { STALE_NAN } else { number });
        let base =
            Series { base: &self.base, name: &self.names.sum, extra: None, time_ms, value: shown(sum), exemplars: &[] };
        self.writer.put(&base)?;
        self.writer.put(&Series { name: &self.names.count, value: shown(count as f64), ..base })?;
        for (quantile, number) in self.bounds.iter().zip(&self.counts) {
            self.le.clear();
            write_bound(f64::from_bits(*quantile), &mut self.le);
            let (extra, value) = (Some(("quantile", self.le.as_str())), shown(f64::from_bits(*number)));
            self.writer.put(&Series { name: &self.names.family, extra, value, ..base })?;
        }
        self.saw(time_ns);
        Ok(())
    }
}

/// The bits of a quantile and of its value.
fn quantile(mut message: Cursor<'_>) -> Result<(u64, u64), ProtoError> {
    let mut pair = (0, 0);
    while let Some((field, value)) = message.next()? {
        match field {
            1 => pair.0 = message.fixed64(value)?,
            2 => pair.1 = message.fixed64(value)?,
            _ => {}
        }
    }
    Ok(pair)
}
