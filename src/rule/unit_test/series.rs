//! The notation of input series: `1+2x3` is 1 3 5 7, `_` a gap, `stale` the end of a series.
//!
//! promtool's grammar (`promql/parser/generated_parser.y`, "Series descriptions"): `a`, `axn`,
//! `a+bxn`, `a-bxn`, `_`, `_xn`, `stale`, between spaces.

use crate::model::sample::STALE_NAN;
use crate::rule::promql::metric::{metric, number};

/// Samples that all series of one test may hold together.
pub(super) const SAMPLES_MAX: usize = 4_000_000;

/// Labels as written.
pub(super) type Pairs = Vec<(String, String)>;

/// A series and its values, one for each interval; `None` is a gap.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) labels: Pairs,
    pub(super) values: Vec<Option<f64>>,
}

/// Reads `METRIC VALUES`. `room`: values that may still be made; it shrinks.
pub(super) fn line(text: &str, room: &mut usize) -> Result<Line, String> {
    let end = metric_end(text);
    let labels = metric(&text[..end]).map_err(|error| format!("{}: {error}", error.at + 1))?;
    if labels.is_empty() {
        return Err("1: a series without labels cannot be stored, name a metric".to_owned());
    }
    let (mut values, mut at) = (Vec::new(), end);
    for word in text[end..].split([' ', '\t', '\r']) {
        if at == end && !word.is_empty() {
            return Err(format!("{}: unexpected {word:?}, expected a space behind the metric", at + 1));
        }
        if !word.is_empty() {
            let before = values.len();
            item(word, *room, &mut values).map_err(|error| format!("{}: {error}", at + 1))?;
            *room -= values.len() - before;
        }
        at += word.len() + 1;
    }
    Ok(Line { labels, values })
}

/// Where the metric and its braces end.
fn metric_end(text: &str) -> usize {
    let name = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))).unwrap_or(text.len());
    if !text[name..].starts_with('{') {
        return name;
    }
    let (mut quote, mut escaped) = (None, false);
    for (at, letter) in text.char_indices().skip_while(|(at, _)| *at < name) {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(open) if letter == '\\' && open != '`' => escaped = true,
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if matches!(letter, '"' | '\'' | '`') => quote = Some(letter),
            None if letter == '}' => return at + 1,
            None => {}
        }
    }
    text.len()
}

/// One item between spaces.
fn item(word: &str, room: usize, values: &mut Vec<Option<f64>>) -> Result<(), String> {
    if word.contains("{{") {
        return Err("native histograms `{{…}}` are not yet supported in series, write numbers".to_owned());
    }
    if word == "stale" {
        return repeat(STALE_NAN, 0.0, 1, room, values);
    }
    let refused = || {
        format!("unexpected {word:?} in series values, write a number, `stale`, `_`, `1x5`, `1+2x5`, `1-2x5` or `_x5`")
    };
    if let Some(gap) = word.strip_prefix('_') {
        let times = match gap.strip_prefix('x') {
            Some(times) => count(times, word)?,
            None if gap.is_empty() => 1,
            None => return Err(refused()),
        };
        if times > room {
            return Err(too_many());
        }
        values.extend(std::iter::repeat_n(None, times));
        return Ok(());
    }
    let (first, rest) = signed(word).ok_or_else(refused)?;
    if rest.is_empty() {
        return repeat(first, 0.0, 1, room, values);
    }
    let (step, rest) = if rest.starts_with('x') { (0.0, rest) } else { signed(rest).ok_or_else(refused)? };
    let times = count(rest.strip_prefix('x').ok_or_else(refused)?, word)?;
    // one more: the value of the first instant
    repeat(first, step, times.checked_add(1).ok_or_else(too_many)?, room, values)
}

fn repeat(first: f64, step: f64, times: usize, room: usize, values: &mut Vec<Option<f64>>) -> Result<(), String> {
    if times > room {
        return Err(too_many());
    }
    let mut value = first;
    for _ in 0..times {
        values.push(Some(value));
        value += step;
    }
    Ok(())
}

fn too_many() -> String {
    format!("the series of one test hold more than {SAMPLES_MAX} values, test a shorter time or a longer interval")
}

fn count(text: &str, word: &str) -> Result<usize, String> {
    let whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let count = whole.then(|| text.parse().ok()).flatten();
    count.ok_or_else(|| format!("invalid repetition in series values: {word:?}, write a whole number behind `x`"))
}

/// A number with or without a sign at the start of `text`, and what follows it.
fn signed(text: &str) -> Option<(f64, &str)> {
    let (sign, magnitude) = match text.as_bytes().first()? {
        b'+' => (1.0, &text[1..]),
        b'-' => (-1.0, &text[1..]),
        _ => (1.0, text),
    };
    let letters = magnitude.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(magnitude.len());
    match magnitude[..letters].to_ascii_lowercase().as_str() {
        "inf" => return Some((sign * f64::INFINITY, &magnitude[letters..])),
        "nan" => return Some((f64::NAN, &magnitude[letters..])),
        _ => {}
    }
    let end = number_end(magnitude);
    number(&magnitude[..end]).filter(|_| end > 0).map(|value| (sign * value, &magnitude[end..]))
}

/// Digits, `.`, `_`, and an exponent with its sign; an `x` begins the repetition, never a base.
fn number_end(text: &str) -> usize {
    let mut previous = b' ';
    for (at, byte) in text.bytes().enumerate() {
        let sign = matches!(byte, b'+' | b'-') && matches!(previous, b'e' | b'E');
        if !(byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'e' | b'E') || sign) {
            return at;
        }
        previous = byte;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Result<Vec<String>, String> {
        let line = line(&format!("up{{a=\"}} \\\"\"}} {text}"), &mut 100)?;
        assert_eq!(line.labels[1].1, "} \"");
        Ok(line.values.iter().map(|value| value.map_or("_".to_owned(), |value| value.to_string())).collect())
    }

    #[test]
    fn reads_every_form_of_values() {
        let cases = [
            ("", ""),
            ("1 2.5 -3 +4", "1 2.5 -3 4"),
            ("1x3", "1 1 1 1"),
            ("1+2x3", "1 3 5 7"),
            ("10-2x3", "10 8 6 4"),
            ("-1-1x2 _ _x2 5", "-1 -2 -3 _ _ _ 5"),
            ("1e1+.5x2", "10 10.5 11"),
            ("0x2 1_0", "0 0 0 10"),
            ("Inf -inf NaN +Inf", "inf -inf NaN inf"),
            ("_x0 1x0", "1"),
            ("  1\t 2 ", "1 2"),
        ];
        for (text, wanted) in cases {
            assert_eq!(values(text).expect(text).join(" "), wanted, "{text}");
        }
        let ended = line("up 1 stale", &mut 9).expect("reads");
        assert!(crate::model::sample::is_stale(ended.values[1].expect("a marker")));
    }

    #[test]
    fn refuses_what_is_no_series() {
        let cases = [
            ("up 1 x", "unexpected \"x\""),
            ("up 1x", "invalid repetition"),
            ("up 1x-2", "invalid repetition"),
            ("up 1+x3", "unexpected"),
            ("up 1+2", "unexpected"),
            ("up stalex2", "unexpected"),
            ("up __", "unexpected"),
            ("up {{schema:1}}", "native histograms"),
            ("up 1x99999999999", "more than"),
            ("up 1x99999999999999999999999", "invalid repetition"),
            ("up _x101", "more than"),
            ("{} 1", "without labels"),
            ("up{a=\"b\"}1", "expected a space"),
        ];
        for (text, part) in cases {
            let error = line(text, &mut 100).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_within_bounds(text in "(up|up\\{a='b'\\}|\\{|\\PC{0,4})[ ](([0-9.+\\-xeE_]|stale|NaN|[ {}\\t]|\\PC){0,24})") {
            let mut room = 1_000;
            if let Ok(line) = line(&text, &mut room) {
                prop_assert_eq!(line.values.len() + room, 1_000);
            }
        }

        #[test]
        fn what_is_written_is_read_back(first in -1000_i32..1000, step in -50_i32..50, times in 0_usize..40) {
            let wanted: Vec<f64> = (0..=times).map(|n| f64::from(first + step * i32::try_from(n).expect("small"))).collect();
            let text = format!("up {first}{step:+}x{times}");
            let read: Vec<f64> = line(&text, &mut 1_000).expect("reads").values.into_iter().flatten().collect();
            prop_assert_eq!(read, wanted);
        }
    }
}
