//! Rules and alerting files: loaded at start and at a reload; windows rebuilt from the journal.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::alert;
use crate::codec::{compression, remote_write};
use crate::config::Config;
use crate::journal::{Journal, Position};
use crate::limits::Limits;
use crate::model::sample::StagedSamples;
use crate::model::signal::WireFormat;
use crate::model::time::{Millis, wall_clock};
use crate::rule::template::Surroundings;
use crate::rule::{Engine, RuleSet, SavedAlert, Settings, load_rules_as};
use crate::yaml::Problems;

/// How far back windows are filled at start. Longer ranges warm up as data comes.
const REPLAY: Millis = 60 * 60 * 1000;

/// Reads every rule file that the configuration names.
///
/// # Errors
/// With a line for each problem of each file.
pub fn read_rules(config: &Config) -> anyhow::Result<RuleSet> {
    let paths = config.rules.paths().context("rules.files: cannot list the files")?;
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.push((path.display().to_string(), text));
    }
    let rules = load_rules_as(&files, config.rules.dialect()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|(file, problem)| format!("{file}:{problem}")).collect();
        anyhow::anyhow!("rules do not load:\n{}", lines.join("\n"))
    })?;
    for (file, warning) in &rules.warnings {
        tracing::warn!("{file}:{warning}");
    }
    Ok(rules)
}

/// Reads the alerting configuration; without a file there are no notifications.
///
/// # Errors
/// With a line for each problem.
pub fn read_alerting(config: &Config) -> anyhow::Result<alert::config::Config> {
    let Some(path) = &config.alerting.config else { return Ok(alert::config::Config::default()) };
    let text = fs::read_to_string(path).with_context(|| format!("alerting.config: cannot read {}", path.display()))?;
    let mut problems = Problems::new();
    let loaded = alert::config::load(&text, path.parent().unwrap_or(Path::new(".")), &mut problems);
    let lines = problems.print(&path.display().to_string());
    match loaded {
        Some(loaded) => {
            lines.lines().for_each(|line| tracing::warn!("{line}"));
            Ok(loaded)
        }
        None => anyhow::bail!("alerting does not load:\n{}", lines.trim_end()),
    }
}

/// An engine with `rules`, as the configuration has it.
pub(super) fn engine(config: &Config, rules: RuleSet, now: Millis) -> Engine {
    let mut engine = Engine::new(Settings {
        evaluation_interval: config.rules.evaluation_interval,
        settle: config.rules.settle,
        window_bytes_max: config.rules.window_bytes_max,
        series_max: config.limits.series_max,
        evaluate: config.rules.evaluate,
        surroundings: Surroundings {
            external_labels: config.external_labels.clone(),
            external_url: config.external_url.clone(),
        },
    });
    engine.load(rules, now);
    engine
}

/// Brings `engine` to where an earlier process stood: windows from the journal, alerts from the
/// store, and what was journalled but not evaluated is evaluated now.
///
/// # Errors
/// When the journal cannot be read.
pub(super) fn resume(
    engine: &mut Engine,
    journal: &Journal,
    evaluated: Position,
    saved: Vec<SavedAlert>,
    limits: &Limits,
) -> anyhow::Result<()> {
    let now = wall_clock();
    let tail = journal.tail();
    let mut reader = journal.reader(journal.seek_time(now - REPLAY));
    let mut saved = Some(saved);
    let mut samples = 0;
    while let Some(frame) = reader.next().context("cannot read the metrics journal")? {
        if frame.position >= tail {
            break;
        }
        if frame.format != WireFormat::RemoteWriteV1 {
            continue;
        }
        let body = compression::decompress(frame.encoding, &frame.payload, frame.decompressed_len as usize);
        let mut staged = StagedSamples::default();
        // it was walked before it was journalled; whatever fails now fails for good
        let Ok(Ok(_)) = body.map(|body| remote_write::walk(body, limits, &mut staged)) else {
            tracing::warn!(position = %frame.position, "a journalled frame cannot be read for rules");
            continue;
        };
        samples += staged.samples.len();
        let mut labels_of = |series: &_| remote_write::labels_at(&staged.body, series);
        if frame.next <= evaluated {
            engine.replay(frame.received_at, &staged, &mut labels_of);
        } else {
            if let Some(saved) = saved.take() {
                engine.restore(saved, now);
            }
            engine.observe(now, frame.received_at, &staged, &mut labels_of);
        }
    }
    if let Some(saved) = saved {
        engine.restore(saved, now);
    }
    tracing::info!(samples, "windows are rebuilt from the journal");
    Ok(())
}

/// Everything that decides about alerts, as the files have it now.
pub(super) struct Loaded {
    pub(super) rules: RuleSet,
    pub(super) alerting: alert::config::Config,
}

/// Reads rules and alerting.
///
/// # Errors
/// With a line for each problem of either.
pub(super) fn read(config: &Arc<Config>) -> anyhow::Result<Loaded> {
    match (read_rules(config), read_alerting(config)) {
        (Ok(rules), Ok(alerting)) => Ok(Loaded { rules, alerting }),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(first), Err(second)) => anyhow::bail!("{first:#}\n{second:#}"),
    }
}
