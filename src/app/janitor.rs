//! What happens every few seconds: old segments go, gauges are brought up to date.

use std::sync::Arc;
use std::time::Duration;

use crate::journal::Position;
use crate::model::signal::Signal;
use crate::model::time::wall_clock;
use crate::pipeline::intake::SignalLog;
use crate::pipeline::worker::Watch;
use crate::telemetry::{ExporterLabels, SignalLabels, Telemetry};

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
    /// Own metrics.
    pub telemetry: Telemetry,
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
    }

    /// The least position that every exporter of `signal` has passed; none without an exporter.
    fn consumed(&self, signal: Signal) -> Option<Position> {
        let workers = self.workers.iter().filter(|worker| worker.signal == signal);
        workers.map(|worker| worker.watch.progress.lock().position).min()
    }

    /// Brings gauges up to date, for a scrape.
    pub(super) fn refresh(&self) {
        for (signal, log) in Signal::ALL.into_iter().zip(self.logs.iter()) {
            let labels = SignalLabels { signal: signal.name() };
            self.telemetry.journal_bytes.get_or_create(&labels).set(gauge(log.journal.bytes()));
            self.telemetry.journal_items.get_or_create(&labels).set(gauge(log.journal.items()));
        }
        for Watched { exporter, signal, watch } in self.workers.iter() {
            let labels = ExporterLabels { exporter: exporter.clone(), signal: signal.name() };
            let lag = watch.progress.lock().pending(self.logs[*signal as usize - 1].journal.items());
            self.telemetry.exporter_lag_items.get_or_create(&labels).set(gauge(lag));
        }
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
