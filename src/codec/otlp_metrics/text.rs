//! An attribute's value as a label's value: text as it is, everything else as Prometheus prints it.

use std::io::Write;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use crate::codec::any_value::{AnyValue, Attributes};

/// Appends `value`; nested ones as JSON with sorted keys.
pub(super) fn write(value: AnyValue<'_>, out: &mut Vec<u8>) {
    match value {
        AnyValue::Empty => {}
        AnyValue::Text(text) => out.extend_from_slice(text.as_bytes()),
        AnyValue::Bool(is) => out.extend_from_slice(if is { b"true" } else { b"false" }),
        AnyValue::Int(number) => put(format_args!("{number}"), out),
        AnyValue::Double(number) if number.is_nan() => out.extend_from_slice(b"NaN"),
        AnyValue::Double(f64::INFINITY) => out.extend_from_slice(b"Infinity"),
        AnyValue::Double(f64::NEG_INFINITY) => out.extend_from_slice(b"-Infinity"),
        AnyValue::Double(number) => write_double(number, out),
        AnyValue::Bytes(bytes) => put(format_args!("{}", Base64Display::new(bytes, &STANDARD)), out),
        AnyValue::Array(_) | AnyValue::Map(_) => {
            let start = out.len();
            if write_json(value, out).is_none() {
                out.truncate(start);
            }
        }
    }
}

/// Appends a bound or quantile as Go's `'f'` with the fewest digits does.
pub(super) fn write_bound(number: f64, out: &mut String) {
    use std::fmt::Write;
    let _ = match number {
        f64::INFINITY => out.write_str("+Inf"),
        f64::NEG_INFINITY => out.write_str("-Inf"),
        number => write!(out, "{number}"),
    };
}

fn put(text: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
    // a Vec takes everything
    let _ = out.write_fmt(text);
}

/// A finite number as ECMAScript prints it.
fn write_double(number: f64, out: &mut Vec<u8>) {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let start = out.len();
        put(format_args!("{number:e}"), out);
        let exponent = out[start..].iter().position(|byte| *byte == b'e').map(|at| start + at + 1);
        if let Some(at) = exponent.filter(|at| out.get(*at) != Some(&b'-')) {
            out.insert(at, b'+');
        }
    } else {
        put(format_args!("{number}"), out);
    }
}

/// Appends JSON; `None` if there is a number in it that JSON does not know: then there is no text.
fn write_json(value: AnyValue<'_>, out: &mut Vec<u8>) -> Option<()> {
    match value {
        AnyValue::Empty => out.extend_from_slice(b"null"),
        AnyValue::Text(text) => write_string(text, out),
        AnyValue::Double(number) if !number.is_finite() => return None,
        AnyValue::Bytes(bytes) => put(format_args!("\"{}\"", Base64Display::new(bytes, &STANDARD)), out),
        AnyValue::Array(values) => {
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_json(value, out)?;
            }
            out.push(b']');
        }
        AnyValue::Map(attributes) => write_map(attributes, out)?,
        AnyValue::Bool(_) | AnyValue::Int(_) | AnyValue::Double(_) => write(value, out),
    }
    Some(())
}

fn write_map(attributes: Attributes<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut pairs: Vec<(&str, AnyValue<'_>)> = attributes.iter().collect();
    pairs.sort_by_key(|(key, _)| *key);
    out.push(b'{');
    let mut separator = None;
    for (index, (key, value)) in pairs.iter().enumerate() {
        // of a key given twice the last value counts
        if pairs.get(index + 1).is_some_and(|(next, _)| next == key) {
            continue;
        }
        out.extend(separator);
        separator = Some(b',');
        write_string(key, out);
        out.push(b':');
        write_json(*value, out)?;
    }
    out.push(b'}');
    Some(())
}

/// Appends a JSON string as Go writes it: the two line separators of JavaScript are escaped.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\u{2028}' | '\u{2029}' | '\0'..' ' => put(format_args!("\\u{:04x}", u32::from(c)), out),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_prometheus_prints_them() {
        for (number, wanted) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (-0.0, "-0"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (-1.5e-9, "-1.5e-9"),
            (1.5e300, "1.5e+300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut out = Vec::new();
            write(AnyValue::Double(number), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
        for (number, wanted) in
            [(5.0, "5"), (0.005, "0.005"), (1e21, "1000000000000000000000"), (f64::INFINITY, "+Inf")]
        {
            let mut out = String::new();
            write_bound(number, &mut out);
            assert_eq!(out, wanted);
        }
    }
}
