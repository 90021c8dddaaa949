//! Borrowed views of a request's resources, scopes and log records.

use std::ops::ControlFlow;

use crate::codec::any_value::{AnyValue, Attributes};
use crate::codec::proto::{Cursor, ProtoError};

/// What made a group of log records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResourceRef<'a> {
    /// Its number in the request: records with the same number share the resource.
    pub index: u32,
    /// Its attributes.
    pub attributes: Attributes<'a>,
}

/// The instrumentation, usually the logger, that made a group of log records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScopeRef<'a> {
    /// Its number in the request: records with the same number share the scope.
    pub index: u32,
    /// Its name, empty if unknown.
    pub name: &'a str,
    /// Its version, empty if unknown.
    pub version: &'a str,
    /// Its attributes.
    pub attributes: Attributes<'a>,
}

/// One log record, as long as its request's bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogRef<'a> {
    /// When it happened, in nanoseconds since the epoch; 0 if unknown.
    pub time_ns: u64,
    /// When it was first seen, in nanoseconds since the epoch; 0 if unknown.
    pub observed_ns: u64,
    /// Severity from 1 (trace) to 24 (fatal); 0 if unknown.
    pub severity_number: i32,
    /// Severity in the source's own words, empty if unknown.
    pub severity_text: &'a str,
    /// The body; `None` if there is none.
    pub body: Option<AnyValue<'a>>,
    /// Attributes.
    pub attributes: Attributes<'a>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
    /// W3C trace flags in the lowest byte.
    pub flags: u32,
    /// The trace it belongs to; none unless it has 16 bytes that are not all zero.
    pub trace_id: &'a [u8],
    /// The span it belongs to; none unless it has 8 bytes that are not all zero.
    pub span_id: &'a [u8],
    /// The event's name, empty if the record is no event.
    pub event_name: &'a str,
}

const RESOURCE_LOGS: u32 = 1;
const RESOURCE: u32 = 1;
const SCOPE_LOGS: u32 = 2;
const SCOPE: u32 = 1;
const LOG_RECORDS: u32 = 2;
pub(super) const ATTRIBUTES: u32 = 6;
pub(super) const BODY: u32 = 5;

/// Visits every log record of a request that was walked, with its resource and scope, in order,
/// until `visit` breaks off.
///
/// # Errors
/// If the bytes are malformed; records before the mistake have been visited.
pub fn logs<'a>(
    body: &'a [u8],
    visit: &mut impl FnMut(&ResourceRef<'a>, &ScopeRef<'a>, &LogRef<'a>) -> ControlFlow<()>,
) -> Result<(), ProtoError> {
    let (mut resources, mut scopes) = (0, 0);
    let mut request = Cursor::new(body);
    while let Some((number, value)) = request.next()? {
        if number != RESOURCE_LOGS {
            continue;
        }
        let mut groups = request.nested(value)?;
        let resource = ResourceRef::read(groups.clone(), request.bytes(value)?, resources)?;
        resources += 1;
        while let Some((number, value)) = groups.next()? {
            if number != SCOPE_LOGS {
                continue;
            }
            let mut members = groups.nested(value)?;
            let scope = ScopeRef::read(members.clone(), groups.bytes(value)?, scopes)?;
            scopes += 1;
            while let Some((number, value)) = members.next()? {
                if number == LOG_RECORDS {
                    let record = LogRef::read(members.nested(value)?, members.bytes(value)?)?;
                    if visit(&resource, &scope, &record).is_break() {
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

impl<'a> ResourceRef<'a> {
    /// Reads the resource of a `ResourceLogs`, wherever in it, and in how many pieces, it stands.
    fn read(mut group: Cursor<'a>, message: &'a [u8], index: u32) -> Result<Self, ProtoError> {
        let mut attributes = Attributes::NONE;
        let mut pieces = 0;
        while let Some((number, value)) = group.next()? {
            if number == RESOURCE {
                attributes = Attributes::of(group.bytes(value)?, 1);
                pieces += 1;
            }
        }
        if pieces > 1 {
            attributes = Attributes::in_pieces(message, RESOURCE, 1);
        }
        Ok(Self { index, attributes })
    }
}

impl<'a> ScopeRef<'a> {
    /// Reads the scope of a `ScopeLogs`, wherever in it, and in how many pieces, it stands.
    fn read(mut group: Cursor<'a>, message: &'a [u8], index: u32) -> Result<Self, ProtoError> {
        let mut scope = Self { index, name: "", version: "", attributes: Attributes::NONE };
        let mut pieces = 0;
        while let Some((number, value)) = group.next()? {
            if number == SCOPE {
                scope.attributes = Attributes::of(group.bytes(value)?, 3);
                pieces += 1;
                let mut fields = group.nested(value)?;
                while let Some((number, value)) = fields.next()? {
                    match number {
                        1 => scope.name = fields.text(value)?,
                        2 => scope.version = fields.text(value)?,
                        _ => {}
                    }
                }
            }
        }
        if pieces > 1 {
            scope.attributes = Attributes::in_pieces(message, SCOPE, 3);
        }
        Ok(scope)
    }
}

impl<'a> LogRef<'a> {
    /// Reads a `LogRecord`; attributes and what is nested in the body stay unread.
    ///
    /// # Errors
    /// If it is malformed.
    #[inline]
    pub(super) fn read(mut record: Cursor<'a>, message: &'a [u8]) -> Result<Self, ProtoError> {
        let mut read = Self {
            time_ns: 0,
            observed_ns: 0,
            severity_number: 0,
            severity_text: "",
            body: None,
            attributes: Attributes::NONE,
            dropped_attributes: 0,
            flags: 0,
            trace_id: &[],
            span_id: &[],
            event_name: "",
        };
        let base = record.offset();
        let mut attributes: Option<(usize, usize)> = None;
        while let Some((number, value)) = record.next()? {
            match number {
                1 => read.time_ns = record.fixed64(value)?,
                2 => read.severity_number = record.varint(value)? as i32,
                3 => read.severity_text = record.text(value)?,
                BODY => read.body = Some(AnyValue::read(record.nested(value)?)?),
                ATTRIBUTES => {
                    let first = attributes.map_or(record.field_start() - base, |(first, _)| first);
                    attributes = Some((first, record.offset() - base));
                }
                7 => read.dropped_attributes = record.varint(value)? as u32,
                8 => read.flags = record.fixed32(value)?,
                9 => read.trace_id = id::<16>(record.bytes(value)?),
                10 => read.span_id = id::<8>(record.bytes(value)?),
                11 => read.observed_ns = record.fixed64(value)?,
                12 => read.event_name = record.text(value)?,
                _ => {}
            }
        }
        if let Some((first, end)) = attributes {
            read.attributes = Attributes::of(&message[first..end], ATTRIBUTES);
        }
        Ok(read)
    }

    /// When it happened, or was first seen, in nanoseconds since the epoch; `None` if neither is known.
    #[must_use]
    pub const fn best_time_ns(&self) -> Option<u64> {
        match (self.time_ns, self.observed_ns) {
            (0, 0) => None,
            (0, observed) => Some(observed),
            (time, _) => Some(time),
        }
    }
}

/// An id of `N` bytes; one of another length or all zero means none (logs.proto on `trace_id`).
fn id<const N: usize>(bytes: &[u8]) -> &[u8] {
    if bytes.len() == N && bytes.iter().any(|byte| *byte != 0) { bytes } else { &[] }
}
