//! Protobuf's wire format: a pull cursor over borrowed bytes, and the few writers encoders need.
//!
//! The cursor knows no schema. It yields each field in the order it stands in, with length-delimited
//! ones borrowed; callers match field numbers, skip those they do not know, and open nested messages
//! with [`Cursor::nested`], so that every offset, in errors too, counts from the outermost message.
//! Groups are refused: no message that we read has them.

/// What is wrong with a protobuf message, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct ProtoError {
    /// What is wrong.
    pub what: ProtoProblem,
    /// Byte offset of the field or number, from the start of the outermost message.
    pub offset: usize,
}

/// The kinds of [`ProtoError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtoProblem {
    /// The message ends inside a field.
    #[error("protobuf message ends inside a field")]
    Truncated,
    /// A varint does not fit into 64 bits.
    #[error("protobuf varint of more than 64 bits")]
    Varint,
    /// A field number is 0 or above 2^29 - 1.
    #[error("protobuf field number out of range")]
    FieldNumber,
    /// A group, or one of the two wire types that do not exist.
    #[error("protobuf wire type {0} is not supported")]
    WireType(u8),
    /// A known field has another wire type than its schema says.
    #[error("protobuf field {0} has the wrong wire type")]
    Mismatch(u32),
    /// A string field is not UTF-8.
    #[error("protobuf string field {0} is not valid UTF-8")]
    Utf8(u32),
}

/// One field's value as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1, little-endian.
    Fixed64(u64),
    /// Wire type 5, little-endian.
    Fixed32(u32),
    /// Wire type 2: a string, bytes, a nested message or packed numbers.
    Bytes(&'a [u8]),
}

/// Reads a message field by field.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Offset of `bytes` in the outermost message.
    base: usize,
    /// Number and start (in `bytes`) of the field that [`Cursor::next`] answered last.
    number: u32,
    start: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor over a whole message.
    #[must_use]
    pub const fn new(message: &'a [u8]) -> Self {
        Self::at(message, 0)
    }

    /// A cursor over a message that stands at `base` of an outer one.
    #[must_use]
    pub const fn at(message: &'a [u8], base: usize) -> Self {
        Self { bytes: message, at: 0, base, number: 0, start: 0 }
    }

    /// The next field's number and value, `None` at the end.
    ///
    /// # Errors
    /// If the bytes are no protobuf; the cursor is of no more use then.
    // A call would hand the field over in memory, and waiting for it there took a third of a walk.
    #[inline(always)]
    #[expect(clippy::should_implement_trait, reason = "an iterator would hide that an error ends the walk")]
    pub fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, ProtoError> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        self.start = self.at;
        let tag = self.raw_varint()?;
        let number = tag >> 3;
        if number == 0 || number > (1 << 29) - 1 {
            return Err(self.error(ProtoProblem::FieldNumber));
        }
        self.number = number as u32;
        let value = match tag & 7 {
            0 => Field::Varint(self.raw_varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = self.raw_varint()?;
                let len = usize::try_from(len).map_err(|_| self.error(ProtoProblem::Truncated))?;
                Field::Bytes(self.take(len)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.array()?)),
            other => return Err(self.error(ProtoProblem::WireType(other as u8))),
        };
        Ok(Some((self.number, value)))
    }

    /// What has not been read yet.
    #[must_use]
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Bytes read so far, counted from the outermost message: the end of the last field.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.base + self.at
    }

    /// Where the last field, with its tag, starts, counted from the outermost message.
    #[must_use]
    pub const fn field_start(&self) -> usize {
        self.base + self.start
    }

    /// A cursor over the last field's nested message.
    ///
    /// # Errors
    /// If the field is not length-delimited.
    #[inline]
    pub fn nested(&self, field: Field<'a>) -> Result<Cursor<'a>, ProtoError> {
        let message = self.bytes(field)?;
        Ok(Cursor::at(message, self.offset() - message.len()))
    }

    /// The last field's value as bytes.
    ///
    /// # Errors
    /// If it is not length-delimited.
    #[inline]
    pub fn bytes(&self, field: Field<'a>) -> Result<&'a [u8], ProtoError> {
        match field {
            Field::Bytes(bytes) => Ok(bytes),
            _ => Err(self.error(ProtoProblem::Mismatch(self.number))),
        }
    }

    /// The last field's value as text.
    ///
    /// # Errors
    /// If it is not length-delimited, or not UTF-8.
    #[inline]
    pub fn text(&self, field: Field<'a>) -> Result<&'a str, ProtoError> {
        std::str::from_utf8(self.bytes(field)?).map_err(|_| self.error(ProtoProblem::Utf8(self.number)))
    }

    /// Checks that the last field's value is text, which takes less than reading it as such.
    ///
    /// # Errors
    /// As [`Cursor::text`].
    #[inline]
    pub fn check_text(&self, field: Field<'a>) -> Result<(), ProtoError> {
        if is_ascii(self.bytes(field)?) { Ok(()) } else { self.text(field).map(drop) }
    }

    /// The last field's value as an unsigned number; `as i64` gives an `int64`.
    ///
    /// # Errors
    /// If it is no varint.
    #[inline]
    pub fn varint(&self, field: Field<'a>) -> Result<u64, ProtoError> {
        match field {
            Field::Varint(number) => Ok(number),
            _ => Err(self.error(ProtoProblem::Mismatch(self.number))),
        }
    }

    /// The last field's value as `fixed64`.
    ///
    /// # Errors
    /// If it is not 64 bits wide.
    #[inline]
    pub fn fixed64(&self, field: Field<'a>) -> Result<u64, ProtoError> {
        match field {
            Field::Fixed64(number) => Ok(number),
            _ => Err(self.error(ProtoProblem::Mismatch(self.number))),
        }
    }

    /// The last field's value as `fixed32`.
    ///
    /// # Errors
    /// If it is not 32 bits wide.
    #[inline]
    pub fn fixed32(&self, field: Field<'a>) -> Result<u32, ProtoError> {
        match field {
            Field::Fixed32(number) => Ok(number),
            _ => Err(self.error(ProtoProblem::Mismatch(self.number))),
        }
    }

    /// The last field's value as `double`, bit for bit.
    ///
    /// # Errors
    /// If it is not 64 bits wide.
    #[inline]
    pub fn double(&self, field: Field<'a>) -> Result<f64, ProtoError> {
        self.fixed64(field).map(f64::from_bits)
    }

    /// Appends the last field's `uint64`s, packed or single, to `out`, until that holds more than `max`.
    ///
    /// # Errors
    /// If it is neither a varint nor packed varints.
    pub fn packed_varints(&self, field: Field<'a>, max: usize, out: &mut Vec<u64>) -> Result<(), ProtoError> {
        if let Field::Varint(number) = field {
            if out.len() <= max {
                out.push(number);
            }
            return Ok(());
        }
        let mut numbers = self.nested(field)?;
        while numbers.at < numbers.bytes.len() && out.len() <= max {
            numbers.start = numbers.at;
            out.push(numbers.raw_varint()?);
        }
        Ok(())
    }

    /// Appends the last field's `fixed64`s, packed or single, to `out`, until that holds more than `max`.
    ///
    /// # Errors
    /// If it is neither 64 bits wide nor packed numbers of that width.
    pub fn packed_fixed64(&self, field: Field<'a>, max: usize, out: &mut Vec<u64>) -> Result<(), ProtoError> {
        let room = (max + 1).saturating_sub(out.len());
        if let Field::Fixed64(number) = field {
            out.extend(Some(number).filter(|_| room > 0));
            return Ok(());
        }
        let (numbers, rest) = self.bytes(field)?.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(self.error(ProtoProblem::Truncated));
        }
        out.extend(numbers.iter().take(room).map(|bytes| u64::from_le_bytes(*bytes)));
        Ok(())
    }

    /// An error at the last field.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub const fn error(&self, what: ProtoProblem) -> ProtoError {
        ProtoError { what, offset: self.base + self.start }
    }

    #[inline(always)]
    fn raw_varint(&mut self) -> Result<u64, ProtoError> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, ProtoError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or_else(|| self.error(ProtoProblem::Truncated))?;
            self.at += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.error(ProtoProblem::Varint))
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], ProtoError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..len).ok_or_else(|| self.error(ProtoProblem::Truncated))?;
        self.at += len;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtoError> {
        let rest = &self.bytes[self.at..];
        let taken = *rest.first_chunk::<N>().ok_or_else(|| self.error(ProtoProblem::Truncated))?;
        self.at += N;
        Ok(taken)
    }
}

/// Whether no byte has its high bit set; quick where texts are short.
#[inline]
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    let mut chunks = bytes.chunks_exact(8);
    let whole = chunks.by_ref().fold(0, |high, chunk| high | chunk.first_chunk().map_or(0, |c| u64::from_le_bytes(*c)));
    let rest = match bytes.last_chunk::<8>() {
        Some(tail) => u64::from_le_bytes(*tail),
        None => chunks.remainder().iter().fold(0, |high, byte| high | u64::from(*byte)),
    };
    (whole | rest) & 0x8080_8080_8080_8080 == 0
}

/// Bytes that `number` takes as a varint.
#[must_use]
pub const fn varint_len(number: u64) -> usize {
    (number | 1).ilog2() as usize / 7 + 1
}

/// Appends `number` as a varint.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends field `field` as a varint.
pub fn put_varint_field(out: &mut Vec<u8>, field: u32, number: u64) {
    put_varint(out, u64::from(field) << 3);
    put_varint(out, number);
}

/// Appends field `field` as 64 bits: a `fixed64`, or a `double`'s bits.
pub fn put_fixed64_field(out: &mut Vec<u8>, field: u32, bits: u64) {
    put_varint(out, u64::from(field) << 3 | 1);
    out.extend_from_slice(&bits.to_le_bytes());
}

/// Appends the tag and length of a length-delimited field; its `len` bytes are the caller's to append.
pub fn put_len(out: &mut Vec<u8>, field: u32, len: usize) {
    put_varint(out, u64::from(field) << 3 | 2);
    put_varint(out, len as u64);
}

/// Appends field `field` as bytes: a string, or a message encoded already.
pub fn put_bytes_field(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_len(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yields_fields_in_order_and_offsets_of_the_outermost_message() {
        let mut inner = Vec::new();
        put_bytes_field(&mut inner, 2, "é".as_bytes());
        put_fixed64_field(&mut inner, 3, 1.5f64.to_bits());
        let mut message = Vec::new();
        put_varint_field(&mut message, 1, u64::MAX);
        put_bytes_field(&mut message, 16, &inner);
        message.extend([0x25, 1, 0, 0, 0]);

        let mut cursor = Cursor::new(&message);
        assert_eq!(cursor.next(), Ok(Some((1, Field::Varint(u64::MAX)))));
        let (number, field) = cursor.next().unwrap().unwrap();
        assert_eq!(number, 16);
        let mut nested = cursor.nested(field).unwrap();
        let (_, field) = nested.next().unwrap().unwrap();
        assert_eq!(nested.text(field), Ok("é"));
        assert_eq!(&message[nested.offset() - 2..nested.offset()], "é".as_bytes());
        let (_, field) = nested.next().unwrap().unwrap();
        assert_eq!(nested.double(field), Ok(1.5));
        assert_eq!(nested.next(), Ok(None));
        assert_eq!(cursor.next(), Ok(Some((4, Field::Fixed32(1)))));
        assert_eq!(cursor.offset(), message.len());
        assert_eq!(cursor.varint(Field::Fixed32(1)), Err(cursor.error(ProtoProblem::Mismatch(4))));
    }

    #[test]
    fn names_what_is_wrong_and_where() {
        let cases: [(&[u8], ProtoProblem); 8] = [
            (&[0x08], ProtoProblem::Truncated),
            (&[0x0a, 5, 1], ProtoProblem::Truncated),
            (&[0x09, 5, 1], ProtoProblem::Truncated),
            (&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], ProtoProblem::Varint),
            (&[0x00, 1], ProtoProblem::FieldNumber),
            (&[0x0b], ProtoProblem::WireType(3)),
            (&[0x0f], ProtoProblem::WireType(7)),
            (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], ProtoProblem::Truncated),
        ];
        for (bytes, what) in cases {
            assert_eq!(Cursor::at(bytes, 100).next(), Err(ProtoError { what, offset: 100 }), "{bytes:x?}");
        }
    }

    #[test]
    fn varints_are_as_long_as_said() {
        for number in [0, 1, 127, 128, 16383, 16384, u64::from(u32::MAX), 1 << 62, 1 << 63, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, number);
            assert_eq!(out.len(), varint_len(number), "{number}");
            assert_eq!(Cursor::new(&out).raw_varint(), Ok(number));
        }
    }
}
