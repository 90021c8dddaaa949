//! Time as a value: milliseconds since the Unix epoch, passed down as an argument.

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// Reads the wall clock. Only the rim (floors 2 and up) may call it; everything below takes `now`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub fn wall_clock() -> Millis {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// `time` in RFC 3339 with milliseconds, UTC, as Prometheus' and Alertmanager's APIs print it.
#[must_use]
pub fn rfc3339(time: Millis) -> String {
    jiff::Timestamp::from_millisecond(time).map_or_else(|_| format!("{time}ms"), |at| format!("{at:.3}"))
}
