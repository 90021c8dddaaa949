//! What the api shows: handles into the running gateway.

use std::sync::Arc;

use serde_json::{Value, json};

use super::alerting::Alerting;
use super::janitor::Janitor;
use crate::api::{Allowed, Querier, State};
use crate::config::Config;
use crate::journal::DropReason;
use crate::model::signal::Signal;

/// The api's handles.
pub(super) fn state(config: &Arc<Config>, alerting: &Alerting, janitor: &Janitor) -> State {
    let (groups, reload, notifier) = (alerting.clone(), alerting.clone(), alerting.clone());
    let (metrics, accounts, reloaded) = (janitor.clone(), janitor.clone(), alerting.clone());
    State {
        groups: Arc::new(move || {
            let evaluator = groups.evaluator.clone();
            Box::pin(async move { evaluator.groups().await })
        }),
        metrics: Arc::new(move || {
            metrics.refresh();
            notifier.refresh(&metrics.telemetry);
            metrics.telemetry.render()
        }),
        ready: Arc::new(|| Ok(())),
        reload: Arc::new(move || {
            let alerting = reload.clone();
            Box::pin(async move { alerting.reload().await.map_err(|error| format!("{error:#}")) })
        }),
        pipeline: Arc::new(move || pipeline(&accounts, &reloaded)),
        querier: querier(config, alerting),
        allowed: Arc::new(Allowed::new(&config.external_url)),
    }
}

fn querier(config: &Config, alerting: &Alerting) -> Querier {
    let (samples, names) = (alerting.evaluator.clone(), alerting.evaluator.clone());
    Querier::new(
        Arc::new(move |expr, range| {
            let evaluator = samples.clone();
            Box::pin(async move { evaluator.select(expr, range).await })
        }),
        Arc::new(move |selectors, range| {
            let evaluator = names.clone();
            Box::pin(async move { evaluator.series(selectors, range).await })
        }),
        config.rules.dialect(),
    )
}

/// The journals, where each exporter stands in them, and how the last reload ended.
fn pipeline(janitor: &Janitor, alerting: &Alerting) -> Value {
    let signals = Signal::ALL.into_iter().zip(janitor.logs.iter()).map(|(signal, log)| {
        let journal = &log.journal;
        let accounts = json!({
            "items": journal.items(),
            "bytes": journal.bytes(),
            "head": journal.head().to_string(),
            "tail": journal.tail().to_string(),
        });
        (signal.name().to_owned(), accounts)
    });
    let exporters = janitor.workers.iter().map(|worker| {
        let progress = *worker.progress.lock();
        let pending = progress.pending(janitor.logs[worker.signal as usize - 1].journal.items());
        let counters = progress.counters;
        let dropped = DropReason::ALL.into_iter().map(|reason| (reason.name(), counters.dropped[reason as usize]));
        json!({
            "exporter": worker.exporter,
            "signal": worker.signal.name(),
            "position": progress.position.to_string(),
            "accepted": counters.total() + pending,
            "delivered": counters.delivered,
            "pending": pending,
            "dead_lettered": counters.dead_lettered,
            "dropped": dropped.collect::<std::collections::BTreeMap<_, _>>(),
        })
    });
    json!({
        "signals": signals.collect::<serde_json::Map<_, _>>(),
        "exporters": exporters.collect::<Vec<_>>(),
        "reload": alerting.reloaded(),
    })
}
