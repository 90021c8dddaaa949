//! A pull scanner over JSON that is known to be UTF-8: checks the grammar, borrows, allocates nothing.

use std::borrow::Cow;

use crate::codec::json::plain_len;
use crate::codec::{DecodeError, DecodeErrorKind};

/// A string as it stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    /// The string, its escapes resolved; a lone surrogate becomes U+FFFD.
    pub(crate) fn decode(self) -> Cow<'a, [u8]> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut out = Vec::with_capacity(self.raw.len());
        self.decode_into(&mut out);
        Cow::Owned(out)
    }

    /// Appends what [`Text::decode`] answers.
    pub(crate) fn decode_into(self, out: &mut Vec<u8>) {
        let mut raw = self.raw;
        while let Some(at) = raw.iter().position(|byte| self.escaped && *byte == b'\\') {
            out.extend_from_slice(&raw[..at]);
            let (character, len) = escaped_character(&raw[at..]);
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            raw = &raw[at + len..];
        }
        out.extend_from_slice(raw);
    }
}

/// What the escape at the start of `raw` stands for, and how long it is.
fn escaped_character(raw: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = raw.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let plain = match raw.get(1).copied().unwrap_or_default() {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let high = unit(0).unwrap_or_default();
            return match (high, unit(6)) {
                (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
                    let pair = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    (char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
                }
                _ => (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            };
        }
        other => char::from(other),
    };
    (plain, 2)
}

/// What kind of value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    Text,
    Number,
    Bool,
    Null,
}

pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    pub(crate) fn error(&self, what: impl Into<String>) -> DecodeError {
        DecodeError::malformed(what, self.at)
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    pub(crate) fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Whether nothing but space is left.
    pub(crate) fn at_end(&mut self) -> bool {
        self.skip_space();
        self.at == self.bytes.len()
    }

    /// The next value's kind; it starts at [`Scanner::offset`] then.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<Kind, DecodeError> {
        self.skip_space();
        match self.byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(_) => Err(self.error("expected a JSON value")),
            None => Err(self.error("JSON ends early")),
        }
    }

    /// Takes `byte` if it is what comes after space.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), DecodeError> {
        if self.take(byte) {
            return Ok(());
        }
        let what = if self.byte().is_none() { "JSON ends early, " } else { "JSON: " };
        Err(self.error(format!("{what}expected `{}`", char::from(byte))))
    }

    /// Reads an object, calling `member` at each value with its key; it must read the value.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.skip_space();
            let key = self.text()?;
            self.expect(b':')?;
            member(self, key)?;
            if !self.take(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// Reads an array, calling `element` at each value; it must read the value.
    #[inline]
    pub(crate) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if !self.take(b',') {
                return self.expect(b']');
            }
        }
    }

    /// Reads a string; space before it must have been skipped.
    #[inline]
    pub(crate) fn text(&mut self) -> Result<Text<'a>, DecodeError> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_len(&self.bytes[self.at..]);
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.error("control character in a JSON string")),
                None => return Err(self.error("JSON ends inside a string")),
            }
        }
        let raw = &self.bytes[start..self.at];
        self.at += 1;
        Ok(Text { raw, escaped })
    }

    fn escape(&mut self) -> Result<(), DecodeError> {
        let len = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(self.error("JSON string with a wrong \\u escape"));
                }
                6
            }
            _ => return Err(self.error("JSON string with a wrong escape")),
        };
        self.at += len;
        Ok(())
    }

    /// Reads a number and answers it as written.
    pub(crate) fn number(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let leading_zero = self.byte() == Some(b'0');
        let digits = self.digits();
        if digits == 0 || leading_zero && digits > 1 {
            return Err(self.error("wrong JSON number"));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.error("wrong JSON number"));
            }
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.error("wrong JSON number"));
            }
        }
        Ok(&self.bytes[start..self.at])
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    /// Reads `null`, `true` or `false` and answers it; space before it must have been skipped.
    pub(crate) fn literal(&mut self) -> Result<&'static [u8], DecodeError> {
        for word in [&b"null"[..], b"true", b"false"] {
            if self.bytes[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(word);
            }
        }
        Err(self.error("expected a JSON value"))
    }

    /// Reads any value, at most `depth` lists and objects in each other.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), DecodeError> {
        let kind = self.peek()?;
        if depth == 0 && matches!(kind, Kind::Object | Kind::Array) {
            let what = "JSON is nested too deeply".to_owned();
            return Err(DecodeError { kind: DecodeErrorKind::TooDeep, what, offset: self.at });
        }
        match kind {
            Kind::Object => self.skip_object(depth - 1),
            Kind::Array => self.skip_array(depth - 1),
            Kind::Text => self.text().map(drop),
            Kind::Number => self.number().map(drop),
            Kind::Bool | Kind::Null => self.literal().map(drop),
        }
    }

    fn skip_object(&mut self, depth: usize) -> Result<(), DecodeError> {
        self.object(|scanner, _| scanner.skip(depth))
    }

    fn skip_array(&mut self, depth: usize) -> Result<(), DecodeError> {
        self.array(|scanner| scanner.skip(depth))
    }
}
