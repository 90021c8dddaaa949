//! One span of the array, checked as Zipkin's own reader checks it.

use std::borrow::Cow;

use crate::codec::DecodeError;
use crate::codec::scan::{Kind, Scanner};

/// What is read of a span; `problem` is the first thing that Zipkin would refuse it for.
#[derive(Default)]
pub(super) struct Span {
    /// Microseconds since the epoch.
    pub(super) timestamp_us: Option<i64>,
    pub(super) problem: Option<Cow<'static, str>>,
    has_trace_id: bool,
    has_id: bool,
}

impl Span {
    /// Reads the value at the scanner, at most `depth` lists and objects in each other.
    pub(super) fn read(scanner: &mut Scanner<'_>, depth: usize) -> Result<Self, DecodeError> {
        let mut span = Self::default();
        if scanner.peek()? != Kind::Object {
            scanner.skip(depth)?;
            span.refuse("not an object");
            return Ok(span);
        }
        scanner.object(|scanner, key| span.member(scanner, &key.decode(), depth.saturating_sub(1)))?;
        if !span.has_trace_id {
            span.refuse("traceId is missing");
        }
        if !span.has_id {
            span.refuse("id is missing");
        }
        Ok(span)
    }

    fn refuse(&mut self, why: impl Into<Cow<'static, str>>) {
        self.problem.get_or_insert_with(|| why.into());
    }

    fn member(&mut self, scanner: &mut Scanner<'_>, key: &[u8], depth: usize) -> Result<(), DecodeError> {
        if scanner.peek()? == Kind::Null {
            return scanner.skip(depth);
        }
        match key {
            b"traceId" => {
                self.has_trace_id = true;
                self.id(scanner, "traceId", 32, depth)
            }
            b"id" => {
                self.has_id = true;
                self.id(scanner, "id", 16, depth)
            }
            b"parentId" => self.id(scanner, "parentId", 16, depth),
            b"kind" => self.kind(scanner, depth),
            b"name" => self.string(scanner, "name", depth),
            b"timestamp" => {
                self.timestamp_us = self.integer(scanner, "timestamp", depth)?;
                Ok(())
            }
            b"duration" => self.integer(scanner, "duration", depth).map(drop),
            b"localEndpoint" => self.endpoint(scanner, "localEndpoint", depth),
            b"remoteEndpoint" => self.endpoint(scanner, "remoteEndpoint", depth),
            b"annotations" => self.annotations(scanner, depth),
            b"tags" => self.tags(scanner, depth),
            b"debug" | b"shared" => {
                if scanner.peek()? != Kind::Bool {
                    self.refuse("debug and shared must be true or false");
                }
                scanner.skip(depth)
            }
            _ => scanner.skip(depth),
        }
    }

    /// Lower-case hexadecimal, up to `len_max` digits, not all zero unless it is a parent's.
    fn id(
        &mut self,
        scanner: &mut Scanner<'_>,
        name: &'static str,
        len_max: usize,
        depth: usize,
    ) -> Result<(), DecodeError> {
        if scanner.peek()? != Kind::Text {
            self.refuse(format!("{name} must be a string"));
            return scanner.skip(depth);
        }
        let text = scanner.text()?.decode();
        if text.is_empty() || text.len() > len_max {
            self.refuse(format!("{name} has {} characters, 1 to {len_max} expected", text.len()));
        } else if !text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            self.refuse(format!("{name} {:?} is not lower-case hexadecimal", String::from_utf8_lossy(&text)));
        } else if name != "parentId" && text.iter().all(|byte| *byte == b'0') {
            self.refuse(format!("{name} is all zeros"));
        }
        Ok(())
    }

    fn kind(&mut self, scanner: &mut Scanner<'_>, depth: usize) -> Result<(), DecodeError> {
        if scanner.peek()? != Kind::Text {
            self.refuse("kind must be a string");
            return scanner.skip(depth);
        }
        let kind = scanner.text()?.decode();
        if !matches!(&*kind, b"CLIENT" | b"SERVER" | b"PRODUCER" | b"CONSUMER") {
            let shown = String::from_utf8_lossy(&kind[..kind.len().min(32)]).into_owned();
            self.refuse(format!("kind {shown:?} is none of CLIENT, SERVER, PRODUCER, CONSUMER"));
        }
        Ok(())
    }

    /// A string; Zipkin takes a number for one.
    fn string(&mut self, scanner: &mut Scanner<'_>, name: &'static str, depth: usize) -> Result<(), DecodeError> {
        if !matches!(scanner.peek()?, Kind::Text | Kind::Number) {
            self.refuse(format!("{name} must be a string"));
        }
        scanner.skip(depth)
    }

    /// A whole number of 64 bits; Zipkin takes it from a string, too.
    fn integer(
        &mut self,
        scanner: &mut Scanner<'_>,
        name: &'static str,
        depth: usize,
    ) -> Result<Option<i64>, DecodeError> {
        let text = match scanner.peek()? {
            Kind::Number => Cow::Borrowed(scanner.number()?),
            Kind::Text => scanner.text()?.decode(),
            _ => {
                self.refuse(format!("{name} must be a number"));
                scanner.skip(depth)?;
                return Ok(None);
            }
        };
        let number = whole(&text);
        if number.is_none() {
            let shown = String::from_utf8_lossy(&text[..text.len().min(32)]).into_owned();
            self.refuse(format!("{name} {shown:?} is not a whole number of 64 bits"));
        }
        Ok(number)
    }

    fn endpoint(&mut self, scanner: &mut Scanner<'_>, name: &'static str, depth: usize) -> Result<(), DecodeError> {
        if scanner.peek()? != Kind::Object {
            self.refuse(format!("{name} must be an object"));
            return scanner.skip(depth);
        }
        let depth = depth.saturating_sub(1);
        scanner.object(|scanner, key| {
            if scanner.peek()? == Kind::Null {
                return scanner.skip(depth);
            }
            match &*key.decode() {
                b"serviceName" => self.string(scanner, "serviceName", depth),
                b"ipv4" | b"ipv6" => self.string(scanner, "an endpoint's address", depth),
                b"port" => {
                    if self.integer(scanner, "port", depth)?.is_some_and(|port| port > 0xffff) {
                        self.refuse("port is above 65535");
                    }
                    Ok(())
                }
                _ => scanner.skip(depth),
            }
        })
    }

    fn annotations(&mut self, scanner: &mut Scanner<'_>, depth: usize) -> Result<(), DecodeError> {
        if scanner.peek()? != Kind::Array {
            self.refuse("annotations must be an array");
            return scanner.skip(depth);
        }
        let depth = depth.saturating_sub(1);
        scanner.array(|scanner| {
            if scanner.peek()? != Kind::Object {
                self.refuse("an annotation must be an object");
                return scanner.skip(depth);
            }
            let (mut timestamp, mut value) = (false, false);
            let inside = depth.saturating_sub(1);
            scanner.object(|scanner, key| match &*key.decode() {
                b"timestamp" => {
                    timestamp = self.integer(scanner, "an annotation's timestamp", inside)?.is_some();
                    Ok(())
                }
                b"value" => {
                    value = true;
                    self.string(scanner, "an annotation's value", inside)
                }
                _ => scanner.skip(inside),
            })?;
            if !timestamp || !value {
                self.refuse("an annotation must have timestamp and value");
            }
            Ok(())
        })
    }

    fn tags(&mut self, scanner: &mut Scanner<'_>, depth: usize) -> Result<(), DecodeError> {
        if scanner.peek()? != Kind::Object {
            self.refuse("tags must be an object");
            return scanner.skip(depth);
        }
        let depth = depth.saturating_sub(1);
        scanner.object(|scanner, _| self.string(scanner, "a tag's value", depth))
    }
}

/// The 64-bit integer that `text` says, also as `1.0` or `1e3`.
fn whole(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    if !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    // Between -2^63 and 2^63, both exact in a double.
    (number.fract() == 0.0 && (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&number))
        .then_some(number as i64)
}
