//! The endpoints of one exporter: which one a request goes to, and how each of them is.
//!
//! The least priority that has a ready endpoint serves; within it requests take turns or go where
//! fewest are on their way. An endpoint whose last request failed comes after those that are well.

use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::breaker::{Breaker, Outcome, State};
use crate::backoff::Backoff;

/// How requests are spread over endpoints of equal priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// In turn.
    #[default]
    RoundRobin,
    /// To the one with the fewest requests on their way.
    LeastInFlight,
}

/// Endpoints with their breakers.
#[derive(Debug)]
pub struct Pool {
    members: Mutex<Members>,
    balance: Balance,
    /// Rests of endpoints whose breaker is open.
    rests: Backoff,
    /// A request ended: somebody who waits may go.
    ended: Notify,
    /// An endpoint that rested or refused us has come back.
    recovered: Notify,
}

#[derive(Debug)]
struct Members {
    list: Vec<Member>,
    turn: usize,
}

#[derive(Debug)]
struct Member {
    name: String,
    priority: u32,
    breaker: Breaker,
    in_flight: usize,
    taken: u64,
}

/// How an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Its address, without path and secrets.
    pub name: String,
    /// The least serves first.
    pub priority: u32,
    /// Its breaker's state.
    pub state: State,
    /// Failures in a row.
    pub failures: u32,
    /// Whether its last word was 401, 403 or 404.
    pub refused: bool,
    /// Requests on their way.
    pub in_flight: usize,
    /// Requests it has answered.
    pub taken: u64,
}

impl Health {
    /// Whether its last request was answered.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.failures == 0
    }
}

impl Pool {
    /// Endpoints by name and priority; there must be one.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = (String, u32)>, balance: Balance, rests: Backoff) -> Self {
        let member = |(name, priority)| Member { name, priority, breaker: Breaker::default(), in_flight: 0, taken: 0 };
        let members = Members { list: members.into_iter().map(member).collect(), turn: 0 };
        Self { members: Mutex::new(members), balance, rests, ended: Notify::new(), recovered: Notify::new() }
    }

    /// Waits for an endpoint that takes requests.
    pub async fn acquire(&self) -> Permit<'_> {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            let now = Instant::now();
            let ready_at = {
                let mut members = self.members.lock();
                if let Some(at) = members.pick(self.balance, now) {
                    let member = &mut members.list[at];
                    member.breaker.begin();
                    member.in_flight += 1;
                    return Permit { pool: self, at, ended: false };
                }
                members.list.iter().filter_map(|member| member.breaker.ready_at(now)).min()
            };
            match ready_at {
                Some(at) => drop(tokio::time::timeout_at(at.into(), ended).await),
                None => ended.await,
            }
        }
    }

    /// Waits until an endpoint comes back that rested or refused us.
    pub async fn recovered(&self) {
        self.recovered.notified().await;
    }

    /// How each endpoint is.
    #[must_use]
    pub fn health(&self) -> Vec<Health> {
        let health = |member: &Member| Health {
            name: member.name.clone(),
            priority: member.priority,
            state: member.breaker.state(),
            failures: member.breaker.failures(),
            refused: member.breaker.is_refused(),
            in_flight: member.in_flight,
            taken: member.taken,
        };
        self.members.lock().list.iter().map(health).collect()
    }

    fn end(&self, at: usize, outcome: Outcome) {
        let back = {
            let mut members = self.members.lock();
            let member = &mut members.list[at];
            let was = member.breaker.state();
            member.in_flight -= 1;
            member.taken += u64::from(outcome == Outcome::Alive);
            let back = member.breaker.end(outcome, Instant::now(), &self.rests, fastrand::f64());
            match (was, member.breaker.state()) {
                (State::Closed, State::Open { .. }) => {
                    tracing::warn!(endpoint = member.name, failures = member.breaker.failures(), "breaker opens");
                }
                (State::HalfOpen | State::Open { .. }, State::Closed) => {
                    tracing::info!(endpoint = member.name, "breaker closes");
                }
                _ => {}
            }
            back
        };
        self.ended.notify_waiters();
        if back {
            self.recovered.notify_waiters();
        }
    }
}

impl Members {
    fn pick(&mut self, balance: Balance, now: Instant) -> Option<usize> {
        let (count, turn) = (self.list.len(), self.turn);
        let ready = (0..count).filter(|at| self.list[*at].breaker.is_ready(now));
        let at = ready.min_by_key(|at| {
            let member = &self.list[*at];
            // a probe of an open breaker is sent even if others are well: how else would it come back
            let probe = member.breaker.state() != State::Closed;
            let distance = (*at + count - turn % count) % count;
            let load = if balance == Balance::LeastInFlight { member.in_flight } else { 0 };
            (!probe, if probe { 0 } else { member.priority }, member.breaker.failures() > 0, load, distance)
        })?;
        self.turn = at + 1;
        Some(at)
    }
}

/// A request on its way to an endpoint.
#[derive(Debug)]
pub struct Permit<'a> {
    pool: &'a Pool,
    at: usize,
    ended: bool,
}

impl Permit<'_> {
    /// The endpoint's number, in the order they were given.
    #[must_use]
    pub const fn endpoint(&self) -> usize {
        self.at
    }

    /// How it ended.
    pub fn end(mut self, outcome: Outcome) {
        self.ended = true;
        self.pool.end(self.at, outcome);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.pool.end(self.at, Outcome::Unknown);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::breaker::FAILURES_MAX;
    use super::*;

    fn pool(priorities: &[u32], balance: Balance) -> Pool {
        let rests = Backoff { initial: Duration::from_secs(60), max: Duration::from_secs(60) };
        Pool::new(priorities.iter().map(|priority| (priority.to_string(), *priority)), balance, rests)
    }

    #[tokio::test]
    async fn requests_take_turns_or_go_where_fewest_are() {
        let turns = pool(&[0, 0, 0], Balance::RoundRobin);
        let mut went = Vec::new();
        for _ in 0..4 {
            let permit = turns.acquire().await;
            went.push(permit.endpoint());
            permit.end(Outcome::Alive);
        }
        assert_eq!(went, [0, 1, 2, 0]);
        let least = pool(&[0, 0], Balance::LeastInFlight);
        let (first, second) = (least.acquire().await, least.acquire().await);
        assert_eq!((first.endpoint(), second.endpoint()), (0, 1));
        second.end(Outcome::Alive);
        assert_eq!(least.acquire().await.endpoint(), 1);
        drop(first);
        assert_eq!(least.health()[0].in_flight, 0);
    }

    #[tokio::test]
    async fn the_next_priority_serves_while_the_first_is_down() {
        let pool = pool(&[0, 1], Balance::RoundRobin);
        for _ in 0..FAILURES_MAX {
            let permit = pool.acquire().await;
            assert_eq!(permit.endpoint(), 0);
            permit.end(Outcome::Failed);
        }
        for _ in 0..3 {
            let permit = pool.acquire().await;
            assert_eq!(permit.endpoint(), 1);
            permit.end(Outcome::Alive);
        }
        let health = pool.health();
        assert!(!health[0].is_up() && health[1].is_up() && health[1].taken == 3);
    }
}
