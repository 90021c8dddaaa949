//! What the api shows: handles into the running gateway.

use std::sync::Arc;

use serde_json::{Value, json};

use super::alerting::Alerting;
use super::janitor::{Detached, Janitor};
use super::letters::DeadLetters;
use super::own::Own;
use crate::api::{Allowed, Querier, State};
use crate::config::Config;
use crate::journal::DropReason;
use crate::model::signal::Signal;
use crate::pipeline::pool::Health;
use crate::pipeline::worker::Watch;

/// The api's handles.
pub(super) fn state(config: &Arc<Config>, alerting: &Alerting, own: &Own) -> State {
    let (groups, reload) = (alerting.clone(), alerting.clone());
    let (metrics, accounts, reloaded) = (own.clone(), own.janitor.clone(), alerting.clone());
    let letters = DeadLetters::new(&own.janitor);
    State {
        groups: Arc::new(move || {
            let evaluator = groups.evaluator.clone();
            Box::pin(async move { evaluator.groups().await })
        }),
        metrics: Arc::new(move || {
            metrics.refresh();
            metrics.janitor.telemetry.render()
        }),
        ready: Arc::new(|| Ok(())),
        reload: Arc::new(move || {
            let alerting = reload.clone();
            Box::pin(async move { alerting.reload().await.map_err(|error| format!("{error:#}")) })
        }),
        pipeline: Arc::new(move || pipeline(&accounts, &reloaded)),
        querier: querier(config, alerting),
        letters: Arc::new(move |ask| {
            let letters = letters.clone();
            Box::pin(async move { letters.answer(ask).await })
        }),
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
        let Watch { progress, activity, pool, .. } = &worker.watch;
        let progress = *progress.lock();
        // read after the progress: it is never behind it
        let items = janitor.logs[worker.signal as usize - 1].journal.items();
        let counters = progress.counters;
        let dropped = DropReason::ALL.into_iter().map(|reason| (reason.name(), counters.dropped[reason as usize]));
        json!({
            "exporter": worker.exporter,
            "signal": worker.signal.name(),
            "position": progress.position.to_string(),
            "accepted": progress.accepted(items),
            "delivered": counters.delivered,
            "pending": progress.pending(items),
            "dead_lettered": counters.dead_lettered,
            "dropped": dropped.collect::<std::collections::BTreeMap<_, _>>(),
            "in_flight": activity.slots.in_use(),
            "in_flight_allowed": activity.slots.allowed(),
            "paused": activity.paused() > 0,
            "set_aside": activity.parked(),
            "endpoints": pool.health().iter().map(endpoint).collect::<Vec<_>>(),
        })
    });
    let detached = janitor.detached.iter();
    let detached =
        detached.map(|Detached { exporter, signal }| json!({ "exporter": exporter, "signal": signal.name() }));
    json!({
        "signals": signals.collect::<serde_json::Map<_, _>>(),
        "exporters": exporters.collect::<Vec<_>>(),
        "detached": detached.collect::<Vec<_>>(),
        "reload": alerting.reloaded(),
    })
}

fn endpoint(health: &Health) -> Value {
    json!({
        "endpoint": health.name,
        "priority": health.priority,
        "up": health.is_up(),
        "breaker": health.state.name(),
        "refused": health.refused,
        "failures": health.failures,
        "in_flight": health.in_flight,
    })
}
