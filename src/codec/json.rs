//! JSON written straight into a byte buffer: strings, and OTLP values in their plain JSON form.

use std::io::Write;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use super::any_value::{AnyValue, Attributes};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Position of the first byte that may not stand in a JSON string as it is: a quote, a backslash or
/// a control character; `bytes.len()` if there is none.
#[inline]
#[must_use]
pub fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        // A byte's high bit says that it was zero, zero, or below 0x20; wrong only above a right one.
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        if found & HIGHS != 0 {
            return at + (found & HIGHS).trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    bytes[at..].iter().position(special).map_or(bytes.len(), |more| at + more)
}

/// Appends `text` as a JSON string.
#[inline]
pub fn put_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    put_escaped(out, text.as_bytes());
    out.push(b'"');
}

/// Appends UTF-8 bytes as the inside of a JSON string.
#[inline]
pub fn put_escaped(out: &mut Vec<u8>, mut bytes: &[u8]) {
    loop {
        let plain = plain_len(bytes);
        out.extend_from_slice(&bytes[..plain]);
        let Some(special) = bytes.get(plain) else { return };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                out.extend_from_slice(b"\\u00");
                put_hex(out, &[*control]);
            }
        }
        bytes = &bytes[plain + 1..];
    }
}

/// Appends `bytes` in lower-case hexadecimal.
#[inline]
pub fn put_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.chunks(8) {
        // A nibble to each byte of a word, then all of them to digits at once: 0x27 leads from `:` to `a`.
        let mut wide = [0; 8];
        wide[..chunk.len()].copy_from_slice(chunk);
        let mut digits = [0; 16];
        for (two, byte) in digits.chunks_exact_mut(2).zip(wide) {
            two.copy_from_slice(&[byte >> 4, byte & 15]);
        }
        let digits = digits.map(|nibble| nibble + b'0' + 0x27 * u8::from(nibble > 9));
        out.extend_from_slice(&digits[..2 * chunk.len()]);
    }
}

/// Appends a number in decimal.
#[inline]
pub fn put_integer(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a signed number in decimal.
pub fn put_signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    put_integer(out, number.unsigned_abs());
}

/// Appends a double in its shortest form, without a needless `.0`; answers false, having appended
/// nothing, if it is not finite: JSON has no such number.
pub fn put_double(out: &mut Vec<u8>, number: f64) -> bool {
    if !number.is_finite() || serde_json::to_writer(&mut *out, &number).is_err() {
        return false;
    }
    if out.ends_with(b".0") {
        out.truncate(out.len() - 2);
    }
    true
}

/// Appends bytes in base64, the form of OTLP's JSON.
pub fn put_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    // Writing to memory does not fail.
    let _ = write!(out, "{}", Base64Display::new(bytes, &STANDARD));
}

/// Appends a value in plain JSON: what is no JSON number, NaN and infinities, as a string.
pub fn put_value(out: &mut Vec<u8>, value: AnyValue<'_>) {
    match value {
        AnyValue::Empty => out.extend_from_slice(b"null"),
        AnyValue::Text(text) => put_string(out, text),
        AnyValue::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        AnyValue::Int(number) => put_signed(out, number),
        AnyValue::Double(number) => {
            if !put_double(out, number) {
                put_string(out, not_finite(number));
            }
        }
        AnyValue::Bytes(bytes) => {
            out.push(b'"');
            put_base64(out, bytes);
            out.push(b'"');
        }
        AnyValue::Array(values) => {
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                put_value(out, value);
            }
            out.push(b']');
        }
        AnyValue::Map(attributes) => put_attributes(out, attributes),
    }
}

/// Appends attributes as a JSON object.
pub fn put_attributes(out: &mut Vec<u8>, attributes: Attributes<'_>) {
    out.push(b'{');
    for (index, (key, value)) in attributes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        put_string(out, key);
        out.push(b':');
        put_value(out, value);
    }
    out.push(b'}');
}

/// The name of a double that is not finite, as OTLP's JSON has it.
#[must_use]
pub const fn not_finite(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_and_numbers_are_read_back_by_serde(text in any::<String>(), plain in "[a-z]{0,40}", number in any::<u64>(), double in any::<f64>()) {
            for text in [format!("{plain}{text}"), text.clone(), format!("{plain}\u{7f}\u{1f}\"{text}\\")] {
                let mut out = Vec::new();
                put_string(&mut out, &text);
                prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
            }
            let mut out = Vec::new();
            put_integer(&mut out, number);
            prop_assert_eq!(out.clone(), number.to_string().into_bytes());
            out.clear();
            put_signed(&mut out, number as i64);
            prop_assert_eq!(out.clone(), (number as i64).to_string().into_bytes());
            out.clear();
            prop_assert_eq!(put_double(&mut out, double), double.is_finite());
            if double.is_finite() {
                prop_assert_eq!(std::str::from_utf8(&out).unwrap().parse::<f64>().unwrap().to_bits(), double.to_bits());
            }
        }
    }
}
