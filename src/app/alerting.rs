//! From the engine's verdicts to notifications, and the state that a restart must find.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
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
use crate::model::time::wall_clock;
use crate::notify::{self, Notifier};
use crate::pipeline::evaluator::Evaluator;
use crate::rule::SavedAlert;
use crate::store::{Row, SavedPosition, Snapshot, Store};
use crate::telemetry::Telemetry;

/// Changed alerts that may wait for the notifier; beyond, the engine waits.
const CHANGES_MAX: usize = 256;
/// Changes that a slow listener (the demo, later the console) may be behind.
const LISTENER_CHANGES_MAX: usize = 1024;
/// State is saved at most this often after a change, and the evaluated position this often anyway.
const SAVE_PAUSE: Duration = Duration::from_millis(500);
const SAVE_INTERVAL: Duration = Duration::from_secs(5);

/// The engine's handle, the notifier and what is saved of both; cloning is cheap.
#[derive(Clone)]
pub(super) struct Alerting {
    config: Arc<Config>,
    pub(super) evaluator: Evaluator,
    pub(super) notifier: Notifier,
    store: Store,
    pub(super) changes: broadcast::Sender<Arc<[Alert]>>,
    dirty: Arc<Notify>,
}

impl Alerting {
    /// Loads rules, resumes state, and starts the engine and the notifier.
    pub(super) async fn start(
        config: &Arc<Config>,
        metrics: &Journal,
        telemetry: &Telemetry,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> anyhow::Result<Self> {
        let loaded = rules::read(config)?;
        let store = Store::open(&crate::store::path_in(&config.data_dir)).await?;
        let saved = store.load().await?;
        let position = evaluated(&saved);
        let alerts = saved.alerts.iter().map(Row::decode).collect::<Result<Vec<SavedAlert>, _>>()?;
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
        tasks.spawn(worker.run(stop.clone()));

        let (sender, changed) = mpsc::channel(CHANGES_MAX);
        let evaluator = Evaluator::start(engine, tail, sender, telemetry.clone()).context("cannot start the engine")?;
        let changes = broadcast::Sender::new(LISTENER_CHANGES_MAX);
        let alerting = Self { config: Arc::clone(config), evaluator, notifier, store, changes, dirty };
        tasks.spawn(alerting.clone().pass_on(changed));
        tasks.spawn(alerting.clone().keep_saved());
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
            if let Err(error) = self.save().await {
                tracing::error!(error = format!("{error:#}"), "cannot save alert state; it is tried again");
            }
            tokio::time::sleep(SAVE_PAUSE).await;
        }
    }

    /// Saves the state of alerts and notifications in one transaction.
    pub(super) async fn save(&self) -> anyhow::Result<()> {
        let Some(state) = self.evaluator.snapshot().await else { return Ok(()) };
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

    /// Reads rules and alerting anew; on any problem the old ones stay.
    pub(super) async fn reload(&self) -> anyhow::Result<()> {
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
