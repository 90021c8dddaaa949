//! One request that is wrong in one way: its status and words.

use reqwest::Method;
use serde_json::json;

use super::body::{deep, deep_span, gzip, gzip_bomb, logs, plain, snappy, traces, usual};
use super::{Protocol, journal_bytes, journalled, send};
use crate::support::gateway::Gateway;
use crate::support::http::client;
use crate::support::remote_write::{TimeSeries, WriteRequest};
use prost::Message;

/// Bodies may be this large here.
const LIMITS: &str = "limits: { request_bytes_max: 1MiB, memory_bytes: 8MiB }\n";

/// What is wrong, the body and its encoding, the status, and a part of the words.
type Case = (&'static str, &'static str, Vec<u8>, u16, &'static str);

fn wrong(protocol: Protocol) -> Vec<Case> {
    let good = usual(protocol, 3);
    let usual_encoding = protocol.usual_encoding();
    let large = plain(protocol, 1).repeat((2 << 20) / plain(protocol, 1).len());
    let mut cases: Vec<Case> = vec![
        ("larger than allowed", usual_encoding, vec![b'x'; (1 << 20) + 1], 413, "limits.request_bytes_max"),
        ("an encoding nobody knows", "br", good.clone(), 415, "\"br\""),
        ("two encodings", "gzip, gzip", good.clone(), 415, "\"gzip, gzip\""),
    ];
    if protocol == Protocol::RemoteWrite {
        let valid = plain(protocol, 1);
        cases.extend([
            ("no snappy", "snappy", b"this is no snappy".to_vec(), 400, "snappy"),
            ("empty", "snappy", Vec::new(), 400, "snappy"),
            ("no protobuf", "snappy", snappy(b"\x0a\xff\xff"), 400, "byte"),
            ("cut off", "snappy", snappy(&valid[..valid.len() - 1]), 400, "byte"),
            (
                "a claim of 1 GiB",
                "snappy",
                vec![0x80, 0x80, 0x80, 0x80, 0x04, 0x00, b'x'],
                413,
                "limits.request_bytes_max",
            ),
            ("a claim it cannot fill", "snappy", vec![0x80, 0x80, 0x20, 0x00, b'x'], 400, "cannot hold"),
            ("large once decompressed", "snappy", snappy(&large), 413, "limits.request_bytes_max"),
            ("empty samples without end", "snappy", snappy(&empty_samples()), 413, "more samples"),
            ("gzip instead", "gzip", gzip(&valid), 415, "snappy"),
        ]);
        return cases;
    }
    cases.extend([
        ("no gzip", "gzip", b"this is no gzip".to_vec(), 400, "gzip"),
        ("gzip cut off", "gzip", gzip(&good)[..20].to_vec(), 400, "gzip"),
        ("large once decompressed", "gzip", gzip(&large), 413, "limits.request_bytes_max"),
        ("a bomb", "gzip", gzip_bomb(b"\0", 64), 413, "limits.request_bytes_max"),
    ]);
    match protocol {
        Protocol::Zipkin => cases.extend([
            ("no JSON", "", b"spans".to_vec(), 400, "JSON"),
            ("empty", "", Vec::new(), 400, "JSON"),
            ("an object", "", b"{}".to_vec(), 400, "array"),
            ("cut off", "", good[..good.len() - 1].to_vec(), 400, "byte"),
            ("no UTF-8", "", b"[{\"traceId\":\"1\",\"id\":\"1\",\"name\":\"\xff\"}]".to_vec(), 400, "UTF-8"),
            ("too deep", "", format!("{}{}", "[".repeat(1000), "]".repeat(1000)).into_bytes(), 413, "deep"),
        ]),
        Protocol::Traces | Protocol::Logs => cases.extend([
            ("no protobuf", "", b"\x0a\xff\xff".to_vec(), 400, "byte"),
            ("cut off", "", good[..good.len() - 1].to_vec(), 400, "byte"),
        ]),
        _ => cases.extend([
            ("empty", "", Vec::new(), 400, "no requests added"),
            ("no action", "", b"hello\nworld\n".to_vec(), 400, "line [1]"),
            ("an unknown action", "", b"{\"upsert\":{}}\n{}\n".to_vec(), 400, "upsert"),
            ("no index", "", b"{\"create\":{}}\n{}\n".to_vec(), 400, "index is missing"),
        ]),
    }
    cases
}

/// A series of samples that take two bytes each.
fn empty_samples() -> Vec<u8> {
    let mut series = TimeSeries::new(&[("__name__", "m")], &[]).encode_to_vec();
    series.extend(b"\x12\x00".repeat(250_000));
    let mut request = vec![0x0a];
    prost::encoding::encode_varint(series.len() as u64, &mut request);
    request.extend(series);
    request
}

#[tokio::test]
async fn every_wrong_request_gets_its_protocols_own_error_and_leaves_nothing() {
    let gateway = Gateway::start(LIMITS, &[]).await;
    let client = client();
    let before = journal_bytes(&gateway).await;
    for protocol in Protocol::ALL {
        for (what, encoding, body, status, words) in wrong(protocol) {
            let reply = protocol.post(&client, &gateway, encoding, body).await;
            let said = protocol.error(&reply);
            assert_eq!(reply.status, status, "{protocol:?}, {what}: {said}");
            assert!(said.contains(words), "{protocol:?}, {what}: {said}");
            assert_eq!(reply.header("retry-after"), "", "{protocol:?}, {what}: a repetition does not help");
        }
        let headers = [("content-type", "text/html")];
        let reply = send(&client, &gateway, Method::POST, protocol.path(), &headers, plain(protocol, 1)).await;
        if protocol != Protocol::Bulk {
            assert_eq!((reply.status, protocol.error(&reply).contains("text/html")), (415, true), "{protocol:?}");
        }
    }
    let bulk = 1; // Elasticsearch's clients name their bodies as they like
    assert_eq!(journalled(&gateway).await, [0, bulk, 0]);
    let after = journal_bytes(&gateway).await;
    assert_eq!((after[0], after[2]), (before[0], before[2]));
    let metrics = gateway.get("/metrics").await.ok().text();
    for labels in ["protocol=\"zipkin_json\",reason=\"malformed\"", "reason=\"too_large\"", "reason=\"unsupported\""] {
        assert!(metrics.contains(labels), "{labels}: {metrics}");
    }
}

#[tokio::test]
async fn what_is_too_deep_or_too_much_is_refused_and_what_is_next_to_it_is_not() {
    let gateway = Gateway::start("", &[]).await;
    let client = client();
    for (protocol, body) in [
        (Protocol::Traces, traces(vec![deep_span(1000)])),
        (Protocol::Logs, logs(vec![deep(1000)])),
        (
            Protocol::Zipkin,
            format!("[{{\"traceId\":\"1\",\"id\":\"1\",\"x\":{}1{}}}]", "[".repeat(5000), "]".repeat(5000))
                .into_bytes(),
        ),
    ] {
        let reply = protocol.post(&client, &gateway, "", body).await;
        // OTLP refuses the item, by a partial success; Zipkin has no such thing
        let status = if protocol == Protocol::Zipkin { 413 } else { 200 };
        assert_eq!((reply.status, reply.text().contains("deep")), (status, true), "{protocol:?}: {reply:?}");
    }
    let document = format!("{{\"create\":{{\"_index\":\"a\"}}}}\n{}1{}\n", "{\"a\":".repeat(5000), "}".repeat(5000));
    let reply = Protocol::Bulk.post(&client, &gateway, "", document.into_bytes()).await;
    assert_eq!((reply.status, &reply.json()["items"][0]["create"]["status"]), (200, &json!(400)), "{}", reply.text());

    let many: Vec<(String, String)> = (0..300).map(|label| (format!("l{label:03}"), "x".to_owned())).collect();
    let long = "x".repeat(70_000);
    let labels: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (what, labels) in [
        ("301 labels", [labels, vec![("__name__", "m")]].concat()),
        ("70000 bytes", vec![("__name__", "m"), ("long", long.as_str())]),
        ("no metric name", vec![("job", "x")]),
    ] {
        let request = WriteRequest { timeseries: vec![TimeSeries::new(&labels, &[(1, 1.0)])] };
        let reply = Protocol::RemoteWrite.post(&client, &gateway, "snappy", snappy(&request.encode_to_vec())).await;
        assert_eq!((reply.status, reply.text().contains(what)), (400, true), "{what}: {}", reply.text());
    }
    assert_eq!(journalled(&gateway).await, [0, 0, 0]);
}

#[tokio::test]
async fn wrong_paths_are_404_wrong_methods_405_and_both_say_what_is_right() {
    let gateway = Gateway::start("", &[]).await;
    let client = client();
    for path in
        ["/nothing", "/v1/metrics", "/v1/trace", "/api/v1/writes", "/ingest/v1/logs", "/a/b/_bulk", "/loki/api/v1/push"]
    {
        for method in [Method::GET, Method::POST] {
            let reply = send(&client, &gateway, method, path, &[], Vec::new()).await;
            assert_eq!((reply.status, reply.text().contains(path)), (404, true), "{path}: {}", reply.text());
        }
    }
    for protocol in Protocol::ALL {
        for method in [Method::GET, Method::DELETE, Method::PATCH] {
            let reply = send(&client, &gateway, method.clone(), protocol.path(), &[], Vec::new()).await;
            assert_eq!(reply.status, 405, "{method} {protocol:?}");
            assert!(reply.header("allow").contains("POST"), "{method} {protocol:?}: {reply:?}");
            assert!(reply.text().contains("POST"), "{method} {protocol:?}: {}", reply.text());
        }
    }
    assert_eq!(client.get(format!("{}/-/nothing", gateway.api)).send().await.expect("an answer").status(), 404);
    assert_eq!(client.get(format!("{}/-/reload", gateway.api)).send().await.expect("an answer").status(), 405);
}

#[tokio::test]
async fn elasticsearchs_clients_find_what_they_ask_for_before_they_send() {
    let gateway = Gateway::start("", &[]).await;
    let client = client();
    for path in [
        "/",
        "/_license",
        "/_xpack",
        "/_ilm/policy/filebeat",
        "/_index_template/filebeat",
        "/_data_stream/x",
        "/_nodes/http",
        "/_cat/indices",
        "/_cluster/health",
    ] {
        for method in [Method::GET, Method::HEAD] {
            let reply = send(&client, &gateway, method.clone(), path, &[], Vec::new()).await;
            assert_eq!((reply.status, reply.header("x-elastic-product")), (200, "Elasticsearch"), "{method} {path}");
            assert_eq!(reply.body.is_empty(), method == Method::HEAD, "{method} {path}");
        }
    }
    for (path, headers, kind) in [
        (
            "/_bulk?filter_path=errors,items.*.status",
            vec![("accept", "application/vnd.elasticsearch+json; compatible-with=8")],
            "application/vnd.elasticsearch+json;compatible-with=8",
        ),
        (
            "/_bulk",
            vec![("content-type", "application/vnd.elasticsearch+x-ndjson; compatible-with=9")],
            "application/json",
        ),
    ] {
        let reply = send(&client, &gateway, Method::POST, path, &headers, plain(Protocol::Bulk, 1)).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, kind), "{path}: {}", reply.text());
    }
    // what cannot be read is refused in Elasticsearch's words too, not the router's
    for path in ["/_bulk?filter_path=a&filter_path=b", "/%ff/_bulk"] {
        let reply = send(&client, &gateway, Method::POST, path, &[], plain(Protocol::Bulk, 1)).await;
        let said = Protocol::Bulk.error(&reply);
        assert_eq!(reply.status, 400, "{path}: {said}");
    }
}
