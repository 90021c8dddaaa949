//! OTLP's JSON form, rewritten as the protobuf message it stands for, in one pass.
//!
//! A receiver rewrites once, so that the journal and everything behind it know one form only. The
//! messages are tables ([`schema`]); one function follows them. Values are borrowed from the text
//! and written straight into the message.
//!
//! As the specification has it: names in lowerCamelCase only, unknown members passed over, `null`
//! as if absent, ids in hexadecimal, enums as numbers, 64-bit numbers as numbers or strings, bytes
//! in base64. A member given twice is refused: which one was meant cannot be known. Ids of a wrong
//! length and values nested too deeply are the walk's to reject, one by one.
//!
//! Schema: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.

mod scalar;
mod schema;
#[cfg(test)]
mod tests;

use super::proto::{put_varint, varint_len};
use super::scan::{Kind as Json, Scanner};
use super::{DecodeError, DecodeErrorKind};
use crate::limits::Limits;
use schema::{Kind, Member, Message};

/// Messages around a span event's attribute value, the deepest place a value stands in.
const MESSAGES_AROUND_A_VALUE: usize = 6;
/// Messages that one level of nested values takes: `AnyValue`, `KeyValueList`, `KeyValue`. One level
/// more than allowed is still rewritten, so that the walk can reject the item alone.
const MESSAGES_PER_VALUE: usize = 3;

/// An `ExportTraceServiceRequest` in protobuf.
///
/// # Errors
/// If `body` is no such request in JSON, or nested much deeper than `limits.nesting_max`.
pub fn traces(body: &[u8], limits: &Limits) -> Result<Vec<u8>, DecodeError> {
    rewrite(body, &schema::TRACES, limits)
}

/// An `ExportLogsServiceRequest` in protobuf.
///
/// # Errors
/// As [`traces`].
pub fn logs(body: &[u8], limits: &Limits) -> Result<Vec<u8>, DecodeError> {
    rewrite(body, &schema::LOGS, limits)
}

fn rewrite(body: &[u8], schema: &Message, limits: &Limits) -> Result<Vec<u8>, DecodeError> {
    if let Err(error) = std::str::from_utf8(body) {
        return Err(DecodeError::malformed("JSON is not valid UTF-8", error.valid_up_to()));
    }
    let mut scanner = Scanner::new(body);
    let mut out = Vec::with_capacity(body.len() / 2);
    let depth = MESSAGES_AROUND_A_VALUE + MESSAGES_PER_VALUE * (limits.nesting_max + 2);
    message(&mut scanner, schema, depth, &mut out)?;
    if scanner.at_end() { Ok(out) } else { Err(scanner.error("more than one JSON value")) }
}

/// Appends the object that comes next, at most `depth` messages in each other.
fn message(scanner: &mut Scanner<'_>, schema: &Message, depth: usize, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    if scanner.peek()? != Json::Object {
        return Err(scanner.error(format!("{} must be an object", schema.name)));
    }
    let Some(depth) = depth.checked_sub(1) else {
        let what = "JSON is nested too deeply".to_owned();
        return Err(DecodeError { kind: DecodeErrorKind::TooDeep, what, offset: scanner.offset() });
    };
    let mut seen = 0u32;
    scanner.object(|scanner, key| {
        let key = key.decode();
        let Some(index) = schema.members.iter().position(|member| member.name.as_bytes() == &*key) else {
            return scanner.skip(depth);
        };
        let member = &schema.members[index];
        if scanner.peek()? == Json::Null {
            return scanner.skip(0);
        }
        let bit = if schema.one_of { 1 } else { 1 << index };
        if seen & bit != 0 {
            return Err(scanner.error(format!("`{}` is one value too many of {}", member.name, schema.name)));
        }
        seen |= bit;
        if !member.repeated {
            return value(scanner, member, depth, out);
        }
        if scanner.peek()? != Json::Array {
            return Err(scanner.error(format!("`{}` must be an array", member.name)));
        }
        scanner.array(|scanner| value(scanner, member, depth, out))
    })
}

fn value(scanner: &mut Scanner<'_>, member: &Member, depth: usize, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match member.kind {
        Kind::Message(schema) => nest(out, member.number, |out| message(scanner, schema, depth, out)),
        _ => scalar::put(scanner, member, out),
    }
}

/// Appends a length-delimited field whose content `fill` appends. The content moves by the bytes
/// that its length takes beyond the first.
fn nest(
    out: &mut Vec<u8>,
    number: u32,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    put_varint(out, u64::from(number) << 3 | 2);
    let at = out.len();
    out.push(0);
    let start = out.len();
    fill(out)?;
    let mut len = (out.len() - start) as u64;
    let more = varint_len(len) - 1;
    if more > 0 {
        let end = out.len();
        out.resize(end + more, 0);
        out.copy_within(start..end, start + more);
    }
    for byte in &mut out[at..=at + more] {
        *byte = len as u8 | 0x80;
        len >>= 7;
    }
    out[at + more] &= 0x7f;
    Ok(())
}
