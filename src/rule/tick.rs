//! When a rule group is evaluated: at the very instants at which Prometheus would.
//!
//! Prometheus offsets a group by a hash of its name and file
//! (`rules/group.go`, `EvalTimestamp`), so that many groups do not run at once.

use crate::model::time::Millis;
use xxhash_rust::xxh64::xxh64;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// The ticks of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticks {
    offset_ns: i64,
    interval_ns: i64,
}

impl Ticks {
    pub(super) fn new(file: &str, group: &str, interval_ms: i64) -> Self {
        let interval_ns = interval_ms.max(1) * NANOS_PER_MILLI;
        let offset = group_hash(file, group) % interval_ns.unsigned_abs();
        Self { offset_ns: i64::try_from(offset).unwrap_or(0), interval_ns }
    }

    /// The last tick at or before `now`.
    pub(super) fn last(self, now: Millis) -> Millis {
        let adjusted = now.saturating_mul(NANOS_PER_MILLI) + (NANOS_PER_MILLI - 1) - self.offset_ns;
        (adjusted - adjusted.rem_euclid(self.interval_ns) + self.offset_ns).div_euclid(NANOS_PER_MILLI)
    }

    /// The first tick after `now`.
    pub(super) fn next(self, now: Millis) -> Millis {
        self.last(now) + self.interval_ns / NANOS_PER_MILLI
    }
}

/// `labels.Labels.Hash` of Prometheus' default build over `{file=…, name=…}`: xxh64 over each text
/// behind its length (one byte, or 255 and three bytes in little endian).
fn group_hash(file: &str, group: &str) -> u64 {
    let mut bytes = Vec::with_capacity(file.len() + group.len() + 16);
    for text in ["file", file, "name", group] {
        match u8::try_from(text.len()) {
            Ok(len) if len < u8::MAX => bytes.push(len),
            _ => {
                bytes.push(u8::MAX);
                bytes.extend_from_slice(&text.len().to_le_bytes()[..3]);
            }
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    xxh64(&bytes, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_one_interval_apart_and_around_now() {
        let ticks = Ticks::new("/etc/prometheus/rules.yml", "node", 15_000);
        for now in [1_700_000_000_000, 1_700_000_000_001, 1_700_000_014_999] {
            let (last, next) = (ticks.last(now), ticks.next(now));
            assert!(last <= now && now < next, "{last} {now} {next}");
            assert_eq!(next - last, 15_000);
            assert_eq!(ticks.last(next), next);
            assert_eq!(ticks.next(last), next);
        }
    }

    #[test]
    fn the_hash_is_that_of_prometheus_3_13() {
        let long = "x".repeat(300);
        let cases = [
            ("/etc/prometheus/rules.yml", "node", 9_818_755_009_374_647_345),
            ("alert-rules/system/host.yaml", "host", 2_511_199_673_189_959_310),
            (long.as_str(), "g", 3_205_501_712_680_515_156),
        ];
        for (file, group, hash) in cases {
            assert_eq!(group_hash(file, group), hash, "{file}");
        }
    }
}
