//! Durations as PromQL writes them: `1h30m`, `500ms`, `1w2d`.

/// Each unit in milliseconds, in the only order in which they may follow each other.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// The longest duration Go can hold, in milliseconds.
const MILLIS_MAX: u64 = i64::MAX as u64 / 1_000_000;

/// A duration in seconds.
pub(super) fn parse(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut sum: u64 = 0;
    let mut allowed = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = &rest[..rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len())];
        let (_, millis) = allowed.find(|(name, _)| *name == unit)?;
        sum = count.checked_mul(*millis).and_then(|part| sum.checked_add(part))?;
        rest = &rest[unit.len()..];
    }
    (!text.is_empty() && sum <= MILLIS_MAX).then(|| seconds(sum.cast_signed()))
}

/// Milliseconds as seconds, rounded as Go's `Duration.Seconds` does it.
pub(super) fn seconds(millis: i64) -> f64 {
    (millis / 1000) as f64 + (millis % 1000 * 1_000_000) as f64 / 1e9
}
