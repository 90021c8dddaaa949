//! JSON text written straight into a byte buffer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::codec::bulk::json::plain_prefix;
use crate::codec::json::{put_hex, put_signed};

/// Appends `text` as a JSON string; that it is UTF-8 was checked by the walk that let it in.
#[inline]
pub(crate) fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Appends the inside of a JSON string.
#[inline]
pub(crate) fn write_escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let (plain, after) = rest.split_at(plain_prefix(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = after.split_first() else { return };
        write_escape(byte, out);
        rest = after;
    }
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends bytes as a base64 string (the standard alphabet, as Elasticsearch's `binary` fields read it).
pub(crate) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    // Whole groups of three from a small buffer: no allocation however long the value is.
    for chunk in bytes.chunks(192) {
        let mut text = [0; 256];
        let len = STANDARD.encode_slice(chunk, &mut text).unwrap_or(0);
        out.extend_from_slice(&text[..len]);
    }
    out.push(b'"');
}

/// Appends bytes as lowercase hex, without quotes.
pub(crate) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    put_hex(out, bytes);
}

/// Appends a number; NaN and the infinities as `null`: no field type of Elasticsearch takes them, a
/// string in their place would refuse the document or spoil the mapping, a null is ignored.
pub(crate) fn write_double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() && serde_json::to_writer(&mut *out, &value).is_ok() {
        return;
    }
    out.extend_from_slice(b"null");
}

/// Appends an integer, exact to 64 bits.
pub(crate) fn write_int(value: i64, out: &mut Vec<u8>) {
    put_signed(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_back_as_they_were() {
        for text in ["", "plain", "é日本🦀", "\"\\\n\r\t\u{8}\u{c}\0\u{1f}\u{7f}", "12345678\"", "\\"] {
            let mut out = Vec::new();
            write_string(text.as_bytes(), &mut out);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn long_bytes_are_one_base64_text() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let mut out = Vec::new();
        write_base64(&bytes, &mut out);
        assert_eq!(out, format!("\"{}\"", STANDARD.encode(&bytes)).into_bytes());
    }

    #[test]
    fn what_is_no_number_is_null() {
        for (value, wanted) in [(1.5, "1.5"), (f64::NAN, "null"), (f64::NEG_INFINITY, "null"), (1e300, "1e+300")] {
            let mut out = Vec::new();
            write_double(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
    }
}
