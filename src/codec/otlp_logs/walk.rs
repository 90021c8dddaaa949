//! One pass over an `ExportLogsServiceRequest`: validates every record, counts, cuts out the invalid.

use super::record::{ATTRIBUTES, BODY};
use crate::codec::any_value;
use crate::codec::cut::Cuts;
use crate::codec::proto::{Cursor, Field};
use crate::codec::{DecodeError, DecodeErrorKind, TimeRange, Walked};
use crate::limits::Limits;

/// Reads a request once.
///
/// A record is rejected if its body or an attribute is nested deeper than `limits.nesting_max`. Trace
/// and span ids of a wrong length do not reject it: the protocol has them read as absent.
///
/// # Errors
/// If the bytes are no such request: broken framing, a string that is not UTF-8; or if a resource's
/// or scope's attributes are nested too deeply.
pub fn walk(body: &[u8], limits: &Limits) -> Result<Walked, DecodeError> {
    let mut walker = Walker {
        nesting_max: limits.nesting_max,
        times: TimeRange::EMPTY,
        cuts: Cuts::default(),
        records: 0,
        walked: Walked::default(),
    };
    let mut request = Cursor::new(body);
    while let Some((number, value)) = request.next()? {
        if number == 1 {
            walker.resource_logs(request.nested(value)?)?;
        }
    }
    let mut walked = walker.walked;
    walked.kept = walker.cuts.apply(body, &[1, 2])?;
    (walked.time_min_ms, walked.time_max_ms) = walker.times.bounds();
    Ok(walked)
}

struct Walker {
    nesting_max: usize,
    times: TimeRange,
    cuts: Cuts,
    /// Records so far, valid or not.
    records: u32,
    walked: Walked,
}

impl Walker {
    fn resource_logs(&mut self, mut group: Cursor<'_>) -> Result<(), DecodeError> {
        while let Some((number, value)) = group.next()? {
            match number {
                1 => self.check_attributes(group.nested(value)?, 1)?,
                2 => self.scope_logs(group.nested(value)?)?,
                3 => group.check_text(value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn scope_logs(&mut self, mut group: Cursor<'_>) -> Result<(), DecodeError> {
        while let Some((number, value)) = group.next()? {
            match number {
                1 => {
                    let mut scope = group.nested(value)?;
                    self.check_attributes(scope.clone(), 3)?;
                    while let Some((number, value)) = scope.next()? {
                        if matches!(number, 1 | 2) {
                            scope.text(value)?;
                        }
                    }
                }
                2 => {
                    match self.record(group.nested(value)?) {
                        Err(error) if error.kind == DecodeErrorKind::TooDeep => {
                            self.reject(&error.what);
                            self.cuts.add(group.field_start()..group.offset());
                        }
                        verdict => verdict?,
                    }
                    self.records = self.records.saturating_add(1);
                }
                3 => group.check_text(value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn record(&mut self, mut fields: Cursor<'_>) -> Result<(), DecodeError> {
        let (mut time_ns, mut observed_ns) = (0, 0);
        let mut verdict = Ok(());
        while let Some((number, value)) = fields.next()? {
            let checked = match number {
                BODY => any_value::check_value(fields.nested(value)?, self.nesting_max),
                ATTRIBUTES => any_value::check(fields.nested(value)?, self.nesting_max),
                _ => check_plain(&fields, number, value, &mut time_ns, &mut observed_ns),
            };
            match checked {
                // The rest has still to be well-formed, or nothing of the request is taken.
                Err(error) if error.kind == DecodeErrorKind::TooDeep => verdict = Err(error),
                other => other?,
            }
        }
        verdict?;
        self.walked.items = self.walked.items.saturating_add(1);
        let best_ns = if time_ns == 0 { observed_ns } else { time_ns };
        if best_ns != 0 {
            // A u64 of nanoseconds is less than 2^45 milliseconds.
            self.times.add((best_ns / 1_000_000) as i64);
        }
        Ok(())
    }

    fn reject(&mut self, why: &str) {
        self.walked.rejected = self.walked.rejected.saturating_add(1);
        let records = self.records;
        self.walked.first_rejection.get_or_insert_with(|| format!("log record {records}: {why}"));
    }

    fn check_attributes(&self, mut message: Cursor<'_>, field: u32) -> Result<(), DecodeError> {
        while let Some((number, value)) = message.next()? {
            if number == field {
                any_value::check(message.nested(value)?, self.nesting_max)?;
            }
        }
        Ok(())
    }
}

/// Checks one of a record's plain fields: whatever `LogRef::read` will read has the type it reads.
#[inline]
fn check_plain(
    fields: &Cursor<'_>,
    number: u32,
    value: Field<'_>,
    time_ns: &mut u64,
    observed_ns: &mut u64,
) -> Result<(), DecodeError> {
    match number {
        1 => *time_ns = fields.fixed64(value)?,
        11 => *observed_ns = fields.fixed64(value)?,
        2 | 7 => {
            fields.varint(value)?;
        }
        3 | 12 => fields.check_text(value)?,
        8 => {
            fields.fixed32(value)?;
        }
        9 | 10 => {
            fields.bytes(value)?;
        }
        _ => {}
    }
    Ok(())
}
