//! Borrowed views of a request's resources, scopes and spans.

use crate::codec::any_value::Attributes;
use crate::codec::proto::{Cursor, ProtoError};

/// What made a group of spans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResourceRef<'a> {
    /// Its number in the request: spans with the same number share the resource.
    pub index: u32,
    /// Its attributes.
    pub attributes: Attributes<'a>,
}

/// The instrumentation that made a group of spans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScopeRef<'a> {
    /// Its number in the request: spans with the same number share the scope.
    pub index: u32,
    /// Its name, empty if unknown.
    pub name: &'a str,
    /// Its version, empty if unknown.
    pub version: &'a str,
    /// Its attributes.
    pub attributes: Attributes<'a>,
}

/// What a span does; numbers as in the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// Not said, or a kind that did not exist when this was written.
    #[default]
    Unspecified,
    /// Inside one service.
    Internal,
    /// Serves a remote call.
    Server,
    /// Makes a remote call.
    Client,
    /// Sends a message.
    Producer,
    /// Receives a message.
    Consumer,
}

/// How a span ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StatusCode {
    /// Not said.
    #[default]
    Unset,
    /// Well, says the application.
    Ok,
    /// Badly.
    Error,
}

/// One span, as long as its request's bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpanRef<'a> {
    /// 16 bytes, not all zero, in a request that was walked.
    pub trace_id: &'a [u8],
    /// 8 bytes, not all zero, in a request that was walked.
    pub span_id: &'a [u8],
    /// 8 bytes, or empty for a root span.
    pub parent_span_id: &'a [u8],
    /// W3C trace state, empty if there is none.
    pub trace_state: &'a str,
    /// W3C trace flags and more.
    pub flags: u32,
    /// Name of the operation.
    pub name: &'a str,
    /// Kind.
    pub kind: SpanKind,
    /// Start, in nanoseconds since the epoch.
    pub start_ns: u64,
    /// End, in nanoseconds since the epoch.
    pub end_ns: u64,
    /// Attributes.
    pub attributes: Attributes<'a>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
    /// Events that the sender dropped.
    pub dropped_events: u32,
    /// Links that the sender dropped.
    pub dropped_links: u32,
    /// Status.
    pub status: StatusCode,
    /// The status' message, empty if there is none.
    pub status_message: &'a str,
    message: &'a [u8],
    has_events: bool,
    has_links: bool,
}

/// Something that happened during a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EventRef<'a> {
    /// When, in nanoseconds since the epoch.
    pub time_ns: u64,
    /// Its name.
    pub name: &'a str,
    /// Its attributes.
    pub attributes: Attributes<'a>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
}

/// Another span that a span refers to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkRef<'a> {
    /// 16 bytes.
    pub trace_id: &'a [u8],
    /// 8 bytes.
    pub span_id: &'a [u8],
    /// W3C trace state, empty if there is none.
    pub trace_state: &'a str,
    /// Attributes of the link.
    pub attributes: Attributes<'a>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: u32,
}

const RESOURCE_SPANS: u32 = 1;
const RESOURCE: u32 = 1;
const SCOPE_SPANS: u32 = 2;
const SCOPE: u32 = 1;
const SPANS: u32 = 2;
const ATTRIBUTES: u32 = 9;
const EVENTS: u32 = 11;
const LINKS: u32 = 13;

/// Visits every span of a request that was walked, with its resource and scope, in order.
///
/// # Errors
/// If the bytes are malformed; spans before the mistake have been visited.
pub fn spans<'a>(
    body: &'a [u8],
    visit: &mut impl FnMut(&ResourceRef<'a>, &ScopeRef<'a>, &SpanRef<'a>),
) -> Result<(), ProtoError> {
    let (mut resources, mut scopes) = (0, 0);
    let mut request = Cursor::new(body);
    while let Some((number, value)) = request.next()? {
        if number != RESOURCE_SPANS {
            continue;
        }
        let mut groups = request.nested(value)?;
        let resource = ResourceRef::read(groups.clone(), request.bytes(value)?, resources)?;
        resources += 1;
        while let Some((number, value)) = groups.next()? {
            if number != SCOPE_SPANS {
                continue;
            }
            let mut members = groups.nested(value)?;
            let scope = ScopeRef::read(members.clone(), groups.bytes(value)?, scopes)?;
            scopes += 1;
            while let Some((number, value)) = members.next()? {
                if number == SPANS {
                    visit(&resource, &scope, &SpanRef::read(members.nested(value)?, members.bytes(value)?)?);
                }
            }
        }
    }
    Ok(())
}

impl<'a> ResourceRef<'a> {
    /// Reads the resource of a `ResourceSpans`, wherever in it, and in how many pieces, it stands.
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
    /// Reads the scope of a `ScopeSpans`, wherever in it, and in how many pieces, it stands.
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

impl<'a> SpanRef<'a> {
    /// Reads a `Span`; attributes, events and links stay unread.
    pub(super) fn read(mut span: Cursor<'a>, message: &'a [u8]) -> Result<Self, ProtoError> {
        let mut read = Self {
            trace_id: &[],
            span_id: &[],
            parent_span_id: &[],
            trace_state: "",
            flags: 0,
            name: "",
            kind: SpanKind::Unspecified,
            start_ns: 0,
            end_ns: 0,
            attributes: Attributes::NONE,
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            status: StatusCode::Unset,
            status_message: "",
            message,
            has_events: false,
            has_links: false,
        };
        let start = span.offset();
        let mut attributes: Option<(usize, usize)> = None;
        while let Some((number, value)) = span.next()? {
            match number {
                1 => read.trace_id = span.bytes(value)?,
                2 => read.span_id = span.bytes(value)?,
                3 => read.trace_state = span.text(value)?,
                4 => read.parent_span_id = span.bytes(value)?,
                5 => read.name = span.text(value)?,
                6 => read.kind = SpanKind::of(span.varint(value)?),
                7 => read.start_ns = span.fixed64(value)?,
                8 => read.end_ns = span.fixed64(value)?,
                ATTRIBUTES => {
                    let first = attributes.map_or(span.field_start() - start, |(first, _)| first);
                    attributes = Some((first, span.offset() - start));
                }
                10 => read.dropped_attributes = span.varint(value)? as u32,
                EVENTS => read.has_events = true,
                12 => read.dropped_events = span.varint(value)? as u32,
                LINKS => read.has_links = true,
                14 => read.dropped_links = span.varint(value)? as u32,
                15 => read.read_status(span.nested(value)?)?,
                16 => read.flags = span.fixed32(value)?,
                _ => {}
            }
        }
        if let Some((first, end)) = attributes {
            read.attributes = Attributes::of(&message[first..end], ATTRIBUTES);
        }
        Ok(read)
    }

    /// A status sent in pieces is merged, as protobuf has it.
    fn read_status(&mut self, mut status: Cursor<'a>) -> Result<(), ProtoError> {
        while let Some((number, value)) = status.next()? {
            match number {
                2 => self.status_message = status.text(value)?,
                3 => self.status = StatusCode::of(status.varint(value)?),
                _ => {}
            }
        }
        Ok(())
    }

    /// Its events, in order.
    pub fn events(&self) -> impl Iterator<Item = EventRef<'a>> + use<'a> {
        let message = if self.has_events { self.message } else { &[] };
        messages(message, EVENTS).map_while(|(event, message)| EventRef::read(event, message).ok())
    }

    /// Its links, in order.
    pub fn links(&self) -> impl Iterator<Item = LinkRef<'a>> + use<'a> {
        let message = if self.has_links { self.message } else { &[] };
        messages(message, LINKS).map_while(|(link, message)| LinkRef::read(link, message).ok())
    }
}

/// The messages at `field` of `message`.
fn messages<'a>(message: &'a [u8], field: u32) -> impl Iterator<Item = (Cursor<'a>, &'a [u8])> {
    let mut cursor = Cursor::new(message);
    std::iter::from_fn(move || {
        loop {
            let (number, value) = cursor.next().ok()??;
            if number == field {
                return Some((cursor.nested(value).ok()?, cursor.bytes(value).ok()?));
            }
        }
    })
}

impl<'a> EventRef<'a> {
    pub(super) fn read(mut event: Cursor<'a>, message: &'a [u8]) -> Result<Self, ProtoError> {
        let attributes = Attributes::of(message, 3);
        let mut read = Self { time_ns: 0, name: "", attributes, dropped_attributes: 0 };
        while let Some((number, value)) = event.next()? {
            match number {
                1 => read.time_ns = event.fixed64(value)?,
                2 => read.name = event.text(value)?,
                4 => read.dropped_attributes = event.varint(value)? as u32,
                _ => {}
            }
        }
        Ok(read)
    }
}

impl<'a> LinkRef<'a> {
    pub(super) fn read(mut link: Cursor<'a>, message: &'a [u8]) -> Result<Self, ProtoError> {
        let attributes = Attributes::of(message, 4);
        let mut read = Self { trace_id: &[], span_id: &[], trace_state: "", attributes, dropped_attributes: 0 };
        while let Some((number, value)) = link.next()? {
            match number {
                1 => read.trace_id = link.bytes(value)?,
                2 => read.span_id = link.bytes(value)?,
                3 => read.trace_state = link.text(value)?,
                5 => read.dropped_attributes = link.varint(value)? as u32,
                _ => {}
            }
        }
        Ok(read)
    }
}

impl SpanKind {
    fn of(number: u64) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }
}

impl StatusCode {
    fn of(number: u64) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }
}
