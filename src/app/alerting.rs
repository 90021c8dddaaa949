//! From the engine's verdicts to notifications, and the state that a restart must find.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::rules;
use crate::alert::Dispatcher;
use crate::backoff::Backoff;
use crate::config::Config;
use crate::journal::{Journal, Position};
use crate::model::alert::{Alert, AlertState};
use crate::model::signal::Signal;
use crate::model::time::{rfc3339, wall_clock};
use crate::notify::{self, Notifier};
use crate::pipeline::evaluator::Evaluator;
use crate::rule::SavedAlert;
use crate::store::{Row, SavedPosition, Snapshot, Store};
use crate::telemetry::Telemetry;

/// Changed alerts that may wait for the notifier; beyond, the engine waits.
const CHANGES_MAX: usize = 256;
/// Changes that a slow listener (the demo, later the console) may be behind.
const LISTENER_CHANGES_MAX: usize = 1024;
/// After a change, this long for what follows from it, such as its notification's arrival; then it is saved.
const SAVE_DELAY: Duration = Duration::from_millis(20);
/// Saving takes at most one part in this many of the time.
const SAVE_SHARE: u32 = 10;
/// The evaluated position is saved this often anyway.
const SAVE_INTERVAL: Duration = Duration::from_secs(5);

/// Where tasks of alerting live: those that end when told, and those that end with the gateway.
pub(super) struct Tasks<'a> {
    pub(super) notifiers: &'a mut JoinSet<()>,
    pub(super) background: &'a mut JoinSet<()>,
}

/// The engine's handle, the notifier and what is saved of both; cloning is cheap.
#[derive(Clone)]
pub(super) struct Alerting {
    config: Arc<Config>,
    pub(super) evaluator: Evaluator,
    notifier: Notifier,
    store: Store,
    pub(super) changes: broadcast::Sender<Arc<[Alert]>>,
    dirty: Arc<Notify>,
    reloaded: Arc<Mutex<Reloaded>>,
}

/// How the last reload ended; before the first one, the start.
#[derive(Clone, Serialize)]
pub(super) struct Reloaded {
    at: String,
    /// Why the old rules and alerting stay, if they do.
    error: Option<String>,
}

impl Reloaded {
    fn now(error: Option<String>) -> Self {
        Self { at: rfc3339(wall_clock()), error }
    }
}

impl Alerting {
    /// Loads rules, resumes state, and starts the engine and the notifier.
    pub(super) async fn start(
        config: &Arc<Config>,
        metrics: &Journal,
        telemetry: &Telemetry,
        stop: &CancellationToken,
        tasks: Tasks<'_>,
    ) -> anyhow::Result<Self> {
        let loaded = rules::read(config)?;
        let store = Store::open(&crate::store::path_in(&config.data_dir)).await?;
        let saved = store.load().await?;
        let position = evaluated(&saved);
        let mut alerts = saved.alerts.iter().map(Row::decode).collect::<Result<Vec<SavedAlert>, _>>()?;
        alerts.iter_mut().for_each(|alert| alert.saved_at = saved.saved_at);
        let mut engine = rules::engine(config, loaded.rules, wall_clock());
        let (journal, limits) = (metrics.clone(), config.limits.clone());
        let tail = journal.tail();
        let engine = tokio::task::spawn_blocking(move || {
            rules::resume(&mut engine, &journal, position, alerts, &limits).map(|()| engine)
        });
        let engine = engine.await.context("replay ended abnormally")??;

        let dirty = Arc::new(Notify::new());
        let (settings, mut dispatcher) = (settings(config, telemetry, &dirty), Dispatcher::new(loaded.alerting));
        let (notifications, damaged) = notify::rows::decode(&saved.notifications);
        damaged.iter().for_each(|error| tracing::error!(%error, "a saved notification is lost"));
        dispatcher.restore(notifications, wall_clock());
        dispatcher.reconcile(&firing(engine.alerts()), wall_clock());
        let (notifier, worker) = Notifier::new(dispatcher, settings).context("cannot set up notifications")?;
        tasks.notifiers.spawn(worker.run(stop.clone()));

        let (sender, changed) = mpsc::channel(CHANGES_MAX);
        let evaluator = Evaluator::start(engine, tail, sender, telemetry.clone()).context("cannot start the engine")?;
        let changes = broadcast::Sender::new(LISTENER_CHANGES_MAX);
        let reloaded = Arc::new(Mutex::new(Reloaded::now(None)));
        let alerting = Self { config: Arc::clone(config), evaluator, notifier, store, changes, dirty, reloaded };
        tasks.background.spawn(alerting.clone().pass_on(changed));
        tasks.background.spawn(alerting.clone().keep_saved());
        Ok(alerting)
    }

    /// Hands changed alerts to the notifier and to whoever listens.
    async fn pass_on(self, mut changed: mpsc::Receiver<Vec<Alert>>) {
        while let Some(alerts) = changed.recv().await {
            self.notifier.observe(&alerts, wall_clock());
            self.dirty.notify_one();
            // nobody may be listening
            let _ = self.changes.send(alerts.into());
        }
    }

    async fn keep_saved(self) {
        loop {
            let _ = tokio::time::timeout(SAVE_INTERVAL, self.dirty.notified()).await;
            tokio::time::sleep(SAVE_DELAY).await;
            let started = Instant::now();
            if let Err(error) = self.save().await {
                tracing::error!(error = format!("{error:#}"), "cannot save alert state; it is tried again");
            }
            tokio::time::sleep(started.elapsed() * SAVE_SHARE).await;
        }
    }

    /// Saves the state of alerts and notifications in one transaction.
    pub(super) async fn save(&self) -> anyhow::Result<()> {
        let Some(mut state) = self.evaluator.snapshot().await else { return Ok(()) };
        // the snapshot says when it was taken: a row is written again only if its alert changed
        state.alerts.iter_mut().for_each(|alert| alert.saved_at = 0);
        let key = |saved: &SavedAlert| {
            format!("{}/{}/{}/{}/{:016x}", saved.file, saved.group, saved.rule, saved.nth, saved.labels.fingerprint())
        };
        let alerts = state.alerts.iter().map(|saved| Row::encode(key(saved), saved)).collect::<Result<_, _>>()?;
        let Position { sequence, offset } = state.position;
        let snapshot = Snapshot {
            saved_at: wall_clock(),
            alerts,
            notifications: notify::rows::encode(&self.notifier.state())?,
            positions: vec![SavedPosition { signal: Signal::Metrics, sequence, offset }],
        };
        self.store.save(&snapshot).await?;
        Ok(())
    }

    /// Reads rules and alerting anew; on any problem the old ones stay, and log, metrics and api say so.
    pub(super) async fn reload(&self) -> anyhow::Result<()> {
        let done = self.try_reload().await;
        if let Err(error) = &done {
            tracing::error!("the old rules and alerting stay: {error:#}");
        }
        *self.reloaded.lock() = Reloaded::now(done.as_ref().err().map(|error| format!("{error:#}")));
        done
    }

    /// How the last reload ended.
    pub(super) fn reloaded(&self) -> Reloaded {
        self.reloaded.lock().clone()
    }

    /// Brings own metrics about notifications and reloads up to date, for a scrape.
    pub(super) fn refresh(&self, telemetry: &Telemetry) {
        let notify::Counts { sent, retried, refused, expired } = self.notifier.counts();
        telemetry.notify_sent.inner().store(sent, Ordering::Relaxed);
        telemetry.notify_failures.inner().store(retried + refused + expired, Ordering::Relaxed);
        telemetry.reload_succeeded.set(i64::from(self.reloaded.lock().error.is_none()));
    }

    async fn try_reload(&self) -> anyhow::Result<()> {
        let loaded = rules::read(&self.config)?;
        self.evaluator.load(loaded.rules).await;
        let now = wall_clock();
        self.notifier.reload(loaded.alerting, now);
        self.notifier.reconcile(&firing(self.evaluator.alerts().await), now);
        tracing::info!("rules and alerting are reloaded");
        Ok(())
    }

    /// Saves for the last time.
    pub(super) async fn close(&self) {
        if let Err(error) = self.save().await {
            tracing::error!(error = format!("{error:#}"), "cannot save alert state");
        }
        self.store.close().await;
    }
}

fn settings(config: &Config, telemetry: &Telemetry, dirty: &Arc<Notify>) -> notify::Settings {
    let (telemetry, dirty) = (telemetry.clone(), Arc::clone(dirty));
    notify::Settings {
        external_url: config.external_url.clone(),
        backoff: Backoff::default(),
        on_sent: Box::new(move |seconds| telemetry.notify_latency_seconds.observe(seconds)),
        on_change: Box::new(move || dirty.notify_one()),
    }
}

/// The position that the saved state stands for.
fn evaluated(saved: &Snapshot) -> Position {
    let metrics = saved.positions.iter().find(|saved| saved.signal == Signal::Metrics);
    metrics.map_or(Position::ORIGIN, |saved| Position::new(saved.sequence, saved.offset))
}

fn firing(mut alerts: Vec<Alert>) -> Vec<Alert> {
    alerts.retain(|alert| alert.state == AlertState::Firing);
    alerts
}
