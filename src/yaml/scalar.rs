//! Scalars read as what is asked for: booleans, numbers, sizes, shares; the rules of Go's yaml.

/// Whether plain `text` is null.
#[must_use]
pub fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// A boolean, YAML 1.1's words included, as Go's yaml takes them for a typed boolean.
#[must_use]
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// A whole number: decimal, `0x…`, `0b…`, `0o…` or `0…` (octal), with `_` between digits.
#[must_use]
pub fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with('_') {
        return None;
    }
    let digits = digits.replace('_', "");
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits.as_str()),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// A number, `.inf` and `.nan` included.
#[must_use]
pub fn parse_float(text: &str) -> Option<f64> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        _ => {
            #[expect(clippy::cast_precision_loss, reason = "a float was asked for")]
            let whole = parse_int(text).map(|int| int as f64);
            let digits = |c: char| matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E' | '_');
            let float = || text.replace('_', "").parse().ok().filter(|float: &f64| float.is_finite());
            whole.or_else(|| float().filter(|_| text.chars().all(digits) && !text.starts_with('_')))
        }
    }
}

/// Units of sizes, in bytes.
const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// A size in bytes: `64MiB`, `1.5 GiB`, `10MB`, `1048576`.
#[must_use]
pub fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?.trim_end(), *unit))).unwrap_or((text, 1));
    if let Some((whole, fraction)) = number.split_once('.') {
        let digits = |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || unit == 1 {
            return None;
        }
        let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
        let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(unit) / u128::from(scale);
        return whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(u64::try_from(part).ok()?);
    }
    let digits = number.replace('_', "");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// A size as [`parse_bytes`] reads it, in the largest binary unit that shows it exactly.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    let unit = UNITS[..4].iter().rev().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

/// `text` as a message may show it: one line, at most 60 characters.
#[must_use]
pub fn shorten(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    let line = text.trim().lines().next().unwrap_or_default();
    if line.chars().count() > SHOWN_MAX || line.len() < text.trim().len() {
        line.chars().take(SHOWN_MAX).chain(['…']).collect()
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_go_reads_them() {
        let ints =
            [("5", 5), ("-5", -5), ("+5", 5), ("0x1f", 31), ("0b101", 5), ("0o17", 15), ("017", 15), ("1_000", 1000)];
        for (text, value) in ints {
            assert_eq!(parse_int(text), Some(value), "{text}");
        }
        for text in ["", "-", "5s", "1.5", "--5", "0x", "9223372036854775808", "five", "_1"] {
            assert_eq!(parse_int(text), None, "{text}");
        }
        for (text, value) in
            [("1.5", 1.5), ("-2e3", -2000.0), (".5", 0.5), ("0x10", 16.0), ("017", 15.0), ("-.inf", f64::NEG_INFINITY)]
        {
            assert_eq!(parse_float(text), Some(value), "{text}");
        }
        assert!(parse_float(".NaN").is_some_and(f64::is_nan));
        for text in ["nan", "inf", "1s", "", "e", "1e400", "_1"] {
            assert_eq!(parse_float(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_both_ways() {
        let cases = [
            ("64MiB", 64 << 20),
            ("2GiB", 2 << 30),
            ("1.5 KiB", 1536),
            ("10MB", 10_000_000),
            ("3KB", 3000),
            ("7B", 7),
            ("1048576", 1 << 20),
            ("1_000", 1000),
            ("0", 0),
            ("1TiB", 1 << 40),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "-1MiB", "1.5", "1.B", "64 mib", "64M", "99999999999TiB", "1.0000000001GiB"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
        for (bytes, text) in [(64 << 20, "64MiB"), (1536, "1536B"), (3 << 10, "3KiB"), (0, "0B"), (2 << 40, "2TiB")] {
            assert_eq!(format_bytes(bytes), text);
            assert_eq!(parse_bytes(text), Some(bytes));
        }
    }
}
