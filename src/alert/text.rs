//! Text in the forms that Go programs print, which readers of payloads and APIs rely on.

use std::fmt::Write as _;

use crate::model::labels::Labels;
use crate::model::time::Millis;

/// What Go prints for the zero `time.Time`: "never".
pub const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// `time` as Go's `RFC3339Nano`: UTC, no trailing zeros in the fraction.
#[must_use]
pub fn rfc3339_nano(time: Millis) -> String {
    jiff::Timestamp::from_millisecond(time).map_or_else(|_| ZERO_TIME.to_owned(), |at| at.to_string())
}

/// Go's `%q`: a double-quoted string literal.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{b}' => out.push_str("\\v"),
            c if c == '\'' || c.escape_debug().len() == 1 => out.push(c),
            c => escape(c, &mut out),
        }
    }
    out.push('"');
    out
}

fn escape(c: char, out: &mut String) {
    let code = u32::from(c);
    let written = match code {
        0..0x80 => write!(out, "\\x{code:02x}"),
        0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
    debug_assert!(written.is_ok(), "writing to a string does not fail");
}

/// A label set as Go's `model.LabelSet` prints: `{a="b", c="d"}`.
#[must_use]
pub fn label_set(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Go's `regexp.QuoteMeta`, which Alertmanager puts over a receiver's name in its payload.
#[must_use]
pub fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Go's `url.QueryEscape`.
#[must_use]
pub fn query_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            b' ' => out.push('+'),
            _ => {
                let written = write!(out, "%{byte:02X}");
                debug_assert!(written.is_ok(), "writing to a string does not fail");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go_does() {
        assert_eq!(quote("a\"b\\c\n\u{1}é支\u{200b}'"), "\"a\\\"b\\\\c\\n\\x01é支\\u200b'\"");
        assert_eq!(label_set(&Labels::from_pairs([("b", "2"), ("a", "x y")])), r#"{a="x y", b="2"}"#);
        assert_eq!(label_set(&Labels::default()), "{}");
        assert_eq!(quote_meta("team.a-b (x)"), r"team\.a-b \(x\)");
        assert_eq!(query_escape(r#"up{a="b"} == 0 / é"#), "up%7Ba%3D%22b%22%7D+%3D%3D+0+%2F+%C3%A9");
        for (time, printed) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_700_000_000_120, "2023-11-14T22:13:20.12Z"),
            (1_700_000_000_003, "2023-11-14T22:13:20.003Z"),
        ] {
            assert_eq!(rfc3339_nano(time), printed);
        }
    }
}
