//! One pass over an `ExportTraceServiceRequest`: validates every span, counts, cuts out the invalid.

use super::span::{EventRef, LinkRef, SpanRef};
use crate::codec::any_value;
use crate::codec::cut::Cuts;
use crate::codec::proto::Cursor;
use crate::codec::{DecodeError, DecodeErrorKind, TimeRange, Walked};
use crate::limits::Limits;

/// Reads a request once.
///
/// A span is rejected if its trace id is not 16 bytes, its span id not 8, one of them all zero, a
/// parent's or link's id of another length, or its attribute values nested deeper than
/// `limits.nesting_max`. A span's time is its start, or its end if it has none.
///
/// # Errors
/// If the bytes are no such request: broken framing, a string that is not UTF-8; or if a resource's
/// or scope's attributes are nested too deeply.
pub fn walk(body: &[u8], limits: &Limits) -> Result<Walked, DecodeError> {
    let mut walker =
        Walker { limits, times: TimeRange::EMPTY, cuts: Cuts::default(), spans: 0, walked: Walked::default() };
    let mut request = Cursor::new(body);
    while let Some((number, value)) = request.next()? {
        if number == 1 {
            walker.resource_spans(request.nested(value)?)?;
        }
    }
    let mut walked = walker.walked;
    walked.kept = walker.cuts.apply(body, &[1, 2])?;
    (walked.time_min_ms, walked.time_max_ms) = walker.times.bounds();
    Ok(walked)
}

struct Walker<'s> {
    limits: &'s Limits,
    times: TimeRange,
    cuts: Cuts,
    /// Spans so far, valid or not.
    spans: u32,
    walked: Walked,
}

impl Walker<'_> {
    fn resource_spans(&mut self, mut group: Cursor<'_>) -> Result<(), DecodeError> {
        while let Some((number, value)) = group.next()? {
            match number {
                1 => self.check_attributes(group.nested(value)?, 1)?,
                2 => self.scope_spans(group.nested(value)?)?,
                3 => {
                    group.text(value)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn scope_spans(&mut self, mut group: Cursor<'_>) -> Result<(), DecodeError> {
        while let Some((number, value)) = group.next()? {
            match number {
                1 => {
                    let scope = group.nested(value)?;
                    self.check_attributes(scope.clone(), 3)?;
                    check_texts(scope, &[1, 2])?;
                }
                2 => {
                    let verdict = self.span(group.nested(value)?, group.bytes(value)?);
                    let why = match verdict {
                        Ok(Ok(())) => None,
                        Ok(Err(why)) => Some(why),
                        Err(error) if error.kind == DecodeErrorKind::TooDeep => Some(error.what),
                        Err(error) => return Err(error),
                    };
                    if let Some(why) = why {
                        self.reject(&why);
                        self.cuts.add(group.field_start()..group.offset());
                    }
                    self.spans = self.spans.saturating_add(1);
                }
                3 => {
                    group.text(value)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks one span; the inner error is what it is rejected for.
    fn span(&mut self, cursor: Cursor<'_>, message: &[u8]) -> Result<Result<(), String>, DecodeError> {
        let span = SpanRef::read(cursor.clone(), message)?;
        let mut verdict = check_ids(&span);
        let mut fields = cursor;
        while let Some((number, value)) = fields.next()? {
            match number {
                9 => any_value::check(fields.nested(value)?, self.limits.nesting_max)?,
                11 => {
                    let event = fields.nested(value)?;
                    EventRef::read(event.clone(), fields.bytes(value)?)?;
                    self.check_attributes(event, 3)?;
                }
                13 => {
                    let nested = fields.nested(value)?;
                    let link = LinkRef::read(nested.clone(), fields.bytes(value)?)?;
                    self.check_attributes(nested, 4)?;
                    if verdict.is_ok() && (link.trace_id.len() != 16 || link.span_id.len() != 8) {
                        verdict = Err("a link's trace id must have 16 bytes and its span id 8".to_owned());
                    }
                }
                _ => {}
            }
        }
        if verdict.is_ok() {
            self.walked.items = self.walked.items.saturating_add(1);
            let time_ns = if span.start_ns > 0 { span.start_ns } else { span.end_ns };
            // A u64 of nanoseconds is less than 2^45 milliseconds.
            self.times.add((time_ns / 1_000_000) as i64);
        }
        Ok(verdict)
    }

    fn reject(&mut self, why: &str) {
        self.walked.rejected = self.walked.rejected.saturating_add(1);
        let spans = self.spans;
        self.walked.first_rejection.get_or_insert_with(|| format!("span {spans}: {why}"));
    }

    fn check_attributes(&self, mut message: Cursor<'_>, field: u32) -> Result<(), DecodeError> {
        while let Some((number, value)) = message.next()? {
            if number == field {
                any_value::check(message.nested(value)?, self.limits.nesting_max)?;
            }
        }
        Ok(())
    }
}

fn check_texts(mut message: Cursor<'_>, fields: &[u32]) -> Result<(), DecodeError> {
    while let Some((number, value)) = message.next()? {
        if fields.contains(&number) {
            message.text(value)?;
        }
    }
    Ok(())
}

fn check_ids(span: &SpanRef<'_>) -> Result<(), String> {
    let id = |what: &str, id: &[u8], len: usize| {
        if id.len() != len {
            return Err(format!("{what} has {} bytes, not {len}", id.len()));
        }
        if id.iter().all(|byte| *byte == 0) { Err(format!("{what} is all zeros")) } else { Ok(()) }
    };
    id("trace id", span.trace_id, 16)?;
    id("span id", span.span_id, 8)?;
    if span.parent_span_id.is_empty() || span.parent_span_id.len() == 8 {
        Ok(())
    } else {
        Err(format!("parent span id has {} bytes, not 8 or none", span.parent_span_id.len()))
    }
}
