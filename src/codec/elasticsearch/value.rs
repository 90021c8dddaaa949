//! OTLP values as JSON that Elasticsearch takes.
//!
//! Maps become objects, lists arrays, bytes base64, integers stay exact, NaN and the infinities
//! become null. Within one object Elasticsearch refuses a name given twice, and cannot map a name
//! that is a scalar here and a parent there (`a` beside `a.b`): of a name given twice the last value
//! is written, and such an `a` is written as `a.value`.

use std::borrow::Cow;

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

/// Maps of up to this many entries are looked through without an allocation.
const SMALL: usize = 24;

fn write_map(map: Attributes<'_>, depth: usize, out: &mut Vec<u8>) {
    let mut small = [""; SMALL];
    let mut count = 0;
    let mut is_plain = true;
    for (key, _) in map.iter() {
        if let Some(slot) = small.get_mut(count) {
            *slot = key;
        }
        count += 1;
        is_plain &= is_tidy(key);
    }
    let names = if count <= SMALL && is_plain {
        Names::Few(&small[..count])
    } else {
        let mut sorted: Vec<_> = map.iter().enumerate().map(|(at, (key, _))| (tidy(key), at)).collect();
        sorted.sort_unstable();
        Names::Many(sorted)
    };
    out.push(b'{');
    let mut is_first = true;
    for (at, (key, value)) in map.iter().enumerate() {
        let key = tidy(key);
        if names.comes_again(&key, at) {
            continue;
        }
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        out.push(b'"');
        if matches!(value, AnyValue::Map(_)) || !names.is_parent(&key) {
            write_escaped(key.as_bytes(), out);
        } else {
            let mut name = format!("{key}.value");
            while names.contains(&name) || names.is_parent(&name) {
                name.push('_');
            }
            write_escaped(name.as_bytes(), out);
        }
        out.extend_from_slice(b"\":");
        write_value(value, depth + 1, out);
    }
    out.push(b'}');
}

/// The names of a map: few, in order, or many, sorted with their places.
enum Names<'a> {
    Few(&'a [&'a str]),
    Many(Vec<(Cow<'a, str>, usize)>),
}

impl Names<'_> {
    /// Whether `name`, that of entry `at`, is also that of a later entry.
    fn comes_again(&self, name: &str, at: usize) -> bool {
        match self {
            Self::Few(names) => names[at + 1..].contains(&name),
            Self::Many(sorted) => {
                let next = sorted.partition_point(|(other, place)| (&**other, *place) <= (name, at));
                sorted.get(next).is_some_and(|(other, _)| other == name)
            }
        }
    }

    fn contains(&self, name: &str) -> bool {
        match self {
            Self::Few(names) => names.contains(&name),
            Self::Many(sorted) => sorted.binary_search_by(|(other, _)| (**other).cmp(name)).is_ok(),
        }
    }

    fn is_parent(&self, name: &str) -> bool {
        match self {
            Self::Few(names) => names.iter().any(|other| is_below(other, name)),
            Self::Many(sorted) => {
                let below = sorted.partition_point(|(other, _)| before_children(other, name));
                sorted.get(below).is_some_and(|(other, _)| is_below(other, name))
            }
        }
    }
}

/// Whether `name` is `parent.something`.
pub(crate) fn is_below(name: &str, parent: &str) -> bool {
    name.len() > parent.len() && name.as_bytes()[parent.len()] == b'.' && name.starts_with(parent)
}

/// Whether `name` sorts before every `parent.something`.
pub(crate) fn before_children(name: &str, parent: &str) -> bool {
    name.bytes().lt(parent.bytes().chain([b'.']))
}

/// Whether Elasticsearch takes `name` for a field: no part between dots is empty or blank.
fn is_tidy(name: &str) -> bool {
    !name.split('.').any(|part| part.trim().is_empty())
}

/// A field name that Elasticsearch takes: empty and blank parts between dots are left out, and a name
/// of nothing else is `_`.
pub(crate) fn tidy(name: &str) -> Cow<'_, str> {
    if is_tidy(name) {
        return Cow::Borrowed(name);
    }
    let parts: Vec<&str> = name.split('.').filter(|part| !part.trim().is_empty()).collect();
    if parts.is_empty() { Cow::Borrowed("_") } else { Cow::Owned(parts.join(".")) }
}
