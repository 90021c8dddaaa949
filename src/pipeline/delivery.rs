//! One batch until every item of it is settled: repeat, wait, halve, bury.
//!
//! Nothing here gives up: an attempt is repeated for ever unless the store blames the content.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::Instrument;

use super::exporter::{Answer, Exporter, Letter, Place, RetryReason, Verdict};
use super::letter::Letters;
use crate::backoff::Backoff;
use crate::journal::{Counts, DropReason, Frame};
use crate::model::signal::Signal;
use crate::model::time::wall_clock;
use crate::telemetry::{ExporterLabels, ExporterReasonLabels, OWN_SPANS, Telemetry};

/// What every batch of one exporter and signal shares.
pub(crate) struct Delivery<E> {
    pub(crate) name: String,
    pub(crate) signal: Signal,
    pub(crate) exporter: E,
    pub(crate) backoff: Backoff,
    pub(crate) letters: Letters,
    pub(crate) telemetry: Telemetry,
    /// The store did not take the last attempt: one batch at a time finds out when it does again.
    pub(crate) failing: AtomicBool,
}

/// A request on its way, and whether an attempt at it went without an answer.
struct Attempt<R> {
    request: R,
    unanswered: bool,
}

impl<E: Exporter> Delivery<E> {
    /// Delivers `frames` in order; returns when each item is delivered, buried or dropped.
    /// `unanswered` tells that an earlier process may have sent them already.
    pub(crate) async fn deliver(&self, mut frames: Vec<Frame>, unanswered: bool) -> Counts {
        let mut settled = Counts::default();
        for frame in &frames {
            settled += Counts::dropped(DropReason::Corrupt, frame.missed.corrupt);
            settled += Counts::dropped(DropReason::JournalFull, frame.missed.retired);
        }
        let mut from = Some(Place::default());
        while let Some(place) = from {
            let encoded = self.exporter.encode(&frames, place);
            from = encoded.next;
            if from.is_none() {
                // a store may be gone for hours: the requests are all that is needed
                frames = Vec::new();
            }
            settled += self.bury(encoded.letters).await;
            let attempts = encoded.requests.into_iter().rev().map(|request| Attempt { request, unanswered });
            let mut waiting: Vec<_> = attempts.collect();
            while let Some(attempt) = waiting.pop() {
                self.settle(attempt, &mut waiting, &mut settled).await;
            }
        }
        self.count(&settled);
        settled
    }

    /// Repeats one request until it is settled, or its halves lie on `waiting`.
    async fn settle(
        &self,
        mut attempt: Attempt<E::Request>,
        waiting: &mut Vec<Attempt<E::Request>>,
        settled: &mut Counts,
    ) {
        let mut failures = 0;
        loop {
            let items = self.exporter.items(&attempt.request);
            let span =
                tracing::trace_span!(target: OWN_SPANS, "export", otel.kind = "client", exporter = self.name, items);
            match self.exporter.send(&attempt.request).instrument(span).await {
                Answer::Delivered => {
                    self.failing.store(false, Ordering::Relaxed);
                    *settled += Counts::delivered(u64::from(items));
                    return;
                }
                Answer::Partly { settled: now, letters, rest } => {
                    *settled += now;
                    *settled += self.bury(letters).await;
                    let Some((request, reason)) = rest else { return };
                    attempt.request = request;
                    failures += 1;
                    self.wait(failures, reason, None, "some items were not taken").await;
                }
                Answer::Retry { reason, after, detail } => {
                    self.failing.store(true, Ordering::Relaxed);
                    attempt.unanswered |= reason == RetryReason::NoAnswer;
                    failures += 1;
                    self.wait(failures, reason, after, &detail).await;
                }
                Answer::Refused { detail } => {
                    let unanswered = attempt.unanswered;
                    match self.exporter.split(attempt.request, &detail, unanswered) {
                        Ok([first, second]) => {
                            waiting.push(Attempt { request: second, unanswered });
                            waiting.push(Attempt { request: first, unanswered });
                        }
                        Err(verdict) => *settled += self.judge(verdict).await,
                    }
                    return;
                }
            }
        }
    }

    async fn judge(&self, verdict: Verdict) -> Counts {
        match verdict {
            Verdict::AlreadyDelivered { items } => Counts::delivered(items),
            Verdict::Drop { reason, items } => Counts::dropped(reason, items),
            Verdict::Bury(letter) => self.bury(vec![letter]).await,
        }
    }

    /// Appends `letters`; a full dead-letter journal pauses this exporter.
    async fn bury(&self, letters: Vec<Letter>) -> Counts {
        let mut settled = Counts::default();
        if let Some(first) = letters.first() {
            let (exporter, count) = (&self.name, letters.len());
            tracing::warn!(exporter, count, first = first.reason, "the store refused items; kept as dead letters");
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
        tokio::time::sleep(wait).await;
    }

    fn count(&self, settled: &Counts) {
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
