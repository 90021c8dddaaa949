//! One pass over an `ExportTraceServiceRequest`: validates every span, counts, cuts out the invalid.

use super::span::{EventRef, LinkRef};
use crate::codec::any_value;
use crate::codec::cut::Cuts;
use crate::codec::proto::{Cursor, Field, ProtoError};
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
                3 => group.check_text(value)?,
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
                    if let Err(why) = self.span(group.nested(value)?)? {
                        self.reject(&why);
                        self.cuts.add(group.field_start()..group.offset());
                    }
                    self.spans = self.spans.saturating_add(1);
                }
                3 => group.check_text(value)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks one span; the inner error is what it is rejected for.
    fn span(&mut self, mut fields: Cursor<'_>) -> Result<Result<(), String>, DecodeError> {
        let mut plain = Plain::default();
        let (mut too_deep, mut wrong_link) = (None, false);
        while let Some((number, value)) = fields.next()? {
            let checked = match number {
                9 => any_value::check(fields.nested(value)?, self.limits.nesting_max),
                11 => self.event(fields.nested(value)?, fields.bytes(value)?),
                13 => {
                    let nested = fields.nested(value)?;
                    let link = LinkRef::read(nested.clone(), fields.bytes(value)?)?;
                    wrong_link |= link.trace_id.len() != 16 || link.span_id.len() != 8;
                    self.check_attributes(nested, 4)
                }
                _ => Ok(plain.read(&fields, number, value)?),
            };
            match checked {
                // The rest has still to be well-formed, or nothing of the request is taken.
                Err(error) if error.kind == DecodeErrorKind::TooDeep => too_deep = Some(error.what),
                other => other?,
            }
        }
        let verdict = match (too_deep, plain.check_ids()) {
            (Some(why), _) | (None, Err(why)) => Err(why),
            _ if wrong_link => Err("a link's trace id must have 16 bytes and its span id 8".to_owned()),
            _ => Ok(()),
        };
        if verdict.is_ok() {
            self.walked.items = self.walked.items.saturating_add(1);
            let time_ns = if plain.start_ns > 0 { plain.start_ns } else { plain.end_ns };
            // A u64 of nanoseconds is less than 2^45 milliseconds.
            self.times.add((time_ns / 1_000_000) as i64);
        }
        Ok(verdict)
    }

    fn event(&self, event: Cursor<'_>, message: &[u8]) -> Result<(), DecodeError> {
        EventRef::read(event.clone(), message)?;
        self.check_attributes(event, 3)
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
            message.check_text(value)?;
        }
    }
    Ok(())
}

/// A span's plain fields, as far as they are judged.
#[derive(Default)]
struct Plain<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_span_id: &'a [u8],
    start_ns: u64,
    end_ns: u64,
}

impl<'a> Plain<'a> {
    /// Takes in one field: whatever `SpanRef::read` will read has the type it reads.
    #[inline(always)]
    fn read(&mut self, fields: &Cursor<'a>, number: u32, value: Field<'a>) -> Result<(), ProtoError> {
        match number {
            1 => self.trace_id = fields.bytes(value)?,
            2 => self.span_id = fields.bytes(value)?,
            4 => self.parent_span_id = fields.bytes(value)?,
            3 | 5 => fields.check_text(value)?,
            7 => self.start_ns = fields.fixed64(value)?,
            8 => self.end_ns = fields.fixed64(value)?,
            6 | 10 | 12 | 14 => {
                fields.varint(value)?;
            }
            15 => check_status(fields.nested(value)?)?,
            16 => {
                fields.fixed32(value)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn check_ids(&self) -> Result<(), String> {
        check_id("trace id", self.trace_id, 16)?;
        check_id("span id", self.span_id, 8)?;
        if self.parent_span_id.is_empty() || self.parent_span_id.len() == 8 {
            return Ok(());
        }
        Err(format!("parent span id has {} bytes, not 8 or none", self.parent_span_id.len()))
    }
}

#[inline]
fn check_id(what: &str, id: &[u8], len: usize) -> Result<(), String> {
    if id.len() != len {
        return Err(format!("{what} has {} bytes, not {len}", id.len()));
    }
    if id.iter().fold(0, |all, byte| all | byte) == 0 { Err(format!("{what} is all zeros")) } else { Ok(()) }
}

fn check_status(mut status: Cursor<'_>) -> Result<(), ProtoError> {
    while let Some((number, value)) = status.next()? {
        match number {
            2 => status.check_text(value)?,
            3 => {
                status.varint(value)?;
            }
            _ => {}
        }
    }
    Ok(())
}
