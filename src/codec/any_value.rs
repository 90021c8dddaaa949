//! OTLP's attributes: `KeyValue` and `AnyValue`, borrowed from the request's bytes.
//!
//! Everything here reads what [`check`] has accepted; on other bytes an iterator ends early. A
//! value given twice in one `KeyValue` is the later one.
//!
//! Schema: `opentelemetry/proto/common/v1/common.proto`.

use super::proto::{Cursor, Field, ProtoError, is_ascii};
use super::{DecodeError, DecodeErrorKind};

/// One attribute's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AnyValue<'a> {
    /// No value is set, or one of a kind that did not exist when this was written.
    Empty,
    /// A string.
    Text(&'a str),
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list of values.
    Array(Values<'a>),
    /// A map of values.
    Map(Attributes<'a>),
}

/// The values of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    /// Each value in order.
    pub fn iter(self) -> impl Iterator<Item = AnyValue<'a>> {
        let mut cursor = Cursor::new(self.0);
        std::iter::from_fn(move || {
            loop {
                let (number, value) = cursor.next().ok()??;
                if number == 1 {
                    return AnyValue::read(cursor.nested(value).ok()?).ok();
                }
            }
        })
    }
}

/// Attributes in order: those of a message, or of a message that was sent in several pieces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attributes<'a> {
    /// The message that holds the attributes, or one that holds the pieces.
    message: &'a [u8],
    /// The field of the pieces in it.
    pieces: Option<u32>,
    /// The attributes' field.
    field: u32,
}

impl<'a> Attributes<'a> {
    /// No attributes.
    pub const NONE: Attributes<'static> = Attributes { message: &[], pieces: None, field: 1 };

    /// The attributes at `field` of `message`.
    #[must_use]
    pub const fn of(message: &'a [u8], field: u32) -> Self {
        Self { message, pieces: None, field }
    }

    /// The attributes at `field` of all of `outer`'s fields `pieces`: of one message in pieces.
    #[must_use]
    pub const fn in_pieces(outer: &'a [u8], pieces: u32, field: u32) -> Self {
        Self { message: outer, pieces: Some(pieces), field }
    }

    /// Key and value of each, in order.
    #[must_use]
    pub const fn iter(self) -> AttributesIter<'a> {
        match self.pieces {
            None => AttributesIter { outer: Cursor::new(&[]), attributes: self, inner: Cursor::new(self.message) },
            Some(_) => AttributesIter { outer: Cursor::new(self.message), attributes: self, inner: Cursor::new(&[]) },
        }
    }

    /// The value of `key`; of a key given twice the first.
    #[must_use]
    pub fn get(self, key: &str) -> Option<AnyValue<'a>> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The value of `key` if it is a string.
    #[must_use]
    pub fn text(self, key: &str) -> Option<&'a str> {
        match self.get(key) {
            Some(AnyValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }
}

/// Iterates [`Attributes`].
#[derive(Clone, Debug)]
pub struct AttributesIter<'a> {
    outer: Cursor<'a>,
    inner: Cursor<'a>,
    attributes: Attributes<'a>,
}

impl<'a> Iterator for AttributesIter<'a> {
    type Item = (&'a str, AnyValue<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.inner.next().ok()? {
                Some((number, value)) if number == self.attributes.field => {
                    if let Field::Bytes(pair) = value
                        && let Some(text) = usual_text(pair)
                        && let Ok(whole) = std::str::from_utf8(pair)
                    {
                        return Some((whole.get(2..text - 4)?, AnyValue::Text(whole.get(text..)?)));
                    }
                    return key_value(self.inner.nested(value).ok()?).ok();
                }
                Some(_) => {}
                None => match self.outer.next().ok()? {
                    Some((number, value)) if Some(number) == self.attributes.pieces => {
                        self.inner = self.outer.nested(value).ok()?;
                    }
                    Some(_) => {}
                    None => return None,
                },
            }
        }
    }
}

/// Where the text starts in a `KeyValue` as every sender writes one: a key and a text, each with what
/// holds it shorter than 128 bytes. Nothing but framing, and that is ASCII, stands between the two.
#[inline(always)]
fn usual_text(pair: &[u8]) -> Option<usize> {
    let &[0x0a, key_len] = pair.first_chunk()? else { return None };
    let value_at = 2 + usize::from(key_len);
    let &[0x12, value_len, 0x0a, text_len] = pair.get(value_at..)?.first_chunk()? else { return None };
    let text = value_at + 4;
    let exact = usize::from(value_len) == usize::from(text_len) + 2 && pair.len() == text + usize::from(text_len);
    (exact && key_len < 0x80 && value_len < 0x80).then_some(text)
}

#[inline]
fn key_value<'a>(mut pair: Cursor<'a>) -> Result<(&'a str, AnyValue<'a>), ProtoError> {
    let (mut key, mut any) = ("", AnyValue::Empty);
    while let Some((number, value)) = pair.next()? {
        match number {
            1 => key = pair.text(value)?,
            2 => any = AnyValue::read(pair.nested(value)?)?,
            _ => {}
        }
    }
    Ok((key, any))
}

impl<'a> AnyValue<'a> {
    /// Reads an `AnyValue` message; what is nested in it stays unread.
    ///
    /// # Errors
    /// If it is malformed.
    #[inline]
    pub fn read(mut message: Cursor<'a>) -> Result<Self, ProtoError> {
        let mut any = Self::Empty;
        while let Some((number, value)) = message.next()? {
            any = match number {
                1 => Self::Text(message.text(value)?),
                2 => Self::Bool(message.varint(value)? != 0),
                3 => Self::Int(message.varint(value)? as i64),
                4 => Self::Double(message.double(value)?),
                5 => Self::Array(Values(message.bytes(value)?)),
                6 => Self::Map(Attributes::of(message.bytes(value)?, 1)),
                7 => Self::Bytes(message.bytes(value)?),
                _ => any,
            };
        }
        Ok(any)
    }
}

/// Checks one `KeyValue` with all that is nested in it: framing, UTF-8, and depth of at most
/// `nesting_max` lists and maps in each other.
///
/// # Errors
/// [`DecodeErrorKind::TooDeep`] beyond `nesting_max`, [`DecodeErrorKind::Malformed`] otherwise.
#[inline]
pub fn check(pair: Cursor<'_>, nesting_max: usize) -> Result<(), DecodeError> {
    let message = pair.rest();
    // One look at key, framing and text together.
    if usual_text(message).is_some() && is_ascii(message) {
        return Ok(());
    }
    check_any(pair, nesting_max)
}

/// [`check`] of any form.
fn check_any(mut pair: Cursor<'_>, nesting_max: usize) -> Result<(), DecodeError> {
    while let Some((number, value)) = pair.next()? {
        match number {
            1 => pair.check_text(value)?,
            2 => check_value(pair.nested(value)?, nesting_max)?,
            _ => {}
        }
    }
    Ok(())
}

/// Like [`check`], for an `AnyValue` that stands alone: a log record's body.
///
/// # Errors
/// As [`check`].
pub fn check_value(mut any: Cursor<'_>, nesting_max: usize) -> Result<(), DecodeError> {
    while let Some((number, value)) = any.next()? {
        match (number, value) {
            (1, _) => any.check_text(value)?,
            (2 | 3, _) => {
                any.varint(value)?;
            }
            (4, _) => {
                any.double(value)?;
            }
            (7, _) => {
                any.bytes(value)?;
            }
            (5 | 6, Field::Bytes(_)) if nesting_max == 0 => {
                let what = "attribute values are nested too deeply".to_owned();
                return Err(DecodeError { kind: DecodeErrorKind::TooDeep, what, offset: any.field_start() });
            }
            (5 | 6, _) => {
                let mut list = any.nested(value)?;
                while let Some((inner, value)) = list.next()? {
                    match (number, inner) {
                        (5, 1) => check_value(list.nested(value)?, nesting_max - 1)?,
                        (6, 1) => check(list.nested(value)?, nesting_max - 1)?,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}
