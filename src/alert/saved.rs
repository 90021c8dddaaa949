//! What of the dispatcher outlives a restart: groups with their alerts, and the notification log.

use serde::{Deserialize, Serialize};

use super::log::Entry;
use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;
use crate::model::time::Millis;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Every group.
    pub groups: Vec<SavedGroup>,
    /// Every entry of the notification log.
    pub log: Vec<SavedEntry>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedGroup {
    /// Its receiver.
    pub receiver: String,
    /// Its key.
    pub key: String,
    /// When it is due; long past if a notification was on its way, whose fate is unknown.
    pub next_flush: Millis,
    /// Its alerts.
    pub alerts: Vec<SavedAlert>,
}

/// One entry of the notification log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedEntry {
    /// Its key, see [`log::key`](super::log::key).
    pub key: String,
    /// What was said.
    #[serde(flatten)]
    pub entry: Entry,
}

/// An alert; the value is text because JSON knows neither NaN nor infinities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedAlert {
    labels: Labels,
    annotations: Labels,
    group: String,
    expr: String,
    state: AlertState,
    value: String,
    active_at: Millis,
    fired_at: Option<Millis>,
    resolved_at: Option<Millis>,
    keep_firing_since: Option<Millis>,
}

impl From<&Alert> for SavedAlert {
    fn from(alert: &Alert) -> Self {
        Self {
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            group: alert.group.clone(),
            expr: alert.expr.clone(),
            state: alert.state,
            value: alert.value.to_string(),
            active_at: alert.active_at,
            fired_at: alert.fired_at,
            resolved_at: alert.resolved_at,
            keep_firing_since: alert.keep_firing_since,
        }
    }
}

/// Without the time of the request: a latency over a restart means nothing.
impl From<SavedAlert> for Alert {
    fn from(saved: SavedAlert) -> Self {
        Self {
            labels: saved.labels,
            annotations: saved.annotations,
            group: saved.group,
            expr: saved.expr,
            state: saved.state,
            value: saved.value.parse().unwrap_or(f64::NAN),
            active_at: saved.active_at,
            fired_at: saved.fired_at,
            resolved_at: saved.resolved_at,
            keep_firing_since: saved.keep_firing_since,
            received_at: None,
        }
    }
}
