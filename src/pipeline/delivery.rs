//! One batch until every item of it is settled: repeat, wait, halve, bury.
//!
//! Nothing here gives up: an attempt is repeated for ever unless the store blames the content, or
//! keeps failing over it while it takes everything else (poison).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracing::Instrument;

use super::activity::Activity;
use super::exporter::{Answer, Exporter, Letter, Place, RetryReason, Verdict};
use super::letter::Letters;
use super::slots::Pressure;
use crate::backoff::Backoff;
use crate::journal::{Counts, DropReason, Frame};
use crate::model::signal::Signal;
use crate::model::time::wall_clock;
use crate::telemetry::{ExporterLabels, ExporterReasonLabels, OWN_SPANS, Telemetry};

/// Failures of half of a suspected request, while others succeed, before it is halved again.
const SUSPECT_FAILURES: u32 = 2;

/// When a request that fails while others succeed is suspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poison {
    /// Failures in a row.
    pub failures: u32,
    /// Since the first of them.
    pub after: Duration,
}

impl Default for Poison {
    fn default() -> Self {
        Self { failures: 10, after: Duration::from_secs(5 * 60) }
    }
}

/// What every batch of one exporter and signal shares.
pub(crate) struct Delivery<E> {
    pub(crate) name: String,
    pub(crate) signal: Signal,
    pub(crate) exporter: E,
    pub(crate) backoff: Backoff,
    pub(crate) poison: Poison,
    pub(crate) letters: Letters,
    pub(crate) telemetry: Telemetry,
    pub(crate) activity: Arc<Activity>,
    /// The store did not take the last attempt: one batch at a time finds out when it does again.
    pub(crate) failing: AtomicBool,
}

/// A request on its way, and how it has fared.
struct Attempt<R> {
    request: R,
    /// An attempt at it went without an answer.
    unanswered: bool,
    /// It is part of one that failed while others succeeded.
    suspect: bool,
    /// Why it waits before it is sent, if it does.
    wait_for: Option<RetryReason>,
    failures: u32,
    first_failure: Option<(Instant, u64)>,
}

/// What of a batch is to be sent.
struct Queue<R> {
    /// The last one next.
    waiting: Vec<Attempt<R>>,
    /// What one index does not take: the others do not wait for it.
    later: VecDeque<Attempt<R>>,
}

impl<R> Attempt<R> {
    const fn new(request: R, unanswered: bool, suspect: bool) -> Self {
        Self { request, unanswered, suspect, wait_for: None, failures: 0, first_failure: None }
    }
}

impl<E: Exporter> Delivery<E> {
    /// Delivers `frames` in order; returns when each item is delivered, buried or dropped.
    /// `unanswered` tells that an earlier process may have sent them already.
    pub(crate) async fn deliver(&self, mut frames: Vec<Frame>, unanswered: bool) -> Counts {
        let mut settled = Counts::default();
        let mut queue = Queue { waiting: Vec::new(), later: VecDeque::new() };
        let mut from = Some(Place::default());
        loop {
            if let Some(attempt) = queue.waiting.pop() {
                self.settle(attempt, &mut queue, &mut settled).await;
            } else if let Some(place) = from {
                let encoded = self.exporter.encode(&frames, place);
                from = encoded.next;
                if from.is_none() {
                    // the journal has them; what waits for long should not hold them twice
                    frames = Vec::new();
                }
                settled += self.bury(encoded.letters).await;
                let attempts = encoded.requests.into_iter().rev();
                queue.waiting.extend(attempts.map(|request| Attempt::new(request, unanswered, false)));
            } else if let Some(attempt) = queue.later.pop_front() {
                self.settle(attempt, &mut queue, &mut settled).await;
            } else {
                return settled;
            }
        }
    }

    /// Repeats one request until it is settled, or what is left of it lies on `queue`.
    async fn settle(&self, mut attempt: Attempt<E::Request>, queue: &mut Queue<E::Request>, settled: &mut Counts) {
        if let Some(reason) = attempt.wait_for.take() {
            self.wait_aside(&attempt, reason).await;
        }
        loop {
            match self.send(&attempt.request).await {
                Answer::Delivered => {
                    self.failing.store(false, Ordering::Relaxed);
                    *settled += Counts::delivered(u64::from(self.exporter.items(&attempt.request)));
                    return;
                }
                Answer::Partly { settled: now, letters, rest } => {
                    self.failing.store(false, Ordering::Relaxed);
                    *settled += now;
                    *settled += self.bury(letters).await;
                    let failures = attempt.failures + 1;
                    for (request, reason) in rest {
                        let first_failure = attempt.first_failure.or_else(|| self.now());
                        let wait_for = Some(reason);
                        let rest = Attempt { request, failures, wait_for, first_failure, ..attempt };
                        match is_of_one_index(reason) {
                            true => queue.later.push_back(rest),
                            false => queue.waiting.push(rest),
                        }
                    }
                    return;
                }
                Answer::Retry { reason, after, detail } => {
                    self.failing.store(true, Ordering::Relaxed);
                    attempt.unanswered |= reason == RetryReason::NoAnswer;
                    attempt.failures += 1;
                    attempt.first_failure = attempt.first_failure.or_else(|| self.now());
                    if reason.may_be_poison() && self.is_poison(&attempt).await {
                        tracing::warn!(
                            exporter = self.name,
                            detail,
                            "a request fails while others succeed: it is halved"
                        );
                        self.halve(attempt, &format!("poison: {detail}"), true, queue, settled).await;
                        return;
                    }
                    self.wait(attempt.failures, reason, after, &detail).await;
                }
                Answer::Refused { detail } => {
                    let suspect = attempt.suspect;
                    self.halve(attempt, &detail, suspect, queue, settled).await;
                    return;
                }
            }
        }
    }

    async fn send(&self, request: &E::Request) -> Answer<E::Request> {
        let slot = self.activity.slots.enter().await;
        let items = self.exporter.items(request);
        let span = tracing::trace_span!(target: OWN_SPANS, "export", otel.kind = "client", exporter = self.name, items);
        let answer = self.exporter.send(request).instrument(span).await;
        let pressure = match &answer {
            Answer::Retry { reason, .. } => reason.pressure(),
            Answer::Partly { rest, .. } if rest.iter().any(|(_, reason)| reason.pressure() == Pressure::Overload) => {
                Pressure::Overload
            }
            Answer::Partly { settled, .. } if settled.delivered == 0 => Pressure::None,
            Answer::Delivered | Answer::Partly { .. } | Answer::Refused { .. } => {
                self.activity.succeeded();
                Pressure::None
            }
        };
        slot.leave(pressure);
        answer
    }

    /// Puts the halves of `attempt` on `queue`, or settles the one item that is left.
    async fn halve(
        &self,
        attempt: Attempt<E::Request>,
        detail: &str,
        suspect: bool,
        queue: &mut Queue<E::Request>,
        settled: &mut Counts,
    ) {
        let unanswered = attempt.unanswered;
        match self.exporter.split(attempt.request, detail, unanswered) {
            Ok([first, second]) => {
                queue.waiting.push(Attempt::new(second, unanswered, suspect));
                queue.waiting.push(Attempt::new(first, unanswered, suspect));
            }
            Err(Verdict::AlreadyDelivered { items }) => *settled += Counts::delivered(items),
            Err(Verdict::Drop { reason, items }) => *settled += Counts::dropped(reason, items),
            Err(Verdict::Bury(letter)) => *settled += self.bury(vec![letter]).await,
        }
    }

    fn now(&self) -> Option<(Instant, u64)> {
        Some((Instant::now(), self.activity.successes()))
    }

    /// Whether `attempt` fails so often while others succeed that it must be itself to blame.
    async fn is_poison(&self, attempt: &Attempt<E::Request>) -> bool {
        let Some((since, successes)) = attempt.first_failure else { return false };
        let often = match attempt.suspect {
            true => attempt.failures >= SUSPECT_FAILURES,
            false => attempt.failures >= self.poison.failures && since.elapsed() >= self.poison.after,
        };
        often && (self.activity.successes() > successes || self.exporter.probe().await)
    }

    /// Appends `letters`; a full dead-letter journal pauses this exporter.
    pub(crate) async fn bury(&self, letters: Vec<Letter>) -> Counts {
        let mut settled = Counts::default();
        if let Some(first) = letters.first() {
            let (exporter, count) = (&self.name, letters.len());
            tracing::warn!(exporter, count, first = first.reason, "items are refused; kept as dead letters");
        }
        for letter in letters {
            let mut failures = 0;
            while let Err(error) = self.letters.append(&self.name, self.signal, &letter, wall_clock()) {
                failures += 1;
                self.wait(failures, RetryReason::NoRoom, None, &error.to_string()).await;
            }
            settled.dead_lettered += u64::from(letter.items);
        }
        settled
    }

    /// Waits before the rest of a request is sent; if that is one index' fault, out of others' way.
    async fn wait_aside(&self, attempt: &Attempt<E::Request>, reason: RetryReason) {
        let bytes = self.exporter.bytes(&attempt.request);
        let _aside = if is_of_one_index(reason) { self.activity.park(bytes) } else { None };
        self.wait(attempt.failures, reason, None, "some items were not taken").await;
    }

    async fn wait(&self, failures: u32, reason: RetryReason, after: Option<Duration>, detail: &str) {
        let labels =
            ExporterReasonLabels { exporter: self.name.clone(), signal: self.signal.name(), reason: reason.name() };
        self.telemetry.exporter_retries.get_or_create(&labels).inc();
        let wait = self.backoff.wait(failures, fastrand::f64(), after);
        // the first failure, and then each doubling, is worth a line
        if failures.is_power_of_two() {
            tracing::warn!(
                exporter = self.name,
                signal = self.signal.name(),
                reason = reason.name(),
                failures,
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                detail,
                "delivery is repeated"
            );
        }
        let _paused = matches!(reason, RetryReason::Paused | RetryReason::NoRoom).then(|| self.activity.pause());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // nobody sits out a long wait once an endpoint is back
            () = self.exporter.pool().recovered(), if after.is_none() => {}
        }
    }

    /// Makes the counters, at zero: what grows from nothing is seen by no `increase`.
    pub(crate) fn count_nothing(&self) {
        let labels = ExporterLabels { exporter: self.name.clone(), signal: self.signal.name() };
        drop(self.telemetry.exporter_dead_lettered_items.get_or_create(&labels));
        drop(self.telemetry.exporter_miscounted_items.get_or_create(&labels));
        for reason in DropReason::ALL.map(DropReason::name) {
            let labels = ExporterReasonLabels { exporter: self.name.clone(), signal: self.signal.name(), reason };
            drop(self.telemetry.exporter_dropped_items.get_or_create(&labels));
        }
    }

    /// Adds what became of a batch to the own metrics.
    pub(crate) fn count(&self, settled: &Counts) {
        let labels = ExporterLabels { exporter: self.name.clone(), signal: self.signal.name() };
        self.telemetry.exporter_delivered_items.get_or_create(&labels).inc_by(settled.delivered);
        if settled.dead_lettered > 0 {
            self.telemetry.exporter_dead_lettered_items.get_or_create(&labels).inc_by(settled.dead_lettered);
        }
        for reason in DropReason::ALL.into_iter().filter(|reason| settled.dropped[*reason as usize] > 0) {
            let (exporter, signal, items) = (self.name.clone(), self.signal.name(), settled.dropped[reason as usize]);
            let labels = ExporterReasonLabels { exporter, signal, reason: reason.name() };
            self.telemetry.exporter_dropped_items.get_or_create(&labels).inc_by(items);
        }
    }
}

/// Whether the rest of a request that was taken in part waits for an index, not for the store.
const fn is_of_one_index(reason: RetryReason) -> bool {
    matches!(reason, RetryReason::Paused | RetryReason::ServerError)
}
