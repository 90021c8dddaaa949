//! A validating JSON scanner over one line of NDJSON: strict as RFC 8259, nothing is built.
//!
//! A newline is no white space here: it ends the line, and no valid value holds one unescaped.
//! That the bytes are UTF-8 is checked elsewhere, once for a whole request.

use std::borrow::Cow;

/// What is wrong with a JSON text, and at which byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct JsonError {
    /// What is wrong.
    pub what: JsonProblem,
    /// Offset in the scanned bytes.
    pub at: usize,
}

/// The kinds of [`JsonError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonProblem {
    /// The line ends inside a value.
    #[error("unexpected end of line")]
    End,
    /// A byte that cannot stand where it stands.
    #[error("unexpected character")]
    Unexpected,
    /// A raw control character inside a string.
    #[error("unescaped control character in a string")]
    Control,
    /// A backslash with nothing known behind it.
    #[error("invalid escape in a string")]
    Escape,
    /// A number that JSON does not know, such as `01` or `1.`.
    #[error("invalid number")]
    Number,
    /// More nested arrays and objects than allowed.
    #[error("nested too deep")]
    Depth,
}

/// A scalar or container as it stands in the text, quotes included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a>(pub &'a [u8]);

impl<'a> Token<'a> {
    /// The text of a string, or the token itself for anything else; unpaired surrogates become U+FFFD.
    #[must_use]
    pub fn text(self) -> Cow<'a, str> {
        let Some(inside) = self.0.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
            return String::from_utf8_lossy(self.0);
        };
        if inside.contains(&b'\\') { Cow::Owned(unescape(inside)) } else { String::from_utf8_lossy(inside) }
    }

    /// Appends the token as a JSON string: a string as it stands, any other scalar in quotes.
    pub fn write_string(self, out: &mut Vec<u8>) {
        if self.0.first() == Some(&b'"') {
            out.extend_from_slice(self.0);
        } else {
            out.push(b'"');
            out.extend_from_slice(self.0);
            out.push(b'"');
        }
    }

    /// Whether it is an array or an object.
    #[must_use]
    pub fn is_container(self) -> bool {
        matches!(self.0.first(), Some(b'{' | b'['))
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.0 == b"null"
    }
}

/// Decodes the escapes of a string that a [`Scanner`] has accepted.
fn unescape(inside: &[u8]) -> String {
    let quoted = [b"\"", inside, b"\""].concat();
    serde_json::from_slice(&quoted).unwrap_or_else(|_| String::from_utf8_lossy(inside).replace('\\', "\u{fffd}"))
}

/// Reads JSON from the start of a line.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    nesting_max: usize,
}

/// Most containers that can be open at once, whatever the limits say: one bit each.
const NESTING_CEILING: usize = 1024;

impl<'a> Scanner<'a> {
    /// A scanner at the first of `bytes`; at most `nesting_max` containers may be open at once.
    #[must_use]
    pub fn new(bytes: &'a [u8], nesting_max: usize) -> Self {
        Self { bytes, at: 0, nesting_max: nesting_max.min(NESTING_CEILING) }
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is no white space, not consumed.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\n') | None => return None,
                Some(&byte) => return Some(byte),
            }
        }
    }

    /// Consumes `wanted`, after white space.
    ///
    /// # Errors
    /// If something else stands there.
    #[inline]
    pub fn expect(&mut self, wanted: u8) -> Result<(), JsonError> {
        match self.peek() {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            found => Err(self.unexpected(found)),
        }
    }

    /// The next member's key of an object, past its colon; `None` at the object's end. `first` tells
    /// whether the opening brace was the last thing read.
    ///
    /// # Errors
    /// If neither a member nor the end follows.
    #[inline]
    pub fn key(&mut self, first: bool) -> Result<Option<Token<'a>>, JsonError> {
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            Some(b',') if !first => {
                self.at += 1;
                self.peek();
            }
            Some(b'"') if first => {}
            found => return Err(self.unexpected(found)),
        }
        let start = self.at;
        self.string()?;
        let key = Token(&self.bytes[start..self.at]);
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// The next value, whatever it is, `depth` containers being open around it.
    ///
    /// # Errors
    /// If it is not valid JSON, or nested too deep.
    #[inline]
    pub fn value(&mut self, depth: usize) -> Result<Token<'a>, JsonError> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'{' | b'[') => self.container(depth)?,
            _ => self.scalar(first)?,
        }
        Ok(Token(&self.bytes[start..self.at]))
    }

    fn container(&mut self, depth: usize) -> Result<(), JsonError> {
        let mut objects = [0u64; NESTING_CEILING / 64];
        let mut open = 0usize;
        loop {
            // A value is due.
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    if depth + open >= self.nesting_max {
                        return Err(self.error(JsonProblem::Depth));
                    }
                    self.at += 1;
                    let bit = 1u64 << (open % 64);
                    let has_member = if bracket == b'{' {
                        objects[open / 64] |= bit;
                        self.key(true)?.is_some()
                    } else {
                        objects[open / 64] &= !bit;
                        self.peek() != Some(b']')
                    };
                    if has_member {
                        open += 1;
                        continue;
                    }
                    self.at += usize::from(bracket == b'[');
                }
                other => self.scalar(other)?,
            }
            // A value has ended: close what ends with it.
            loop {
                if open == 0 {
                    return Ok(());
                }
                let is_object = objects[(open - 1) / 64] >> ((open - 1) % 64) & 1 == 1;
                let more = if is_object { self.key(false)?.is_some() } else { self.element()? };
                if more {
                    break;
                }
                open -= 1;
            }
        }
    }

    /// After an array's element: whether another follows.
    #[inline]
    fn element(&mut self) -> Result<bool, JsonError> {
        let found = self.peek();
        match found {
            Some(b',' | b']') => {
                self.at += 1;
                Ok(found == Some(b','))
            }
            _ => Err(self.unexpected(found)),
        }
    }

    #[inline]
    fn scalar(&mut self, first: Option<u8>) -> Result<(), JsonError> {
        match first {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            found => Err(self.unexpected(found)),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        Err(self.error(JsonProblem::Unexpected))
    }

    #[inline]
    fn string(&mut self) -> Result<(), JsonError> {
        if self.bytes.get(self.at) != Some(&b'"') {
            let found = self.bytes.get(self.at).copied().filter(|byte| *byte != b'\n');
            return Err(self.unexpected(found));
        }
        self.at += 1;
        loop {
            self.at += plain_prefix(&self.bytes[self.at..]);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(b'\n') | None => return Err(self.error(JsonProblem::End)),
                Some(_) => return Err(self.error(JsonProblem::Control)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(self.error(JsonProblem::Escape));
                }
                self.at += 6;
            }
            _ => return Err(self.error(JsonProblem::Escape)),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'-'));
        let whole = self.digits();
        let starts_with_zero = self.bytes.get(self.at - whole) == Some(&b'0');
        if whole == 0 || (whole > 1 && starts_with_zero) {
            return Err(self.error(JsonProblem::Number));
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.error(JsonProblem::Number));
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.error(JsonProblem::Number));
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let count = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn unexpected(&self, found: Option<u8>) -> JsonError {
        self.error(if found.is_none() { JsonProblem::End } else { JsonProblem::Unexpected })
    }

    const fn error(&self, what: JsonProblem) -> JsonError {
        JsonError { what, at: self.at }
    }
}

/// How many bytes from the start are neither a quote, a backslash nor a control character; eight at
/// a time (the lowest marked byte of each term is exact, a borrow only disturbs the ones above it).
#[inline]
pub(crate) fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        let marked = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let marked = marked & HIGH;
        if marked != 0 {
            return at + (marked.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|byte| **byte >= 0x20 && **byte != b'"' && **byte != b'\\').count()
}
