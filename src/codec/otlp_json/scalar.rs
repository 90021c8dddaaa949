//! Single values: numbers, strings, ids, bytes.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};

use super::nest;
use super::schema::{Kind, Member};
use crate::codec::DecodeError;
use crate::codec::proto::{put_fixed64_field, put_varint, put_varint_field};
use crate::codec::scan::{Kind as Json, Scanner, Text};

/// Padding or none: both are met.
const LENIENT: GeneralPurposeConfig = general_purpose::PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Appends the value that comes next as `member`'s field.
pub(super) fn put(scanner: &mut Scanner<'_>, member: &Member, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let number = member.number;
    match member.kind {
        Kind::Text => {
            let text = text(scanner, member)?;
            nest(out, number, |out| {
                text.decode_into(out);
                Ok(())
            })?;
        }
        Kind::Hex => {
            let text = text(scanner, member)?.decode();
            let mistake = || wrong(scanner, member, "hexadecimal digits");
            nest(out, number, |out| put_unhexed(&text, out).ok_or_else(mistake))?;
        }
        Kind::Base64 => {
            let text = text(scanner, member)?.decode();
            let engine = if text.iter().any(|byte| matches!(byte, b'-' | b'_')) { BASE64_URL } else { BASE64 };
            let mistake = |_| wrong(scanner, member, "base64");
            nest(out, number, |out| engine.decode_vec(&*text, out).map_err(mistake))?;
        }
        Kind::Bool => {
            if scanner.peek()? != Json::Bool {
                return Err(wrong(scanner, member, "true or false"));
            }
            put_varint_field(out, number, u64::from(scanner.literal()? == b"true"));
        }
        Kind::Uint32 => put_varint_field(out, number, u64::from(integer::<u32>(scanner, member)?)),
        // negative numbers are ten bytes long in protobuf, of 32 bits too
        Kind::Enum => put_varint_field(out, number, i64::from(integer::<i32>(scanner, member)?) as u64),
        Kind::Int64 => put_varint_field(out, number, integer::<i64>(scanner, member)? as u64),
        Kind::Fixed32 => {
            put_varint(out, u64::from(number) << 3 | 5);
            out.extend_from_slice(&integer::<u32>(scanner, member)?.to_le_bytes());
        }
        Kind::Fixed64 => put_fixed64_field(out, number, integer::<u64>(scanner, member)?),
        Kind::Double => put_fixed64_field(out, number, double(scanner, member)?.to_bits()),
        Kind::Message(_) => unreachable!("messages are appended by their own function"),
    }
    Ok(())
}

#[cold]
fn wrong(scanner: &Scanner<'_>, member: &Member, wanted: &str) -> DecodeError {
    scanner.error(format!("`{}` must be {wanted}", member.name))
}

fn text<'a>(scanner: &mut Scanner<'a>, member: &Member) -> Result<Text<'a>, DecodeError> {
    if scanner.peek()? == Json::Text { scanner.text() } else { Err(wrong(scanner, member, "a string")) }
}

fn put_unhexed(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (pairs, rest) = text.as_chunks::<2>();
    for [high, low] in pairs {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        out.push((digit(*high)? << 4 | digit(*low)?) as u8);
    }
    rest.is_empty().then_some(())
}

/// A number's text, and whether it stood in a string.
fn number<'a>(scanner: &mut Scanner<'a>, member: &Member) -> Result<(Cow<'a, [u8]>, bool), DecodeError> {
    match scanner.peek()? {
        Json::Number => Ok((Cow::Borrowed(scanner.number()?), false)),
        Json::Text => Ok((scanner.text()?.decode(), true)),
        _ => Err(wrong(scanner, member, "a number")),
    }
}

fn integer<T: TryFrom<i128>>(scanner: &mut Scanner<'_>, member: &Member) -> Result<T, DecodeError> {
    let (text, _) = number(scanner, member)?;
    whole(&text)
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| wrong(scanner, member, "a whole number within its range"))
}

/// A whole number, however it is written: `1000`, `1e3`, `1000.0`.
fn whole(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    // beyond 2^64 it fits no integer of protobuf; text of digits alone has been read exactly or is beyond too
    (number.fract() == 0.0 && number.abs() <= 2f64.powi(64)).then_some(number as i128)
}

fn double(scanner: &mut Scanner<'_>, member: &Member) -> Result<f64, DecodeError> {
    let (text, quoted) = number(scanner, member)?;
    match &*text {
        b"NaN" if quoted => return Ok(f64::NAN),
        b"Infinity" if quoted => return Ok(f64::INFINITY),
        b"-Infinity" if quoted => return Ok(f64::NEG_INFINITY),
        _ => {}
    }
    let number: Option<f64> = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    number.filter(|number| number.is_finite()).ok_or_else(|| wrong(scanner, member, "a number within a double's range"))
}
