//! What happens every few seconds: old segments go, gauges are brought up to date.

use std::sync::Arc;
use std::time::Duration;

use crate::journal::{Counters, Position};
use crate::model::signal::Signal;
use crate::model::time::wall_clock;
use crate::pipeline::breaker::State;
use crate::pipeline::intake::SignalLog;
use crate::pipeline::letter::Letters;
use crate::pipeline::worker::Watch;
use crate::telemetry::{AccountLabels, EndpointLabels, ExporterLabels, SignalLabels, Telemetry};

/// How often old segments are looked for.
const INTERVAL: Duration = Duration::from_secs(2);

/// One exporter's progress on one signal.
#[derive(Clone)]
pub(super) struct Watched {
    /// The exporter's name.
    pub exporter: String,
    /// The signal.
    pub signal: Signal,
    /// Where it stands and how its store is.
    pub watch: Watch,
}

/// Everything that retention and gauges look at; cloning is cheap.
#[derive(Clone)]
pub(super) struct Janitor {
    /// The journals, in the order of [`Signal::ALL`].
    pub logs: Arc<[Arc<SignalLog>]>,
    /// All workers.
    pub workers: Arc<[Watched]>,
    /// Exporters with a cursor that are not configured.
    pub detached: Arc<[Detached]>,
    /// The dead letters.
    pub letters: Letters,
    /// Own metrics.
    pub telemetry: Telemetry,
}

/// An exporter that has a cursor and is not configured: it holds nothing, and what it misses is lost to it.
#[derive(Clone, Debug)]
pub(super) struct Detached {
    /// Its name.
    pub exporter: String,
    /// The signal.
    pub signal: Signal,
}

impl Janitor {
    /// Deletes what may go, for ever.
    pub(super) async fn keep(self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            ticks.tick().await;
            let janitor = self.clone();
            if let Err(error) = tokio::task::spawn_blocking(move || janitor.retire()).await {
                tracing::error!(%error, "retention ended abnormally");
            }
        }
    }

    fn retire(&self) {
        for (signal, log) in Signal::ALL.into_iter().zip(self.logs.iter()) {
            let retired = log.journal.retire(self.consumed(signal), wall_clock());
            if retired.segments > 0 {
                tracing::info!(%signal, segments = retired.segments, bytes = retired.bytes, "old segments deleted");
            }
        }
        self.letters.retire(wall_clock());
    }

    /// The least position that every exporter of `signal` has passed; none without an exporter.
    fn consumed(&self, signal: Signal) -> Option<Position> {
        let workers = self.workers.iter().filter(|worker| worker.signal == signal);
        workers.map(|worker| worker.watch.progress.lock().position).min()
    }

    /// Brings gauges up to date, for a scrape or a tick.
    pub(super) fn refresh(&self) {
        let telemetry = &self.telemetry;
        for (signal, log) in Signal::ALL.into_iter().zip(self.logs.iter()) {
            let labels = SignalLabels { signal: signal.name() };
            let journal = &log.journal;
            telemetry.journal_bytes.get_or_create(&labels).set(gauge(journal.bytes()));
            telemetry.journal_bytes_max.get_or_create(&labels).set(gauge(journal.bytes_max()));
            telemetry.journal_items.get_or_create(&labels).set(gauge(journal.items()));
            let undelivered = self.consumed(signal).map_or(0, |position| journal.bytes_after(position));
            telemetry.journal_undelivered_bytes.get_or_create(&labels).set(gauge(undelivered));
            let workers = self.workers.iter().filter(|worker| worker.signal == signal);
            let corrupt = workers.map(|worker| worker.watch.progress.lock().corrupt_bytes).max().unwrap_or(0);
            telemetry.journal_corrupt_bytes.get_or_create(&labels).set(gauge(corrupt));
            let letters = self.letters.journal(signal);
            telemetry.dead_letter_bytes.get_or_create(&labels).set(gauge(letters.bytes()));
            telemetry.dead_letter_bytes_max.get_or_create(&labels).set(gauge(letters.bytes_max()));
        }
        self.workers.iter().for_each(|worker| self.refresh_worker(worker));
        for Detached { exporter, signal } in self.detached.iter() {
            let labels = ExporterLabels { exporter: exporter.clone(), signal: signal.name() };
            telemetry.exporter_detached.get_or_create(&labels).set(1);
        }
    }

    fn refresh_worker(&self, Watched { exporter, signal, watch }: &Watched) {
        let (telemetry, signal_name) = (&self.telemetry, signal.name());
        let labels = ExporterLabels { exporter: exporter.clone(), signal: signal_name };
        let progress = *watch.progress.lock();
        // read after the progress: it is never behind it
        let items = self.logs[*signal as usize - 1].journal.items();
        telemetry.exporter_lag_items.get_or_create(&labels).set(gauge(progress.pending(items)));
        let Counters { delivered, dead_lettered, dropped } = progress.counters;
        for (account, items) in [
            ("accepted", progress.accepted(items)),
            ("delivered", delivered),
            ("pending", progress.pending(items)),
            ("dead_lettered", dead_lettered),
            ("dropped", dropped.iter().sum()),
        ] {
            let labels = AccountLabels { exporter: exporter.clone(), signal: signal_name, account };
            telemetry.exporter_account_items.get_or_create(&labels).set(gauge(items));
        }
        let health = watch.pool.health();
        let refused = health.iter().any(|endpoint| endpoint.refused);
        let paused = watch.activity.paused() > 0 || refused;
        telemetry.exporter_paused.get_or_create(&labels).set(i64::from(paused));
        let allowed = watch.activity.slots.allowed() as u64;
        telemetry.exporter_in_flight_allowed.get_or_create(&labels).set(gauge(allowed));
        for endpoint in health {
            let (up, open) = (endpoint.is_up(), endpoint.state != State::Closed);
            let labels = EndpointLabels { exporter: exporter.clone(), signal: signal_name, endpoint: endpoint.name };
            telemetry.exporter_endpoint_up.get_or_create(&labels).set(i64::from(up));
            telemetry.exporter_breaker_open.get_or_create(&labels).set(i64::from(open));
        }
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
