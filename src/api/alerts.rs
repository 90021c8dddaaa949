//! `/api/v1/alerts`: every pending and firing alert.

use axum::extract::State as Extract;
use axum::response::Response;
use serde::Serialize;

use super::State;
use super::answer::success;
use super::number::{exponent, time};
use crate::model::alert::Alert;
use crate::model::labels::Labels;
use crate::rule::engine::RuleKind;

#[derive(Serialize)]
struct Data {
    alerts: Vec<AlertJson>,
}

/// An alert in Prometheus' form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertJson {
    labels: Labels,
    annotations: Labels,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

impl AlertJson {
    pub(super) fn new(alert: &Alert) -> Self {
        Self {
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            state: alert.state.name(),
            active_at: time(Some(alert.active_at)),
            keep_firing_since: alert.keep_firing_since.map(|since| time(Some(since))),
            value: exponent(alert.value),
        }
    }
}

pub(super) async fn list(Extract(state): Extract<State>) -> Response {
    let groups = (state.groups)().await;
    let rules = groups.iter().flat_map(|group| &group.rules);
    let alerts = rules.filter_map(|rule| match &rule.kind {
        RuleKind::Alerting { alerts, .. } => Some(alerts),
        RuleKind::Recording => None,
    });
    success(Data { alerts: alerts.flatten().map(AlertJson::new).collect() })
}
