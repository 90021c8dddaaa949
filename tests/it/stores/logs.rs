//! Logs to Elasticsearch: by the OpenTelemetry SDK, by Elasticsearch's own client, and the same again after a wipe.

use std::collections::HashMap;
use std::fs;

use serde_json::{Value, json};

use super::{ITEMS, PATIENCE, gateway, text, to_elasticsearch};
use crate::support::http::{client, post};
use crate::support::parts::{self, Elasticsearch};
use crate::support::process::until;

const BIG: u64 = 9_007_199_254_740_993;
const UNICODE: &str = "支付失败 – naïve ☕ 𝛌";

/// Waits for exactly `count` documents that match `query`.
async fn wait_for(store: &Elasticsearch, query: &Value, count: usize) {
    until(&format!("{count} documents of {query}"), PATIENCE, async || {
        let found = store.count("logs-*", query).await;
        assert!(found <= count as u64, "{found} documents, more than were sent");
        (found == count as u64).then_some(())
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_otlp_records_of_the_sdk_are_found_over_http_and_over_grpc() {
    let _turn = parts::turn().await;
    let Some(store) = Elasticsearch::start().await else { return };
    let gateway = gateway(&to_elasticsearch(&store)).await;
    for url in [&gateway.ingest, &gateway.grpc] {
        let Some(sent) = parts::send("otlp_logs", url, ITEMS).await else { return };
        sdk_records_are_found(&store, &sent).await;
    }
}

async fn sdk_records_are_found(store: &Elasticsearch, sent: &parts::Sent) {
    let query = json!({ "match_phrase": { "service.name": format!("otel-{}", sent.mark) } });
    wait_for(store, &query, ITEMS).await;
    let found: HashMap<String, Value> = store
        .all("logs-*", &query)
        .await
        .into_iter()
        .map(|hit| (field(&hit["_source"], "trace.id").as_str().unwrap_or_default().to_owned(), hit["_source"].clone()))
        .collect();
    assert_eq!(found.len(), ITEMS, "every record has its own trace id");
    for item in &sent.items {
        let record = &found[text(item, "/traceId")];
        let seq = item["seq"].as_u64().expect("a number") as usize;
        assert_eq!(field(record, "span.id"), item["spanId"]);
        assert_eq!(field(record, "message"), format!("{UNICODE} {seq}"));
        assert_eq!(field(record, "log.level"), ["INFO", "WARN", "ERROR"][seq % 3]);
        assert_eq!(field(record, "host.name"), "web-1");
        let nanos = text(item, "/timeUnixNano");
        let fraction = field(record, "@timestamp");
        assert!(
            fraction.as_str().is_some_and(|at| at.contains(&nanos[nanos.len() - 9..])),
            "{fraction} is not {nanos}"
        );
        let printed = record.to_string();
        for wanted in [&format!("\"seq\":{seq}"), &format!("{BIG}"), "\"card\"", "[1,2]"] {
            assert!(printed.contains(wanted), "no {wanted} in {printed}");
        }
    }
}

/// The field at a dotted path, whether it was written as one key, as nested objects, or as a mixture.
fn field(source: &Value, path: &str) -> Value {
    if let Some(value) = source.get(path) {
        return value.clone();
    }
    path.match_indices('.')
        .filter_map(|(at, _)| source.get(&path[..at]).map(|inner| field(inner, &path[at + 1..])))
        .find(|value| !value.is_null())
        .unwrap_or_default()
}

#[tokio::test]
async fn ten_thousand_documents_of_the_official_client_are_found_as_they_were() {
    let _turn = parts::turn().await;
    let Some(store) = Elasticsearch::start().await else { return };
    let gateway = gateway(&to_elasticsearch(&store)).await;
    let Some(sent) = parts::send("bulk", &gateway.ingest, ITEMS).await else { return };
    let query = json!({ "match_phrase": { "mark": sent.mark } });
    wait_for(&store, &query, ITEMS).await;
    for hit in store.all("logs-shop-default", &query).await {
        let source = &hit["_source"];
        let seq = source["seq"].as_u64().expect("a number");
        assert_eq!(hit["_id"], format!("{}-{seq}", sent.mark), "the sender's own _id is kept");
        assert_eq!(source["message"], format!("{UNICODE} {seq}"));
        assert_eq!(source["big"], BIG);
        assert_eq!(source["pay"], json!({ "channel": "card", "items": [{ "sku": "a" }, { "sku": "b" }] }));
        assert_eq!(source["log"]["level"], if seq.is_multiple_of(10) { "error" } else { "info" });
    }
}

#[tokio::test]
async fn the_same_logs_after_a_wiped_directory_are_stored_as_well() {
    let _turn = parts::turn().await;
    let Some(store) = Elasticsearch::start().await else { return };
    let mut gateway = gateway(&to_elasticsearch(&store)).await;
    let client = client();
    let body: String = (0..1_000)
        .map(|seq| {
            format!(
                "{{\"create\":{{}}}}\n{{\"@timestamp\":\"2026-11-22T10:00:00Z\",\"mark\":\"wiped\",\"seq\":{seq}}}\n"
            )
        })
        .collect();
    let query = json!({ "match": { "mark": "wiped" } });
    for round in 1..=2 {
        let url = format!("{}/logs-wiped-default/_bulk", gateway.ingest);
        let answer = post(&client, &url, "application/x-ndjson", body.clone()).await.ok().json();
        assert_eq!(answer["errors"], false, "{answer}");
        wait_for(&store, &query, round * 1_000).await;
        if round == 1 {
            gateway.process.stop();
            fs::remove_dir_all(gateway.data_dir()).expect("the data directory goes");
            gateway.process.start_again();
            gateway.ready().await;
        }
    }
}

#[tokio::test]
async fn ten_thousand_records_of_otlp_json_are_found() {
    let _turn = parts::turn().await;
    let Some(store) = Elasticsearch::start().await else { return };
    let gateway = gateway(&to_elasticsearch(&store)).await;
    let (client, start) = (client(), 1_700_000_000_000_000_000u64);
    let record = |seq: usize| {
        json!({
            "timeUnixNano": (start + seq as u64).to_string(), "severityNumber": 9, "severityText": "INFO",
            "body": { "stringValue": format!("{UNICODE} {seq}") }, "traceId": format!("{:032X}", seq + 1),
            "attributes": [
                { "key": "big", "value": { "intValue": BIG } },
                { "key": "list", "value": { "arrayValue": { "values": [{ "intValue": seq }, { "intValue": "2" }] } } },
            ],
        })
    };
    for first in (0..ITEMS).step_by(500) {
        let resource = json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "json" } }] });
        let records: Vec<Value> = (first..first + 500).map(record).collect();
        let body = json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "logRecords": records }] }] });
        let url = format!("{}/v1/logs", gateway.ingest);
        let answer = post(&client, &url, "application/json", body.to_string()).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    }
    let query = json!({ "match_phrase": { "service.name": "json" } });
    wait_for(&store, &query, ITEMS).await;
    let found = store.all("logs-*", &query).await;
    let mut seen = vec![false; ITEMS];
    for hit in &found {
        let source = &hit["_source"];
        let trace = field(source, "trace.id").as_str().map(|id| usize::from_str_radix(id, 16));
        let seq = trace.expect("a trace id").expect("hexadecimal") - 1;
        assert_eq!(field(source, "message"), format!("{UNICODE} {seq}"));
        let printed = source.to_string();
        for wanted in [format!("[{seq},2]"), BIG.to_string()] {
            assert!(printed.contains(&wanted), "no {wanted} in {printed}");
        }
        seen[seq] = true;
    }
    assert!(seen.into_iter().all(|seen| seen));
}
