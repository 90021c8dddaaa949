//! All three stores are down: alerts fire all the same, and what was accepted meanwhile arrives later.

use std::time::{Duration, Instant};

use serde_json::json;
use watchgate::model::time::wall_clock;

use super::{PATIENCE, to_elasticsearch, to_prometheus, to_zipkin};
use crate::support::gateway::Gateway;
use crate::support::http::{client, post};
use crate::support::parts::{self, Elasticsearch, Prometheus, Release, Zipkin};
use crate::support::process::until;
use crate::support::remote_write::{TimeSeries, send};
use crate::support::webhook::Webhook;

/// From the request to the notification.
const ALERT_MAX: Duration = Duration::from_millis(100);

/// One alert for each of these, so that one hiccup of the machine is not the figure.
const PROBES: usize = 5;

fn rules() -> String {
    let rule = |probe| {
        format!(
            "  - alert: TooManyFailures{probe}\n    expr: failures{probe} > 5\n    labels: {{ severity: critical }}\n    \
             annotations: {{ summary: '{{{{ $labels.channel }}}}: {{{{ $value }}}}' }}\n"
        )
    };
    format!("groups:\n- name: outage\n  rules:\n{}", (0..PROBES).map(rule).collect::<String>())
}

#[tokio::test]
async fn alerts_fire_while_every_store_is_down_and_everything_arrives_later() {
    let _turn = parts::turn().await;
    let Some(mut prometheus) = Prometheus::start(Release::Current, "").await else { return };
    let Some(mut elasticsearch) = Elasticsearch::start().await else { return };
    let Some(mut zipkin) = Zipkin::start().await else { return };
    let webhook = Webhook::start().await;
    let config = format!(
        "exporters:\n{}{}{}rules: {{ files: ['{{folder}}/rules.yaml'] }}\n\
         alerting: {{ config: '{{folder}}/alertmanager.yml' }}\n",
        to_prometheus(&prometheus),
        to_elasticsearch(&elasticsearch),
        to_zipkin(&zipkin)
    );
    let files = [("rules.yaml", rules()), ("alertmanager.yml", webhook.config())];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let gateway = Gateway::start(&config, &files).await;
    prometheus.process.kill();
    elasticsearch.process.stop();
    zipkin.process.kill();

    let client = client();
    let start = wall_clock();
    let mut latencies = Vec::new();
    for probe in 0..PROBES {
        let name = format!("failures{probe}");
        let series = TimeSeries::new(&[("__name__", &name), ("channel", "card")], &[(wall_clock(), 6.0)]);
        let sent = Instant::now();
        send(&client, &gateway.ingest, vec![series]).await.expect("an answer").ok();
        let (at, body) = webhook.wait_for(&format!("TooManyFailures{probe}"), "firing", Duration::from_secs(10)).await;
        assert_eq!(body["alerts"][0]["annotations"]["summary"], "card: 6", "{body}");
        latencies.push(at.duration_since(sent));
    }
    let alerts = gateway.get("/api/v1/alerts").await.ok().json();
    let firing = alerts["data"]["alerts"].as_array().expect("alerts").iter().filter(|alert| alert["state"] == "firing");
    assert_eq!(firing.count(), PROBES, "{alerts}");

    let spans = json!([{ "traceId": "00000000000000cd", "id": "cd", "name": "get", "timestamp": start * 1000,
        "duration": 5, "localEndpoint": { "serviceName": "shop" }, "tags": { "k": "v" } }]);
    post(&client, &format!("{}/api/v2/spans", gateway.ingest), "application/json", spans.to_string()).await.ok();
    let logs = "{\"create\":{}}\n{\"@timestamp\":\"2026-11-22T10:00:00Z\",\"mark\":\"outage\"}\n";
    post(&client, &format!("{}/logs-outage-default/_bulk", gateway.ingest), "application/x-ndjson", logs).await.ok();

    latencies.sort();
    println!("request to webhook with every store down: {latencies:?}");
    assert!(latencies[PROBES / 2] < ALERT_MAX, "the median of {latencies:?} is not below {ALERT_MAX:?}");

    prometheus.process.start_again();
    zipkin.process.start_again();
    elasticsearch.process.start_again();
    prometheus.ready().await;
    zipkin.ready().await;
    elasticsearch.ready().await;
    let samples = "count({__name__=~\"failures.\"})";
    let all = async || prometheus.number(samples, None).await.filter(|count| *count == PROBES as f64);
    until("the samples", PATIENCE, all).await;
    until("the span", PATIENCE, async || zipkin.trace("00000000000000cd").await).await;
    let query = json!({ "match": { "mark": "outage" } });
    let logs = async || (elasticsearch.count("logs-*", &query).await == 1).then_some(());
    until("the log record", PATIENCE, logs).await;
}
