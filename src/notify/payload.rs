//! The webhook payload, version 4: Alertmanager's field names and forms, so that its receivers work.

use std::sync::Arc;

use serde::Serialize;

use crate::alert::dispatcher::Notification;
use crate::alert::text::{ZERO_TIME, query_escape, quote_meta, rfc3339_nano};
use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;

/// The body of one POST, in the order in which Alertmanager writes its fields.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload<'a> {
    receiver: String,
    status: &'static str,
    alerts: Vec<PayloadAlert<'a>>,
    group_labels: &'a Labels,
    common_labels: Labels,
    common_annotations: Labels,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    group_key: &'a str,
    truncated_alerts: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PayloadAlert<'a> {
    status: &'static str,
    labels: &'a Labels,
    annotations: &'a Labels,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

impl<'a> Payload<'a> {
    /// What `notification` says, with links below `external_url`. Of more than `max_alerts` the
    /// rest is counted only, and what all have in common is taken from those that are shown.
    #[must_use]
    pub fn new(notification: &'a Notification, external_url: &'a str) -> Self {
        let all = &notification.alerts;
        let shown = match notification.webhook.max_alerts {
            0 => all.len(),
            max => max.min(all.len()),
        };
        let alerts = &all[..shown];
        let firing = alerts.iter().any(|alert| alert.state != AlertState::Resolved);
        Self {
            receiver: quote_meta(&notification.receiver),
            status: if firing { "firing" } else { "resolved" },
            alerts: alerts.iter().map(|alert| PayloadAlert::new(alert, external_url)).collect(),
            group_labels: &notification.group_labels,
            common_labels: common(alerts, |alert| &alert.labels),
            common_annotations: common(alerts, |alert| &alert.annotations),
            external_url,
            version: "4",
            group_key: &notification.group_key,
            truncated_alerts: all.len() - shown,
        }
    }
}

impl<'a> PayloadAlert<'a> {
    fn new(alert: &'a Alert, external_url: &str) -> Self {
        let resolved_at = alert.resolved_at.filter(|_| alert.state == AlertState::Resolved);
        Self {
            status: if resolved_at.is_some() { "resolved" } else { "firing" },
            labels: &alert.labels,
            annotations: &alert.annotations,
            starts_at: rfc3339_nano(alert.fired_at.unwrap_or(alert.active_at)),
            ends_at: resolved_at.map_or_else(|| ZERO_TIME.to_owned(), rfc3339_nano),
            generator_url: generator_url(external_url, &alert.expr),
            fingerprint: format!("{:016x}", alert.labels.fingerprint()),
        }
    }
}

/// The link that Prometheus makes for an expression.
#[must_use]
pub fn generator_url(external_url: &str, expr: &str) -> String {
    format!("{}/graph?g0.expr={}&g0.tab=1", external_url.trim_end_matches('/'), query_escape(expr))
}

fn common(alerts: &[Arc<Alert>], set: impl Fn(&Alert) -> &Labels) -> Labels {
    let Some((first, rest)) = alerts.split_first() else { return Labels::default() };
    let first = set(first);
    first.without(|name| rest.iter().any(|alert| set(alert).get(name) != first.get(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::config::{Http, Secret, Source, Webhook};
    use crate::alert::decision::Reason;

    fn alert(instance: &str, state: AlertState) -> Arc<Alert> {
        Arc::new(Alert {
            labels: Labels::from_pairs([("alertname", "Down"), ("instance", instance)]),
            annotations: Labels::from_pairs([("summary", format!("{instance} <down>"))]),
            group: "g".into(),
            expr: "up == 0".into(),
            state,
            value: 0.0,
            active_at: 1_700_000_000_000,
            fired_at: Some(1_700_000_000_250),
            resolved_at: (state == AlertState::Resolved).then_some(1_700_000_060_000),
            keep_firing_since: None,
            received_at: None,
        })
    }

    fn notification(alerts: Vec<Arc<Alert>>, max_alerts: usize) -> Notification {
        let url = Source::Inline(Secret::new("http://h/"));
        Notification {
            id: 1,
            receiver: "team.x".into(),
            index: 0,
            webhook: Webhook { url, send_resolved: true, max_alerts, timeout: None, http: Http::default() }.into(),
            reason: Reason::FirstNotification,
            group_key: "{}:{alertname=\"Down\"}".into(),
            group_labels: Labels::from_pairs([("alertname", "Down")]),
            alerts,
            deadline: 0,
            received_at: None,
        }
    }

    #[test]
    fn is_alertmanagers_byte_for_byte() {
        let told = notification(vec![alert("a", AlertState::Firing), alert("b", AlertState::Resolved)], 0);
        let body = serde_json::to_string(&Payload::new(&told, "http://gw:9480")).expect("JSON");
        let want = concat!(
            r#"{"receiver":"team\\.x","status":"firing","alerts":["#,
            r#"{"status":"firing","labels":{"alertname":"Down","instance":"a"},"annotations":{"summary":"a <down>"},"#,
            r#""startsAt":"2023-11-14T22:13:20.25Z","endsAt":"0001-01-01T00:00:00Z","#,
            r#""generatorURL":"http://gw:9480/graph?g0.expr=up+%3D%3D+0&g0.tab=1","fingerprint":"FPA"},"#,
            r#"{"status":"resolved","labels":{"alertname":"Down","instance":"b"},"annotations":{"summary":"b <down>"},"#,
            r#""startsAt":"2023-11-14T22:13:20.25Z","endsAt":"2023-11-14T22:14:20Z","#,
            r#""generatorURL":"http://gw:9480/graph?g0.expr=up+%3D%3D+0&g0.tab=1","fingerprint":"FPB"}],"#,
            r#""groupLabels":{"alertname":"Down"},"commonLabels":{"alertname":"Down"},"commonAnnotations":{},"#,
            r#""externalURL":"http://gw:9480","version":"4","groupKey":"{}:{alertname=\"Down\"}","truncatedAlerts":0}"#,
        );
        let fingerprint = |at: usize| format!("{:016x}", told.alerts[at].labels.fingerprint());
        assert_eq!(body, want.replace("FPA", &fingerprint(0)).replace("FPB", &fingerprint(1)));
    }

    #[test]
    fn beyond_max_alerts_the_rest_is_counted() {
        let alerts = vec![alert("a", AlertState::Resolved), alert("b", AlertState::Firing)];
        let told = notification(alerts, 1);
        let payload = Payload::new(&told, "");
        assert_eq!((payload.alerts.len(), payload.truncated_alerts, payload.status), (1, 1, "resolved"));
        assert_eq!(payload.common_labels.len(), 2);
    }
}
