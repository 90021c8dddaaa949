//! Notifiers: what the alert dispatcher hands out, sent to the targets that it names.
//!
//! [`Notifier`] is the handle the rest of the program holds: its methods are synchronous, take the
//! dispatcher's lock for microseconds and wake the [`Worker`], which owns timers and requests. There
//! is no queue to overflow: what is not sent yet is state of the dispatcher, one notification at a
//! time for each group and target.
//!
//! It does not decide what is sent when: that is [`alert`](crate::alert)'s.
//! Reading order: this file, `delivery` (attempts), [`webhook`] (one POST), [`payload`], [`rows`] (state
//! in the database).

mod delivery;
pub mod payload;
pub mod rows;
#[cfg(test)]
mod tests;
pub mod webhook;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

pub use delivery::Counts;
pub use worker::Worker;

use crate::alert::Dispatcher;
use crate::alert::config::Config;
use crate::alert::decision::Reason;
use crate::alert::saved::State;
use crate::backoff::Backoff;
use crate::model::alert::Alert;
use crate::model::time::Millis;
use delivery::Delivery;
use webhook::Clients;

/// What a notifier needs beside the dispatcher.
pub struct Settings {
    /// Where users reach this gateway: links in notifications.
    pub external_url: String,
    /// Waits between attempts.
    pub backoff: Backoff,
    /// Gets the seconds from receiving the request that caused a notification to its being taken.
    pub on_sent: Box<dyn Fn(f64) + Send + Sync>,
    /// Called when [`Notifier::state`] has changed in a way that a restart should know of soon.
    pub on_change: Box<dyn Fn() + Send + Sync>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            external_url: String::new(),
            backoff: Backoff::default(),
            on_sent: Box::new(|_| {}),
            on_change: Box::new(|| {}),
        }
    }
}

struct Shared {
    dispatcher: Mutex<Dispatcher>,
    wake: Notify,
    delivery: Delivery,
    on_change: Box<dyn Fn() + Send + Sync>,
}

/// A cheap handle. Clones speak of the same notifier.
#[derive(Clone)]
pub struct Notifier(Arc<Shared>);

impl Notifier {
    /// A notifier and the worker that must run for it to send. The process's rustls provider must
    /// be installed before.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(dispatcher: Dispatcher, settings: Settings) -> Result<(Self, Worker), reqwest::Error> {
        let Settings { external_url, backoff, on_sent, on_change } = settings;
        let delivery = Delivery::new(Clients::new()?, external_url, backoff, on_sent);
        let shared = Shared { dispatcher: Mutex::new(dispatcher), wake: Notify::new(), delivery, on_change };
        let shared = Arc::new(shared);
        Ok((Self(Arc::clone(&shared)), Worker::new(shared)))
    }

    /// Takes alerts whose state changed.
    pub fn observe(&self, alerts: &[Alert], now: Millis) {
        if alerts.is_empty() {
            return;
        }
        let mut dispatcher = self.0.dispatcher.lock();
        alerts.iter().for_each(|alert| dispatcher.on_alert(alert, now));
        drop(dispatcher);
        self.0.wake.notify_one();
    }

    /// Makes the alerts that fire exactly those of `active`: at start and after a reload of rules.
    pub fn reconcile(&self, active: &[Alert], now: Millis) {
        self.0.dispatcher.lock().reconcile(active, now);
        self.0.wake.notify_one();
    }

    /// Goes on with another configuration.
    pub fn reload(&self, config: Config, now: Millis) {
        self.0.dispatcher.lock().reload(config, now);
        self.0.delivery.forget_targets();
        self.0.wake.notify_one();
    }

    /// What a restart must not forget.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.dispatcher.lock().state()
    }

    /// What happened to notifications since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.delivery.counts()
    }

    /// How often each reason to notify, or not to, was the outcome.
    #[must_use]
    pub fn decisions(&self) -> BTreeMap<Reason, u64> {
        self.0.dispatcher.lock().decisions().clone()
    }

    /// Groups refused because there were too many.
    #[must_use]
    pub fn refused_groups(&self) -> u64 {
        self.0.dispatcher.lock().refused()
    }

    /// Groups alive.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.0.dispatcher.lock().groups()
    }
}
