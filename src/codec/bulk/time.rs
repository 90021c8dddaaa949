//! The time of a document, read from `@timestamp` without building anything.

use super::json::Token;

/// Milliseconds since the epoch from an ISO 8601 time or a number of milliseconds; `None` for
/// everything else, which only the store can judge.
#[must_use]
pub(super) fn millis(token: Token<'_>) -> Option<i64> {
    match token.0.first()? {
        b'"' => iso(token.0.get(1..token.0.len() - 1)?),
        b'-' | b'0'..=b'9' => std::str::from_utf8(token.0).ok()?.parse().ok(),
        _ => None,
    }
}

/// `2026-11-22`, optionally `T20:15`, `:30`, `.123456789`, and `Z` or `+08:00` or `+0800`; UTC if no zone.
fn iso(text: &[u8]) -> Option<i64> {
    let year = number(text, 0..4)?;
    let (month, day) = (number(text, 5..7)?, number(text, 8..10)?);
    if text[4] != b'-' || text[7] != b'-' || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let mut at = 10;
    let mut millis = days_from_civil(year, month, day) * 86_400_000;
    if text.len() == at {
        return Some(millis);
    }
    if !matches!(text[at], b'T' | b't' | b' ') {
        return None;
    }
    millis += number(text, 11..13)? * 3_600_000;
    at = 13;
    for unit in [60_000, 1_000] {
        if text.get(at) == Some(&b':') {
            millis += number(text, at + 1..at + 3)? * unit;
            at += 3;
        }
    }
    if matches!(text.get(at), Some(b'.' | b',')) {
        let digits = text[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let known = text[at + 1..at + 1 + digits].iter().chain(b"000").take(3);
        millis += known.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        at += 1 + digits;
    }
    Some(millis - zone(&text[at..])?)
}

/// The offset of `Z`, nothing, `+08`, `+0800` or `+08:00`, in milliseconds.
fn zone(text: &[u8]) -> Option<i64> {
    let sign = match text {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let hours = number(text, 1..3)?;
    let minutes = match &text[3..] {
        [] => 0,
        [b':', rest @ ..] | rest if rest.len() == 2 => number(rest, 0..2)?,
        _ => return None,
    };
    Some(sign * (hours * 60 + minutes) * 60_000)
}

fn number(text: &[u8], range: std::ops::Range<usize>) -> Option<i64> {
    text.get(range)?.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's algorithm).
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_elasticsearch_takes_for_a_date_and_ignores_the_rest() {
        let cases: [(&str, Option<i64>); 14] = [
            ("\"1970-01-01T00:00:00Z\"", Some(0)),
            ("\"2026-11-22T20:15:30.123456789Z\"", Some(1_795_378_530_123)),
            ("\"2026-11-22T20:15:30.1+08:00\"", Some(1_795_349_730_100)),
            ("\"2026-11-22T20:15:30-0230\"", Some(1_795_387_530_000)),
            ("\"2026-11-22\"", Some(1_795_305_600_000)),
            ("\"2026-11-22T20:15\"", Some(1_795_378_500_000)),
            ("1795378530123", Some(1_795_378_530_123)),
            ("-5", Some(-5)),
            ("\"\"", None),
            ("\"now\"", None),
            ("\"2026-13-22\"", None),
            ("\"2026-11-22X\"", None),
            ("null", None),
            ("1.5", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(millis(Token(text.as_bytes())), wanted, "{text}");
        }
    }
}
