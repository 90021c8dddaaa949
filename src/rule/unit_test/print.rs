//! Failures in promtool's words.

use crate::model::time::Millis;

use super::series::Pairs;

/// The labels and annotations of one alert.
pub(super) type AlertPairs = [Pairs; 2];

/// What was wanted beside what there was, of alerts.
pub(super) fn alerts(test: &str, name: &str, at: &str, wanted: &[AlertPairs], found: &[AlertPairs]) -> String {
    let test = if test.is_empty() { String::new() } else { format!("    name: {test},\n") };
    let list = |alerts: &[AlertPairs]| indent(&list(alerts), "            ");
    format!("{test}    alertname: {name}, time: {at}, \n        exp:{}, \n        got:{}", list(wanted), list(found))
}

fn list(alerts: &[AlertPairs]) -> String {
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let one = |(number, [labels, annotations]): (usize, &AlertPairs)| {
        let text = format!("\nLabels:{}\nAnnotations:{}", pairs(labels), pairs(annotations));
        format!("{number}:{}", indent(&text, "  "))
    };
    let all: Vec<String> = alerts.iter().enumerate().map(one).collect();
    format!("[\n{}\n]", all.join(",\n"))
}

fn indent(text: &str, by: &str) -> String {
    text.replace('\n', &format!("\n{by}"))
}

/// What was wanted beside what there was, of an expression.
pub(super) fn samples(expr: &str, at: &str, wanted: &[(Pairs, f64)], found: &[(Pairs, f64)]) -> String {
    let list = |samples: &[(Pairs, f64)]| {
        let all: Vec<String> =
            samples.iter().map(|(labels, value)| format!("{} {}", pairs(labels), float(*value))).collect();
        if all.is_empty() { "nil".to_owned() } else { all.join(", ") }
    };
    format!("    expr: {expr:?}, time: {at},\n        exp: {}\n        got: {}", list(wanted), list(found))
}

/// Labels with the metric name among them.
fn pairs(pairs: &Pairs) -> String {
    let legacy = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let one = |(name, value): &(String, String)| match legacy(name) {
        true => format!("{name}={value:?}"),
        false => format!("{name:?}={value:?}"),
    };
    format!("{{{}}}", pairs.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Go's `strconv.FormatFloat(value, 'E', -1, 64)`.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:E}");
    let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}E{sign}{digits:0>2}")
}

/// Go's `time.Duration`: `1h2m3.5s`.
pub(super) fn go_duration(millis: Millis) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let all = millis.unsigned_abs();
    let (hours, minutes, rest) = (all / 3_600_000, all / 60_000 % 60, all % 60_000);
    #[expect(clippy::cast_precision_loss, reason = "below one minute")]
    let seconds = format!("{}s", rest as f64 / 1000.0);
    match (hours, minutes) {
        (0, 0) if (1..1000).contains(&rest) => format!("{sign}{rest}ms"),
        (0, 0) => format!("{sign}{seconds}"),
        (0, _) => format!("{sign}{minutes}m{seconds}"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go_does() {
        for (value, text) in
            [(1.0, "1E+00"), (0.0, "0E+00"), (1234.5, "1.2345E+03"), (1e-7, "1E-07"), (1e100, "1E+100")]
        {
            assert_eq!(float(value), text);
        }
        for (millis, text) in [(0, "0s"), (500, "500ms"), (60_000, "1m0s"), (5_400_500, "1h30m0.5s"), (-1500, "-1.5s")]
        {
            assert_eq!(go_duration(millis), text);
        }
    }
}
