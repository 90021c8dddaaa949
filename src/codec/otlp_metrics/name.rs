//! Metric names: tokens of the OTLP name, then unit and kind unless they are there already.

use super::settings::Strategy;

/// What a metric's name depends on beside name and unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A gauge.
    Gauge,
    /// A sum that only grows.
    Counter,
    /// Anything else.
    Other,
}

/// Replaces `out` by the name of a metric.
///
/// # Errors
/// If nothing is left of the name.
pub(super) fn write(name: &str, unit: &str, kind: Kind, strategy: Strategy, out: &mut String) -> Result<(), String> {
    out.clear();
    match (strategy.escapes(), strategy.appends()) {
        (true, true) => write_tokens(name, unit, kind, out),
        (true, false) => write_escaped(name, out),
        (false, appends) => {
            out.push_str(name);
            if appends {
                append_suffixes(unit, kind, out);
            }
        }
    }
    if out.is_empty() || (out.as_str() != name && out.bytes().all(|byte| byte == b'_')) {
        return Err("its name leaves no metric name: it needs a letter or a digit".to_owned());
    }
    Ok(())
}

const fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

fn prefix_digit(out: &mut String) {
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
}

fn push_token(token: &str, out: &mut String) {
    if !out.is_empty() {
        out.push('_');
    }
    out.push_str(token);
}

fn write_escaped(name: &str, out: &mut String) {
    name.split(|c| !is_name_char(c) && c != '_').filter(|token| !token.is_empty()).for_each(|token| {
        push_token(token, out);
    });
    prefix_digit(out);
}

fn write_tokens(name: &str, unit: &str, kind: Kind, out: &mut String) {
    let tokens = || name.split(|c| !is_name_char(c)).filter(|token| !token.is_empty());
    let has = |wanted: &str| tokens().any(|token| token == wanted);
    let (main, per) = units(unit);
    let (mut main, per) = (clean(main), clean(&per_unit(per)));
    if has(&main) {
        main.clear();
    }
    let per = Some(per.strip_suffix('_').unwrap_or(&per)).filter(|per| !per.is_empty() && *per != "per" && !has(per));
    if per.is_some() && main.ends_with('_') {
        main.pop();
    }
    // a kind's word moves to the end, wherever it stood
    let last = match kind {
        Kind::Counter => Some("total"),
        Kind::Gauge if unit == "1" => Some("ratio"),
        _ => None,
    };
    let words = tokens().chain(Some(main.as_str()).filter(|main| !main.is_empty())).chain(per);
    words.filter(|word| Some(*word) != last).for_each(|word| push_token(word, out));
    if let Some(last) = last {
        push_token(last, out);
    }
    prefix_digit(out);
}

/// The suffixes of names that keep their characters.
fn append_suffixes(unit: &str, kind: Kind, out: &mut String) {
    let (main, per) = units(unit);
    let per = per_unit(per);
    let last = match kind {
        Kind::Counter => "total",
        Kind::Gauge if unit == "1" => "ratio",
        _ => "",
    };
    for suffix in [last, &per].into_iter().filter(|suffix| !suffix.is_empty()) {
        trim_suffix(suffix, out);
    }
    if !main.is_empty() && !out.ends_with(main) {
        out.push('_');
        out.push_str(main);
    }
    for suffix in [&per, last].into_iter().filter(|suffix| !suffix.is_empty()) {
        out.push('_');
        out.push_str(suffix);
    }
}

/// Takes `suffix` and the character before it off, if something is left then.
fn trim_suffix(suffix: &str, out: &mut String) {
    let Some(rest) = out.strip_suffix(suffix).filter(|rest| rest.len() > 1) else { return };
    if let Some((at, _)) = rest.char_indices().next_back() {
        out.truncate(at);
    }
}

/// The words of a unit's two sides; empty for a side that is absent or an annotation.
fn units(unit: &str) -> (&str, &str) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let side = |text: &str| !text.is_empty() && !text.contains(['{', '}']);
    let (main, per) = (main.trim(), per.trim());
    (if side(main) { main_word(main) } else { "" }, if side(per) { per_word(per) } else { "" })
}

fn per_unit(word: &str) -> String {
    if word.is_empty() { String::new() } else { format!("per_{word}") }
}

/// A word without what names cannot hold, underscores in a row as one and none in front.
fn clean(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        if is_name_char(c) {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out
}

fn main_word(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "1" => "",
        "%" => "percent",
        other => other,
    }
}

fn per_word(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::Kind::{Counter, Gauge, Other};
    use super::*;

    fn translated(strategy: Strategy, name: &str, unit: &str, kind: Kind) -> String {
        let mut out = String::new();
        write(name, unit, kind, strategy, &mut out).map_or_else(|_| "-".to_owned(), |()| out)
    }

    #[test]
    fn names_get_unit_and_kind_once() {
        for (name, unit, kind, wanted) in [
            ("http.server.request.duration", "s", Other, "http_server_request_duration_seconds"),
            ("system.filesystem.usage", "By", Other, "system_filesystem_usage_bytes"),
            ("requests", "", Counter, "requests_total"),
            ("total.requests", "{request}", Counter, "requests_total"),
            ("usage", "1", Gauge, "usage_ratio"),
            ("ratio_of_usage", "1", Gauge, "of_usage_ratio"),
            ("usage", "1", Counter, "usage_total"),
            ("speed", "m/s", Gauge, "speed_meters_per_second"),
            ("seconds.busy", "s", Counter, "seconds_busy_total"),
            ("hits", "{hit}/s", Gauge, "hits_per_second"),
            ("a__b..c:d", "", Other, "a_b_c:d"),
            ("2xx", "", Counter, "_2xx_total"),
            ("城市", "", Gauge, "-"),
            ("", "s", Gauge, "seconds"),
            ("", "", Gauge, "-"),
            ("x", " ms ", Gauge, "x_milliseconds"),
            ("x", "foo-bar!", Gauge, "x_foo_bar_"),
            ("x", "foo!/s", Gauge, "x_foo_per_second"),
            ("x", "By/", Gauge, "x_bytes"),
            ("x", "a/b/c", Gauge, "x_a_per_b_c"),
            ("x_per", "1/s", Gauge, "x_per_per_second"),
            ("x", "KBy", Gauge, "x_kilobytes"),
        ] {
            let found = translated(Strategy::UnderscoreEscapingWithSuffixes, name, unit, kind);
            assert_eq!(found, wanted, "{name} in {unit}");
        }
    }

    #[test]
    fn other_strategies_append_or_escape_or_neither() {
        use Strategy::{NoTranslation, NoUtf8EscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes};
        for (strategy, name, unit, kind, wanted) in [
            (UnderscoreEscapingWithoutSuffixes, "a__b.c", "s", Counter, "a__b_c"),
            (UnderscoreEscapingWithoutSuffixes, "2.b", "s", Counter, "_2_b"),
            (UnderscoreEscapingWithoutSuffixes, "__", "", Gauge, "__"),
            (UnderscoreEscapingWithoutSuffixes, "._.", "", Gauge, "-"),
            (NoUtf8EscapingWithSuffixes, "a.b", "By/s", Counter, "a.b_bytes_per_second_total"),
            (NoUtf8EscapingWithSuffixes, "a.b.total", "By", Counter, "a.b_bytes_total"),
            (NoUtf8EscapingWithSuffixes, "a.bytes", "By", Other, "a.bytes"),
            (NoUtf8EscapingWithSuffixes, "usage.ratio", "1", Gauge, "usage_ratio"),
            (NoTranslation, "a.b", "s", Counter, "a.b"),
        ] {
            assert_eq!(translated(strategy, name, unit, kind), wanted, "{strategy:?} {name}");
        }
    }
}
