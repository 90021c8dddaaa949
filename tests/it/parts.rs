//! The harness tests itself: each real part starts, answers what the tests ask of it, and stops.

use reqwest::Method;
use serde_json::json;
use watchgate::model::sample::STALE_NAN;
use watchgate::model::time::wall_clock;

use crate::support::http::{client, post};
use crate::support::parts::{self, Elasticsearch, Prometheus, Release, Zipkin};
use crate::support::process::until;
use crate::support::remote_write::{TimeSeries, body};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

async fn prometheus_stores_what_it_is_sent(release: Release) {
    let _turn = parts::turn().await;
    let Some(mut store) = Prometheus::start(release, "").await else { return };
    let now = wall_clock();
    let series =
        TimeSeries::new(&[("__name__", "orders"), ("城市", "上海")], &[(now - 2000, 1.5), (now - 1000, STALE_NAN)]);
    let series = if release == Release::Debian {
        TimeSeries { labels: series.labels.into_iter().filter(|label| label.name.is_ascii()).collect(), ..series }
    } else {
        series
    };
    store.write(body(vec![series])).await.ok();
    assert_eq!(store.number("orders", Some(now - 1500)).await, Some(1.5));
    assert_eq!(store.number("orders", Some(now)).await, None, "the series ended");
    let range = store.query_range("orders", now - 2000, now, 500).await;
    assert_eq!(range[0]["values"].as_array().map(Vec::len), Some(2), "{range}");
    store.process.stop();
    store.process.start_again();
    store.ready().await;
    assert_eq!(store.number("orders", Some(now - 1500)).await, Some(1.5), "a restart keeps it");
}

#[tokio::test]
async fn prometheus_3_starts_answers_and_stops() {
    prometheus_stores_what_it_is_sent(Release::Current).await;
}

#[tokio::test]
async fn prometheus_2_starts_answers_and_stops() {
    prometheus_stores_what_it_is_sent(Release::Debian).await;
}

#[tokio::test]
async fn an_agent_writes_what_it_scrapes_of_itself() {
    let _turn = parts::turn().await;
    let Some(store) = Prometheus::start(Release::Current, "").await else { return };
    let Some(_agent) = Prometheus::start_agent(&[store.remote_write_url()]).await else { return };
    let up = until("the agent's `up`", PATIENCE, async || store.number("up{job=\"self\"}", None).await).await;
    assert_eq!(up, 1.0);
}

#[tokio::test]
async fn elasticsearch_starts_answers_and_stops() {
    let _turn = parts::turn().await;
    let Some(mut store) = Elasticsearch::start().await else { return };
    let template = json!({
        "index_patterns": ["logs-*-*"], "data_stream": {}, "priority": 500,
        "template": { "lifecycle": { "data_retention": "7d" } }
    });
    store.call(Method::PUT, "/_index_template/logs", Some(&template)).await.ok();
    let Some(sent) = parts::send("bulk", &store.url, 3_000).await else { return };
    let query = json!({ "match": { "mark": sent.mark } });
    assert_eq!(store.count("logs-shop-default", &query).await, 3_000);
    let hits = store.all("logs-shop-default", &query).await;
    let seqs: std::collections::BTreeSet<u64> = hits.iter().filter_map(|hit| hit["_source"]["seq"].as_u64()).collect();
    assert_eq!(seqs, (0..3_000).collect());
    assert_eq!(hits[0]["_source"]["big"], 9_007_199_254_740_993_u64);
    store.process.stop();
    store.process.start_again();
    store.ready().await;
    assert_eq!(store.count("logs-shop-default", &query).await, 3_000, "a restart keeps them");
}

#[tokio::test]
async fn zipkin_starts_answers_and_stops() {
    let _turn = parts::turn().await;
    let Some(mut store) = Zipkin::start().await else { return };
    let now = wall_clock() * 1000;
    let spans = json!([{ "traceId": "00000000000000ab", "id": "ab", "name": "get", "timestamp": now, "duration": 5,
        "localEndpoint": { "serviceName": "shop" } }]);
    let answer = post(&client(), &store.spans_url(), "application/json", spans.to_string()).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let Some(sent) = parts::send("zipkin", &store.url, 1_000).await else { return };
    let service = format!("py-{}", sent.mark);
    let found = until("the spans", PATIENCE, async || {
        Some(store.spans(&service, 100).await).filter(|spans| spans.len() == 1_000)
    });
    assert_eq!(found.await[0]["tags"]["text"], "支付失败 – naïve ☕ 𝛌");
    assert_eq!(store.trace("00000000000000ab").await.map(|spans| spans.len()), Some(1));
    assert_eq!(store.trace("00000000000000ac").await, None);
    store.process.stop();
}

#[test]
fn the_tools_answer() {
    for (tool, arguments, wanted) in [
        ("promtool", ["--version"], "3.13"),
        ("promtool-2.42", ["--version"], "2.42"),
        ("amtool", ["--version"], "0.25"),
        ("alertmanager", ["--version"], "0.25"),
    ] {
        let Some(output) = parts::run(tool, &arguments) else { continue };
        let said = [output.stdout, output.stderr].concat();
        assert!(String::from_utf8_lossy(&said).contains(wanted), "{tool} is not {wanted}");
    }
}
