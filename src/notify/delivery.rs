//! One notification's way to its target: attempts, waits between them, and what is said about it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::webhook::{self, Clients, Failure};
use crate::alert::dispatcher::Notification;
use crate::backoff::Backoff;
use crate::limits::NOTIFICATIONS_IN_FLIGHT_MAX;
use crate::model::time::{Millis, wall_clock};

/// What happened to notifications since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken by their target.
    pub sent: u64,
    /// Attempts repeated.
    pub retried: u64,
    /// Refused for good by a 4xx or an unusable configuration.
    pub refused: u64,
    /// Given up at their deadline, or at the end of the process.
    pub expired: u64,
}

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    retried: AtomicU64,
    refused: AtomicU64,
    expired: AtomicU64,
}

/// What is known of a target, by receiver and index.
#[derive(Debug)]
struct Target {
    slots: Arc<Semaphore>,
    /// The failure that was logged, until a success.
    logged: Option<String>,
}

/// Sends notifications. Cheap to share.
pub(super) struct Delivery {
    pub(super) clients: Clients,
    pub(super) external_url: String,
    pub(super) backoff: Backoff,
    pub(super) on_sent: Box<dyn Fn(f64) + Send + Sync>,
    targets: Mutex<HashMap<(Arc<str>, usize), Target>>,
    counters: Counters,
}

impl Delivery {
    pub(super) fn new(
        clients: Clients,
        external_url: String,
        backoff: Backoff,
        on_sent: Box<dyn Fn(f64) + Send + Sync>,
    ) -> Self {
        Self { clients, external_url, backoff, on_sent, targets: Mutex::default(), counters: Counters::default() }
    }

    pub(super) fn counts(&self) -> Counts {
        let Counters { sent, retried, refused, expired } = &self.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { sent: read(sent), retried: read(retried), refused: read(refused), expired: read(expired) }
    }

    /// Forgets targets that no configuration names any more.
    pub(super) fn forget_targets(&self) {
        self.targets.lock().clear();
    }

    /// Tries until the target takes it, refuses it for good, or the deadline is over. Answers
    /// whether it was taken.
    pub(super) async fn deliver(&self, notification: &Notification) -> bool {
        let mut failures = 0;
        loop {
            let failure = match self.attempt(notification).await {
                Ok(()) => {
                    self.succeeded(notification).await;
                    return true;
                }
                Err(failure) => failure,
            };
            self.failed(notification, &failure).await;
            let Failure::Retryable { retry_after, .. } = failure else {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                return false;
            };
            failures += 1;
            let wait = self.backoff.wait(failures, fastrand::f64(), retry_after);
            if wall_clock().saturating_add(millis(wait)) >= notification.deadline {
                self.counters.expired.fetch_add(1, Ordering::Relaxed);
                return false;
            }
            self.counters.retried.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(wait).await;
        }
    }

    /// One attempt, once the target has a free slot; waits between attempts hold none.
    async fn attempt(&self, notification: &Notification) -> Result<(), Failure> {
        let slots = self.target(notification, |target| Arc::clone(&target.slots));
        let _slot = slots.acquire_owned().await.map_err(|_| closed())?;
        webhook::post(&self.clients, notification, &self.external_url, wall_clock()).await
    }

    fn target<R>(&self, notification: &Notification, read: impl FnOnce(&mut Target) -> R) -> R {
        let mut targets = self.targets.lock();
        let key = (Arc::clone(&notification.receiver), notification.index);
        let fresh = || Target { slots: Arc::new(Semaphore::new(NOTIFICATIONS_IN_FLIGHT_MAX)), logged: None };
        read(targets.entry(key).or_insert_with(fresh))
    }

    async fn succeeded(&self, notification: &Notification) {
        self.counters.sent.fetch_add(1, Ordering::Relaxed);
        if let Some(received_at) = notification.received_at {
            (self.on_sent)(seconds(wall_clock().saturating_sub(received_at)));
        }
        if self.target(notification, |target| target.logged.take()).is_some() {
            let url = webhook::redacted(&notification.webhook).await;
            tracing::info!(receiver = %notification.receiver, url, "notifications are taken again");
        }
        tracing::debug!(
            receiver = %notification.receiver,
            group = %notification.group_key,
            reason = notification.reason.name(),
            alerts = notification.alerts.len(),
            "notification sent"
        );
    }

    /// Logs a failure once, until it changes or ends.
    async fn failed(&self, notification: &Notification, failure: &Failure) {
        let what = failure.to_string();
        let known = self.target(notification, |target| target.logged.replace(what.clone()));
        if known.as_ref() == Some(&what) {
            return;
        }
        let url = webhook::redacted(&notification.webhook).await;
        let receiver = &*notification.receiver;
        match failure {
            Failure::Retryable { .. } => {
                tracing::warn!(receiver, url, error = what, "notification not taken, trying again");
            }
            Failure::Permanent { .. } => {
                tracing::error!(receiver, url, error = what, "notification refused, correct the receiver");
            }
        }
    }
}

fn closed() -> Failure {
    Failure::Permanent { what: "shutting down".to_owned() }
}

fn millis(wait: Duration) -> Millis {
    Millis::try_from(wait.as_millis()).unwrap_or(Millis::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^52 ms")]
fn seconds(latency: Millis) -> f64 {
    latency.max(0) as f64 / 1000.0
}
