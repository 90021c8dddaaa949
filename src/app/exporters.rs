//! One worker for each configured exporter, resumed where its cursor stands.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::janitor::{Detached, Watched};
use crate::config::Config;
use crate::exporter::config::{Exporter as Settings, Kind};
use crate::exporter::elasticsearch::Elasticsearch;
use crate::exporter::prometheus::Prometheus;
use crate::exporter::zipkin::Zipkin;
use crate::journal::Cursor;
use crate::model::signal::Signal;
use crate::model::time::wall_clock;
use crate::pipeline::batch::Bounds;
use crate::pipeline::delivery::Poison;
use crate::pipeline::exporter::Exporter;
use crate::pipeline::intake::SignalLog;
use crate::pipeline::letter::Letters;
use crate::pipeline::worker::{self, Worker};
use crate::telemetry::{ExporterLabels, Telemetry};

/// What all workers share.
pub(super) struct Shared<'a> {
    pub(super) logs: &'a [Arc<SignalLog>],
    pub(super) letters: &'a Letters,
    pub(super) telemetry: &'a Telemetry,
    pub(super) stop: &'a CancellationToken,
}

/// Starts a worker for each exporter of `config`.
pub(super) fn start(config: &Config, shared: &Shared<'_>, tasks: &mut JoinSet<()>) -> anyhow::Result<Vec<Watched>> {
    let cursors = config.data_dir.join("cursors");
    std::fs::create_dir_all(&cursors).with_context(|| format!("data_dir: cannot make {}", cursors.display()))?;
    let mut watched = Vec::new();
    for (name, settings) in &config.exporters {
        let mut start = || -> anyhow::Result<Watched> {
            match &settings.kind {
                Kind::Prometheus => work(name, settings, Prometheus::new(settings)?, &cursors, shared, tasks),
                Kind::Elasticsearch { .. } => {
                    let labels = ExporterLabels { exporter: name.clone(), signal: settings.kind.signal().name() };
                    let diverted = shared.telemetry.exporter_failure_store_items.get_or_create(&labels).clone();
                    work(name, settings, Elasticsearch::new(settings, diverted)?, &cursors, shared, tasks)
                }
                Kind::Zipkin => work(name, settings, Zipkin::new(settings)?, &cursors, shared, tasks),
            }
        };
        watched.push(start().with_context(|| format!("exporters.{name}"))?);
    }
    Ok(watched)
}

fn work<E: Exporter>(
    name: &str,
    settings: &Settings,
    exporter: E,
    cursors: &Path,
    shared: &Shared<'_>,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<Watched> {
    let signal = settings.kind.signal();
    let log = Arc::clone(&shared.logs[signal as usize - 1]);
    let path = cursors.join(file_name(name, signal));
    let cursor = Cursor::open(&path, settings.start, &log.journal, wall_clock())
        .with_context(|| format!("cannot open {}", path.display()))?;
    tracing::info!(exporter = name, %signal, resumed = ?cursor.resumed(), position = %cursor.position(), "exporter starts");
    let settings = worker::Settings {
        name: name.to_owned(),
        bounds: Bounds { bytes_max: settings.batch.bytes_max, delay_max: settings.batch.delay_max },
        in_flight_max: settings.in_flight_max,
        backoff: settings.retry,
        poison: Poison::default(),
    };
    let (letters, telemetry) = (shared.letters.clone(), shared.telemetry.clone());
    let worker = Worker::new(exporter, signal, settings, log, cursor, letters, telemetry);
    let watch = worker.watch();
    tasks.spawn(worker.run(shared.stop.clone()));
    Ok(Watched { exporter: name.to_owned(), signal, watch })
}

/// The file of a cursor.
fn file_name(exporter: &str, signal: Signal) -> String {
    format!("{}-{signal}.cursor", exporter.replace('/', "@"))
}

/// Exporters that have a cursor and are not configured.
pub(super) fn detached(config: &Config) -> std::io::Result<Vec<Detached>> {
    let attached: Vec<String> =
        config.exporters.iter().map(|(name, settings)| file_name(name, settings.kind.signal())).collect();
    let mut detached = Vec::new();
    for entry in std::fs::read_dir(config.data_dir.join("cursors"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some((exporter, signal)) = name.strip_suffix(".cursor").and_then(|stem| stem.rsplit_once('-')) else {
            continue;
        };
        let Some(signal) = Signal::ALL.into_iter().find(|known| known.name() == signal) else { continue };
        if !attached.contains(&name) {
            let exporter = exporter.replace('@', "/");
            tracing::warn!(exporter, %signal, "an exporter with a cursor is not configured: it holds nothing back");
            detached.push(Detached { exporter, signal });
        }
    }
    detached.sort_by(|a, b| a.exporter.cmp(&b.exporter));
    Ok(detached)
}
