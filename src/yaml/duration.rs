//! Prometheus' durations (`model.Duration`), both ways: `1y2w3d4h5m6s7ms`.

/// Milliseconds; the same type as `model::time::Millis`, which this floor does not import.
pub type Millis = i64;

/// Units in the order in which they must be written; the last field: printed only if nothing remains.
const UNITS: [(&str, Millis, bool); 7] = [
    ("y", 365 * 86_400_000, true),
    ("w", 7 * 86_400_000, true),
    ("d", 86_400_000, false),
    ("h", 3_600_000, false),
    ("m", 60_000, false),
    ("s", 1_000, false),
    ("ms", 1, false),
];

/// The longest duration Prometheus takes: what fits 64 bits in nanoseconds.
const MAX: Millis = i64::MAX / 1_000_000;

/// A duration as Prometheus reads it: units from large to small, each once, whole numbers; `0` needs none.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Millis> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: Millis = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: Millis = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (_, unit, _) = units.find(|(name, ..)| *name == &rest[..letters])?;
        rest = &rest[letters..];
        total = total.checked_add(number.checked_mul(*unit)?).filter(|total| *total <= MAX)?;
    }
    (!text.is_empty()).then_some(total)
}

/// `millis` as Prometheus prints it: years and weeks only where they are exact.
#[must_use]
pub fn format_duration(millis: Millis) -> String {
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut printed = String::from(if millis < 0 { "-" } else { "" });
    let mut rest = millis.unsigned_abs();
    for (name, unit, exact) in UNITS {
        let unit = unit.unsigned_abs();
        if (!exact || rest.is_multiple_of(unit)) && rest >= unit {
            printed.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    printed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_both_ways() {
        let cases = [
            ("0s", 0),
            ("324ms", 324),
            ("3s", 3_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("4d", 345_600_000),
            ("4d1h", 349_200_000),
            ("14d", 1_209_600_000),
            ("3w", 1_814_400_000),
            ("3w2d1h", 1_990_800_000),
            ("10y", 315_360_000_000),
            ("1h30m", 5_400_000),
            ("1m500ms", 60_500),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Some(millis), "{text}");
            assert_eq!(parse_duration(&format_duration(millis)), Some(millis), "{text}");
        }
        // As Go prints them: weeks only where nothing remains.
        let printed = [
            (1_209_600_000, "2w"),
            (1_990_800_000, "23d1h"),
            (349_200_000, "4d1h"),
            (5_400_000, "1h30m"),
            (-1_500, "-1s500ms"),
        ];
        for (millis, text) in printed {
            assert_eq!(format_duration(millis), text);
        }
    }

    #[test]
    fn what_prometheus_refuses() {
        for text in [
            "",
            "1",
            "-1w",
            "1.5d",
            "d",
            "294y",
            "200y10400w107675d2584200h",
            "1s1m",
            "1m1m",
            "5 m",
            "5min",
            "00",
            "٣s",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
