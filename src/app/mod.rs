//! Wires the gateway: what starts in which order, and how it stops.
//!
//! Start: ports are bound, journals opened, rules loaded, windows rebuilt, alert state restored;
//! then the engine, the notifier, the exporters; listeners open last, when everything behind them
//! is ready. Stop is the reverse: listeners drain first, state is saved last.
//!
//! - [`rules`]: rule and alerting files, replay; `alerting`: engine to notifier, saved state
//! - `exporters`: one worker for each exporter; `janitor`: retention and gauges
//! - [`letters`]: dead letters listed, replayed, purged; `own`: own metrics into the rules
//! - `listeners`: bound ports; `view`: what the api shows

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::config::Config;
use crate::journal::Journal;
use crate::model::alert::Alert;
use crate::model::signal::Signal;
use crate::model::time::wall_clock;
use crate::pipeline::intake::{Intake, SignalLog};
use crate::pipeline::letter::Letters;
use crate::pipeline::memory::Memory;
use crate::receiver::{self, gate::Gate};
use crate::telemetry::Telemetry;
use alerting::Alerting;
use janitor::Janitor;
use own::Own;

mod alerting;
mod exporters;
mod janitor;
pub mod letters;
mod listeners;
mod own;
pub mod rules;
mod view;

/// Power loss may cost this much of what was acknowledged under `durability: write`.
const SYNC_INTERVAL: Duration = Duration::from_millis(500);
/// The version that the Elasticsearch facade claims: Beats refuse one older than themselves.
const ELASTICSEARCH_VERSION: &str = "9.2.0";

/// A running gateway.
pub struct Gateway {
    ingest: SocketAddr,
    api: SocketAddr,
    alerting: Alerting,
    logs: Arc<[Arc<SignalLog>]>,
    servers: JoinSet<()>,
    workers: JoinSet<()>,
    notifiers: JoinSet<()>,
    background: JoinSet<()>,
    stop: Stop,
}

/// What is told to stop, in this order.
#[derive(Default)]
struct Stop {
    servers: CancellationToken,
    workers: CancellationToken,
    notifiers: CancellationToken,
}

impl Gateway {
    /// Starts everything; when it returns, requests are accepted.
    ///
    /// # Errors
    /// With the key or file to mend: a busy port, a rule that does not load, a directory in use.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let (config, telemetry, stop) = (Arc::new(config), Telemetry::default(), Stop::default());
        // ports first: a busy one should be named before anything is written
        let ingest = listeners::bind("listen.ingest", &config.listen.ingest)?;
        let grpc = listeners::bind("listen.grpc", &config.listen.grpc)?;
        let api = listeners::bind("listen.api", &config.listen.api)?;
        let logs = open_journals(&config)?;
        let letters = open_letters(&config)?;
        let [mut servers, mut workers, mut notifiers, mut background] = std::array::from_fn(|_| JoinSet::new());
        for log in logs.iter() {
            background.spawn(Arc::clone(log).keep_synced(SYNC_INTERVAL));
        }
        let metrics = &logs[Signal::Metrics as usize - 1];
        let tasks = alerting::Tasks { notifiers: &mut notifiers, background: &mut background };
        let alerting = Alerting::start(&config, metrics, &telemetry, &stop.notifiers, tasks).await?;
        let shared = exporters::Shared { logs: &logs, letters: &letters, telemetry: &telemetry, stop: &stop.workers };
        let watched = exporters::start(&config, &shared, &mut workers)?;
        let detached = exporters::detached(&config).context("data_dir: cannot read cursors")?;
        let janitor = Janitor {
            logs: Arc::clone(&logs),
            workers: watched.into(),
            detached: detached.into(),
            letters: letters.clone(),
            telemetry: telemetry.clone(),
        };
        background.spawn(janitor.clone().keep());
        let own = Own::new(janitor.clone(), alerting.clone());
        background.spawn(own.clone().keep(config.rules.evaluation_interval));

        let memory = Memory::new(config.limits.memory_bytes);
        let intake = Intake::new(logs.to_vec(), alerting.evaluator.clone(), config.journal.durability, memory);
        let gate =
            Gate::new(intake, config.limits.clone(), telemetry, ELASTICSEARCH_VERSION).translating(config.otlp.clone());
        let (at_ingest, at_api) = (ingest.addresses[0], api.addresses[0]);
        let (at, grpc_at) = (&ingest.addresses, &grpc.addresses);
        tracing::info!(ingest = ?at, grpc = ?grpc_at, api = ?api.addresses, "watchgate accepts requests");
        grpc.serve(&receiver::grpc::router(gate.clone()), &stop.servers, &mut servers);
        ingest.serve(&receiver::router(gate), &stop.servers, &mut servers);
        api.serve(&api::router(view::state(&config, &alerting, &own)), &stop.servers, &mut servers);
        Ok(Self { ingest: at_ingest, api: at_api, alerting, logs, servers, workers, notifiers, background, stop })
    }

    /// Where senders send to.
    #[must_use]
    pub fn ingest_address(&self) -> SocketAddr {
        self.ingest
    }

    /// Where the console and the APIs are.
    #[must_use]
    pub fn api_address(&self) -> SocketAddr {
        self.api
    }

    /// Every alert that changes from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Arc<[Alert]>> {
        self.alerting.changes.subscribe()
    }

    /// Reads rules and alerting anew.
    ///
    /// # Errors
    /// With a line for each problem; the old ones stay then.
    pub async fn reload(&self) -> anyhow::Result<()> {
        self.alerting.reload().await
    }

    /// Drains: no new requests, those in progress finish; what is not delivered stays in the journal.
    pub async fn stop(mut self) {
        self.stop.servers.cancel();
        while self.servers.join_next().await.is_some() {}
        self.stop.workers.cancel();
        while self.workers.join_next().await.is_some() {}
        self.stop.notifiers.cancel();
        // a request on its way must end before the state is saved: it would be sent again
        while self.notifiers.join_next().await.is_some() {}
        self.background.shutdown().await;
        self.alerting.close().await;
        for log in self.logs.iter() {
            if let Err(error) = log.journal.sync() {
                tracing::error!(%error, "cannot sync the journal");
            }
        }
        tracing::info!("watchgate has stopped");
    }
}

fn open_journals(config: &Config) -> anyhow::Result<Arc<[Arc<SignalLog>]>> {
    let folder = config.data_dir.join("journal");
    std::fs::create_dir_all(&folder).with_context(|| format!("data_dir: cannot make {}", folder.display()))?;
    let mut logs = Vec::new();
    for signal in Signal::ALL {
        let (journal, report) =
            Journal::open(&folder, signal, &config.journal, &mut || fastrand::u64(..), wall_clock())
                .with_context(|| format!("cannot open the journal of {signal}"))?;
        tracing::info!(%signal, ?report, "journal opened");
        logs.push(Arc::new(SignalLog::new(journal)));
    }
    Ok(logs.into())
}

fn open_letters(config: &Config) -> anyhow::Result<Letters> {
    let folder = config.data_dir.join("dead_letters");
    std::fs::create_dir_all(&folder).with_context(|| format!("data_dir: cannot make {}", folder.display()))?;
    let bytes_max = config.dead_letters.bytes_max;
    Letters::open(&folder, bytes_max, &mut || fastrand::u64(..), wall_clock()).context("cannot open the dead letters")
}
