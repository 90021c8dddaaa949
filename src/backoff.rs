//! How long to wait before the next attempt: exponential, capped, jittered, `Retry-After` first.

use std::time::Duration;

/// Bounds of the waits between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub initial: Duration,
    /// No wait is longer, unless the peer asks for it.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_millis(100), max: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// The wait before attempt `failures + 1`, given `jitter` in `[0, 1)` and what the peer asked for.
    ///
    /// Half of the wait is fixed and half is jitter, so that many clients spread but none hurries.
    #[must_use]
    pub fn wait(&self, failures: u32, jitter: f64, retry_after: Option<Duration>) -> Duration {
        let doubled = self.initial.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let capped = doubled.min(self.max);
        let jittered = capped.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        retry_after.map_or(jittered, |asked| asked.max(jittered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_and_obeys_the_peer() {
        let backoff = Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(1) };
        let waits: Vec<u128> = (1..=6).map(|failures| backoff.wait(failures, 1.0, None).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.wait(1, 0.0, None), Duration::from_millis(50));
        assert_eq!(backoff.wait(99, 1.0, Some(Duration::from_secs(7))), Duration::from_secs(7));
    }
}
