//! The circuit breaker of one endpoint: after failures in a row it rests, then one request tries it.
//!
//! Pure: `now` and the jitter are arguments.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;

/// Failures in a row after which an endpoint rests: fewer are a hiccup that a repeat gets over.
pub const FAILURES_MAX: u32 = 5;

/// What an attempt says about the endpoint, whatever it says about the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered: it took the request, blamed its content, or is busy.
    Alive,
    /// It cannot be reached, gave no answer in time, or failed by itself (5xx).
    Failed,
    /// It refuses us (401, 403, 404).
    Refused,
    /// The attempt was given up on our side; nothing is known.
    Unknown,
}

/// Whether requests go to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// They do.
    Closed,
    /// None does before this instant; then one may try.
    Open {
        /// When.
        until: Instant,
    },
    /// One is trying.
    HalfOpen,
}

impl State {
    /// The state in metrics and APIs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    state: State,
    failures: u32,
    refused: bool,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed, failures: 0, refused: false }
    }
}

impl Breaker {
    /// Whether a request may go now; one that may is the probe where the breaker was open.
    #[must_use]
    pub fn is_ready(&self, now: Instant) -> bool {
        match self.state {
            State::Closed => true,
            State::Open { until } => until <= now,
            State::HalfOpen => false,
        }
    }

    /// A request goes: [`is_ready`](Self::is_ready) said that it may.
    pub fn begin(&mut self) {
        if let State::Open { .. } = self.state {
            self.state = State::HalfOpen;
        }
    }

    /// When it is worth asking again; none while a probe is on its way.
    #[must_use]
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Closed => Some(now),
            State::Open { until } => Some(until),
            State::HalfOpen => None,
        }
    }

    /// Notes how a request fared; true if the endpoint has come back by it.
    pub fn end(&mut self, outcome: Outcome, now: Instant, rests: &Backoff, jitter: f64) -> bool {
        match outcome {
            Outcome::Alive => {
                let back = self.state != State::Closed || self.refused;
                *self = Self::default();
                return back;
            }
            // the next request tries
            Outcome::Unknown if self.state == State::HalfOpen => self.state = State::Open { until: now },
            Outcome::Unknown => {}
            Outcome::Failed | Outcome::Refused => {
                self.failures = self.failures.saturating_add(1);
                self.refused = outcome == Outcome::Refused;
                if self.failures >= FAILURES_MAX || self.state == State::HalfOpen {
                    self.state = State::Open { until: now + self.rest(rests, jitter) };
                }
            }
        }
        false
    }

    fn rest(&self, rests: &Backoff, jitter: f64) -> Duration {
        rests.wait(self.failures, jitter, None)
    }

    /// Whether requests go through.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether the endpoint's last word was 401, 403 or 404.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_and_one_probe_decides() {
        let rests = Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(60) };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut breaker = Breaker::default();
        let fail = |breaker: &mut Breaker, now| {
            breaker.begin();
            breaker.end(Outcome::Failed, now, &rests, 1.0)
        };
        for _ in 1..FAILURES_MAX {
            assert!(breaker.is_ready(at(0)) && !fail(&mut breaker, at(0)));
        }
        // a success in between starts the count anew, and is no recovery
        assert!(!breaker.end(Outcome::Alive, at(0), &rests, 1.0));
        for _ in 0..FAILURES_MAX {
            fail(&mut breaker, at(0));
        }
        assert_eq!(breaker.state(), State::Open { until: at(16) });
        assert!(!breaker.is_ready(at(15)) && breaker.ready_at(at(0)) == Some(at(16)));
        assert!(breaker.is_ready(at(16)));
        breaker.begin();
        assert!(!breaker.is_ready(at(17)), "one probe at a time");
        assert!(!breaker.end(Outcome::Failed, at(17), &rests, 1.0));
        assert_eq!(breaker.state(), State::Open { until: at(17 + 32) });
        // a probe that was given up leaves the turn to the next request
        breaker.begin();
        breaker.end(Outcome::Unknown, at(50), &rests, 1.0);
        assert!(breaker.is_ready(at(50)));
        breaker.begin();
        assert!(breaker.end(Outcome::Alive, at(51), &rests, 1.0), "it has come back");
        assert_eq!((breaker.state(), breaker.failures()), (State::Closed, 0));
        breaker.end(Outcome::Refused, at(52), &rests, 1.0);
        assert!(breaker.is_refused() && breaker.is_ready(at(52)));
        assert!(breaker.end(Outcome::Alive, at(53), &rests, 1.0) && !breaker.is_refused());
    }
}
