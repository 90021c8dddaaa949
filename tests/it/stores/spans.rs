//! Spans to Zipkin: by py_zipkin, as raw JSON, and by the OpenTelemetry SDK over OTLP.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};
use watchgate::model::time::wall_clock;

use super::{ITEMS, PATIENCE, gateway, text, to_zipkin};
use crate::support::http::{client, post, request};
use crate::support::parts::{self, Zipkin};
use crate::support::process::until;

/// More traces than any of the senders makes.
const TRACES_MAX: usize = 20_000;
const BIG: &str = "9007199254740993";
const UNICODE: &str = "支付失败 – naïve ☕ 𝛌";

/// The spans of `service` by their `seq` tag, once all are there.
async fn spans_by_seq(store: &Zipkin, service: &str) -> HashMap<String, Value> {
    until(&format!("{ITEMS} spans of {service}"), PATIENCE, async || {
        let spans = store.spans(service, TRACES_MAX).await;
        let by_seq: HashMap<String, Value> =
            spans.into_iter().map(|span| (text(&span, "/tags/seq").to_owned(), span)).collect();
        (by_seq.len() == ITEMS).then_some(by_seq)
    })
    .await
}

#[tokio::test]
async fn ten_thousand_spans_of_py_zipkin_are_found() {
    let _turn = parts::turn().await;
    let Some(store) = Zipkin::start().await else { return };
    let gateway = gateway(&to_zipkin(&store)).await;
    let Some(sent) = parts::send("zipkin", &gateway.ingest, ITEMS).await else { return };
    let found = spans_by_seq(&store, &format!("py-{}", sent.mark)).await;
    for item in &sent.items {
        let span = &found[&item["seq"].to_string()];
        assert_eq!((&span["traceId"], &span["id"]), (&item["traceId"], &item["id"]));
        assert_eq!((text(span, "/tags/big"), text(span, "/tags/text")), (BIG, UNICODE));
        let root = span["parentId"].is_null();
        assert_eq!(span["kind"], if root { "SERVER" } else { "CLIENT" });
        assert_eq!(span["annotations"].as_array().map_or(0, Vec::len), usize::from(!root));
    }
}

#[tokio::test]
async fn ten_thousand_spans_of_raw_json_are_found_as_they_were() {
    let _turn = parts::turn().await;
    let Some(store) = Zipkin::start().await else { return };
    let gateway = gateway(&to_zipkin(&store)).await;
    let (client, start) = (client(), wall_clock() * 1000);
    let span = |seq: usize| {
        let trace = (seq / 10 + 1) as u64;
        let trace = if trace.is_multiple_of(2) { format!("{trace:016x}") } else { format!("a{trace:031x}") };
        json!({
            "traceId": trace, "id": format!("{:016x}", u64::MAX - seq as u64), "name": format!("get /{}", seq % 7),
            "timestamp": start + seq as i64, "duration": seq + 1, "kind": "SERVER", "shared": seq % 10 == 5,
            "localEndpoint": { "serviceName": "raw", "ipv4": "10.0.0.1", "port": 8080 },
            "remoteEndpoint": { "serviceName": "db", "ipv6": "2001:db8::c001" },
            "annotations": [{ "timestamp": start + seq as i64, "value": "reçu" }],
            "tags": { "seq": seq.to_string(), "text": UNICODE, "quoted": "\"\\\n\u{1}" },
        })
    };
    for first in (0..ITEMS).step_by(500) {
        let body = Value::from_iter((first..first + 500).map(span)).to_string();
        let answer = post(&client, &format!("{}/api/v2/spans", gateway.ingest), "application/json", body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let found = spans_by_seq(&store, "raw").await;
    for seq in 0..ITEMS {
        let (mut wanted, mut found) = (span(seq), found[&seq.to_string()].clone());
        if wanted["shared"] == false {
            wanted.as_object_mut().expect("an object").remove("shared");
        }
        // Zipkin answers ids as it stores them, and sorts tags: compare as values.
        found["traceId"] = text(&found, "/traceId").trim_start_matches('0').into();
        wanted["traceId"] = text(&wanted, "/traceId").trim_start_matches('0').into();
        assert_eq!(found, wanted);
    }
}

#[tokio::test]
async fn ten_thousand_otlp_spans_of_the_sdk_are_found_over_http_and_over_grpc() {
    let _turn = parts::turn().await;
    let Some(store) = Zipkin::start().await else { return };
    let gateway = gateway(&to_zipkin(&store)).await;
    for url in [&gateway.ingest, &gateway.grpc] {
        let Some(sent) = parts::send("otlp_traces", url, ITEMS).await else { return };
        sdk_spans_are_found(&store, &sent).await;
    }
}

async fn sdk_spans_are_found(store: &Zipkin, sent: &parts::Sent) {
    let found = spans_by_seq(store, &format!("otel-{}", sent.mark)).await;
    let kinds = ["SERVER", "CLIENT", "PRODUCER", "CONSUMER", ""];
    for item in &sent.items {
        let seq = item["seq"].as_u64().expect("a number") as usize;
        let span = &found[&seq.to_string()];
        assert_eq!((&span["traceId"], &span["id"]), (&item["traceId"], &item["id"]));
        assert_eq!(text(span, "/kind"), kinds[seq % 5]);
        assert_eq!((text(span, "/tags/big"), text(span, "/tags/text")), (BIG, UNICODE));
        assert_eq!((text(span, "/tags/ok"), text(span, "/tags/ratio")), ("true", "0.25"));
        assert_eq!((text(span, "/tags/list"), text(span, "/tags/host.name")), (r#"["a","b"]"#, "web-1"));
        assert_eq!(text(span, "/tags/otel.scope.name"), "watchgate.tests");
        let failed = seq % 100 == 99;
        assert_eq!(span["tags"].get("error").and_then(Value::as_str), failed.then_some("declined"));
        assert_eq!(text(span, "/tags/otel.status_code"), if failed { "ERROR" } else { "" });
        let event = text(span, "/annotations/0/value");
        assert!(event.contains("retry") && event.contains("attempt"), "{event}");
        assert_eq!(span["parentId"].is_null(), seq.is_multiple_of(10));
    }
}

#[tokio::test]
async fn ten_thousand_spans_of_otlp_json_are_found() {
    let _turn = parts::turn().await;
    let Some(store) = Zipkin::start().await else { return };
    let gateway = gateway(&to_zipkin(&store)).await;
    let (client, start) = (client(), wall_clock() * 1_000_000);
    let span = |seq: usize| {
        let at = start + 1000 * seq as i64;
        json!({
            "traceId": format!("{:032X}", seq / 10 + 1), "spanId": format!("{:016x}", u64::MAX - seq as u64),
            "name": "op", "kind": 2, "startTimeUnixNano": at.to_string(), "endTimeUnixNano": at + 5_000_000,
            "attributes": [
                { "key": "seq", "value": { "stringValue": seq.to_string() } },
                { "key": "text", "value": { "stringValue": UNICODE } },
                { "key": "big", "value": { "intValue": BIG } },
            ],
            "status": {}, "tomorrow": [{}],
        })
    };
    for first in (0..ITEMS).step_by(500) {
        let resource = json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "json" } }] });
        let spans: Vec<Value> = (first..first + 500).map(span).collect();
        let body =
            json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": spans }] }] }).to_string();
        let mut packed = Vec::new();
        watchgate::codec::compression::zstd(body.as_bytes(), &mut packed).expect("memory");
        let headers = [("content-type", "application/json"), ("content-encoding", "zstd")];
        let url = format!("{}/v1/traces", gateway.ingest);
        let answer = request(&client, Method::POST, &url, &headers, packed).await.expect("an answer");
        assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    }
    let found = spans_by_seq(&store, "json").await;
    for seq in 0..ITEMS {
        let span = &found[&seq.to_string()];
        assert_eq!(text(span, "/id"), format!("{:016x}", u64::MAX - seq as u64));
        assert_eq!(text(span, "/traceId").trim_start_matches('0'), format!("{:x}", seq / 10 + 1));
        assert_eq!((text(span, "/tags/big"), text(span, "/tags/text")), (BIG, UNICODE));
        assert_eq!((text(span, "/kind"), &span["duration"]), ("SERVER", &json!(5000)));
        assert_eq!(span["timestamp"], json!(start / 1000 + seq as i64));
    }
}
