//! OTLP values as JSON that Elasticsearch takes.
//!
//! Maps become objects, lists arrays, bytes base64, integers stay exact, NaN and the infinities
//! become null. Within one object Elasticsearch refuses a name given twice, and cannot map a name
//! that is a scalar here and a parent there (`a` beside `a.b`): of a name given twice the last value
//! is written, and such an `a` is written as `a.value`.

use super::json::{write_base64, write_double, write_escaped, write_int, write_string};
use crate::codec::any_value::{AnyValue, Attributes};

/// Deepest nesting that is written, whatever was let in: this recursion's stack is bounded.
const DEPTH_MAX: usize = 256;

/// Appends `value`; nested deeper than any limit lets in it becomes null.
pub(crate) fn write_value(value: AnyValue<'_>, depth: usize, out: &mut Vec<u8>) {
    match value {
        AnyValue::Empty => out.extend_from_slice(b"null"),
        AnyValue::Text(text) => write_string(text.as_bytes(), out),
        AnyValue::Bool(true) => out.extend_from_slice(b"true"),
        AnyValue::Bool(false) => out.extend_from_slice(b"false"),
        AnyValue::Int(number) => write_int(number, out),
        AnyValue::Double(number) => write_double(number, out),
        AnyValue::Bytes(bytes) => write_base64(bytes, out),
        AnyValue::Array(_) | AnyValue::Map(_) if depth == DEPTH_MAX => out.extend_from_slice(b"null"),
        AnyValue::Array(values) => {
            out.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_value(value, depth + 1, out);
            }
            out.push(b']');
        }
        AnyValue::Map(map) => write_map(map, depth, out),
    }
}

fn write_map(map: Attributes<'_>, depth: usize, out: &mut Vec<u8>) {
    /// Maps of up to this many entries are looked through without an allocation.
    const SMALL: usize = 24;
    let mut small = [""; SMALL];
    let mut count = 0;
    for (key, _) in map.iter() {
        if let Some(slot) = small.get_mut(count) {
            *slot = key;
        }
        count += 1;
    }
    let sorted: Vec<(&str, usize)> = if count > SMALL {
        let mut names: Vec<_> = map.iter().enumerate().map(|(at, (key, _))| (key, at)).collect();
        names.sort_unstable();
        names
    } else {
        Vec::new()
    };
    out.push(b'{');
    let mut is_first = true;
    for (at, (key, value)) in map.iter().enumerate() {
        let (is_repeated, is_parent) = if count > SMALL {
            let same = sorted.partition_point(|(name, other)| (*name, *other) <= (key, at));
            let repeated = sorted.get(same).is_some_and(|(name, _)| *name == key);
            let below = sorted.partition_point(|(name, _)| before_children(name, key));
            (repeated, sorted.get(below).is_some_and(|(name, _)| is_below(name, key)))
        } else {
            let names = &small[..count];
            (names[at + 1..].contains(&key), names.iter().any(|name| is_below(name, key)))
        };
        if is_repeated {
            continue;
        }
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        out.push(b'"');
        write_name(key, out);
        if is_parent && !matches!(value, AnyValue::Map(_)) {
            out.extend_from_slice(b".value");
        }
        out.extend_from_slice(b"\":");
        write_value(value, depth + 1, out);
    }
    out.push(b'}');
}

/// Whether `name` is `parent.something`.
pub(crate) fn is_below(name: &str, parent: &str) -> bool {
    name.len() > parent.len() && name.as_bytes()[parent.len()] == b'.' && name.starts_with(parent)
}

/// Whether `name` sorts before every `parent.something`.
pub(crate) fn before_children(name: &str, parent: &str) -> bool {
    name.bytes().lt(parent.bytes().chain([b'.']))
}

/// Appends a field name, escaped. Elasticsearch refuses names with empty or blank parts between
/// dots: those parts are left out, and a name of nothing else is `_`.
pub(crate) fn write_name(name: &str, out: &mut Vec<u8>) {
    let blank = |part: &str| part.trim().is_empty();
    if !name.is_empty() && !name.split('.').any(blank) {
        return write_escaped(name.as_bytes(), out);
    }
    let start = out.len();
    for part in name.split('.').filter(|part| !blank(part)) {
        if out.len() > start {
            out.push(b'.');
        }
        write_escaped(part.as_bytes(), out);
    }
    if out.len() == start {
        out.push(b'_');
    }
}
