//! `HistogramDataPoint`: `_sum`, `_count` and a cumulative `_bucket` for each bound.

use super::text::write_bound;
use super::walk::{Bad, Walker, is_stale, millis};
use super::writer::{Series, Value};
use crate::codec::proto::Cursor;
use crate::limits::HISTOGRAM_BUCKETS_MAX;
use crate::model::sample::STALE_NAN;

impl<'a> Walker<'a, '_> {
    /// Writes one point; a sum that is not set has no series.
    pub(super) fn histogram(&mut self, mut point: Cursor<'a>) -> Result<(), Bad> {
        let (mut time_ns, mut flags, mut count, mut sum) = (0, 0, 0, None);
        self.bounds.clear();
        self.counts.clear();
        while let Some((field, value)) = point.next()? {
            match field {
                3 => time_ns = point.fixed64(value)?,
                4 => count = point.fixed64(value)?,
                5 => sum = Some(point.double(value)?),
                6 => point.packed_fixed64(value, HISTOGRAM_BUCKETS_MAX, &mut self.counts)?,
                7 => point.packed_fixed64(value, HISTOGRAM_BUCKETS_MAX, &mut self.bounds)?,
                8 => self.exemplars.push(point.nested(value)?),
                9 => self.attribute(point.nested(value)?)?,
                10 => flags = point.varint(value)?,
                _ => {}
            }
        }
        if self.counts.len().max(self.bounds.len()) > HISTOGRAM_BUCKETS_MAX {
            return Err(Bad::Point(format!("more than {HISTOGRAM_BUCKETS_MAX} buckets")));
        }
        let time_ms = millis(time_ns)?;
        self.build_base()?;
        self.encode_exemplars(time_ms, !is_stale(flags))?;
        let shown = |number: f64| Value::Number(if is_stale(flags) { STALE_NAN } else { number });
        let base = Series {
            base: &self.base,
            name: &self.names.count,
            extra: None,
            time_ms,
            value: shown(count as f64),
            exemplars: &[],
        };
        if let Some(sum) = sum {
            self.writer.put(&Series { name: &self.names.sum, value: shown(sum), ..base })?;
        }
        self.writer.put(&base)?;
        let (mut total, mut next_exemplar) = (0u64, 0);
        for (bound, bucket) in self.bounds.iter().map(|bits| f64::from_bits(*bits)).zip(&self.counts) {
            total = total.wrapping_add(*bucket);
            self.le.clear();
            write_bound(bound, &mut self.le);
            let exemplars = self.encoded.up_to(bound, &mut next_exemplar);
            let (extra, value) = (Some(("le", self.le.as_str())), shown(total as f64));
            self.writer.put(&Series { name: &self.names.bucket, extra, value, exemplars, ..base })?;
        }
        let exemplars = self.encoded.rest(next_exemplar);
        self.writer.put(&Series { name: &self.names.bucket, extra: Some(("le", "+Inf")), exemplars, ..base })?;
        self.saw(time_ns);
        Ok(())
    }
}
