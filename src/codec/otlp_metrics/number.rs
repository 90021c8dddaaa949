//! `NumberDataPoint`: the points of gauges and sums.

use super::walk::{Bad, Walker, is_stale, millis};
use super::writer::{Series, Value};
use crate::codec::proto::Cursor;
use crate::model::sample::STALE_NAN;

impl<'a> Walker<'a, '_> {
    /// Writes one point; only those of sums have exemplars.
    pub(super) fn number(&mut self, mut point: Cursor<'a>, has_exemplars: bool) -> Result<(), Bad> {
        let (mut time_ns, mut flags, mut number) = (0, 0, 0.0);
        while let Some((field, value)) = point.next()? {
            match field {
                3 => time_ns = point.fixed64(value)?,
                4 => number = point.double(value)?,
                5 => self.exemplars.push(point.nested(value)?),
                6 => number = point.fixed64(value)? as i64 as f64,
                7 => self.attribute(point.nested(value)?)?,
                8 => flags = point.varint(value)?,
                _ => {}
            }
        }
        let time_ms = millis(time_ns)?;
        self.build_base()?;
        let number = if is_stale(flags) { STALE_NAN } else { number };
        self.encode_exemplars(time_ms, has_exemplars && !is_stale(flags))?;
        self.writer.put(&Series {
            base: &self.base,
            name: &self.names.family,
            extra: None,
            time_ms,
            value: Value::Number(number),
            exemplars: &self.encoded.bytes,
        })?;
        self.saw(time_ns);
        Ok(())
    }
}
