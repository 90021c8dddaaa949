//! OTLP as the specification's clauses have it: gRPC calls byte by byte, JSON over HTTP, and what both refuse.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::{Body, Frame};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use watchgate::codec::compression::{gzip, zstd};
use watchgate::codec::proto::{put_bytes_field, put_fixed64_field};

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, client, request};

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// The smallest gateway that can be full.
const SMALL: &str = "limits: { request_bytes_max: 64KiB, memory_bytes: 64KiB }\n";

type Client = SendRequest<BoxBody<Bytes, io::Error>>;

/// A body that begins and never ends.
struct Begun(Option<Bytes>);

impl Body for Begun {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

/// What a call came to.
#[derive(Debug)]
struct Reply {
    http_status: u16,
    /// Headers and trailers.
    headers: HeaderMap,
    body: Bytes,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

async fn connect(gateway: &Gateway) -> Client {
    let stream = TcpStream::connect(gateway.grpc.trim_start_matches("grpc://")).await.expect("a connection");
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    client
}

fn post(path: &str, headers: &[(&str, &str)]) -> hyper::http::request::Builder {
    let start = Request::post(format!("http://watchgate{path}")).header("te", "trailers");
    headers.iter().fold(start, |request, (name, value)| request.header(*name, *value))
}

async fn call(client: &mut Client, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed();
    let request = post(path, headers).header("content-type", "application/grpc").body(body).expect("a request");
    let response = client.send_request(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("its end");
    let mut headers = head.headers;
    headers.extend(body.trailers().cloned().unwrap_or_default());
    Reply { http_status: head.status.as_u16(), headers, body: body.to_bytes() }
}

fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

/// `{1: {2: {2: item}}}`: both requests nest alike.
fn export(items: &[Vec<u8>]) -> Vec<u8> {
    let wrap = |inner: &[u8], field| {
        let mut out = Vec::new();
        put_bytes_field(&mut out, field, inner);
        out
    };
    let items: Vec<u8> = items.iter().flat_map(|item| wrap(item, 2)).collect();
    wrap(&wrap(&items, 2), 1)
}

fn span(trace_id: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes_field(&mut out, 1, trace_id);
    put_bytes_field(&mut out, 2, &[7; 8]);
    put_fixed64_field(&mut out, 7, 1_700_000_000_000_000_000);
    out
}

fn record(text: &str) -> Vec<u8> {
    let (mut body, mut out) = (Vec::new(), Vec::new());
    put_bytes_field(&mut body, 1, text.as_bytes());
    put_bytes_field(&mut out, 5, &body);
    out
}

#[tokio::test]
async fn grpc_calls_are_answered_as_the_protocol_has_it() {
    let gateway = Gateway::start(SMALL, &[]).await;
    let mut client = connect(&gateway).await;
    let (good, bad) = (export(&[span(&[1; 16])]), export(&[span(&[1; 16]), span(&[1; 3]), span(&[0; 16])]));
    let (mut zipped, mut dense, mut bomb) = (Vec::new(), Vec::new(), Vec::new());
    gzip(&good, &mut zipped).expect("memory");
    zstd(&good, &mut dense).expect("memory");
    zstd(&vec![0; 8 << 20], &mut bomb).expect("memory");
    let full = export(&[record(&"x".repeat((64 << 10) - 20))]);
    assert_eq!(full.len(), 64 << 10, "exactly as large as allowed");

    let plain: &[(&str, &str)] = &[];
    for (path, headers, body, message) in [
        (TRACES, plain, framed(0, &good), &b""[..]),
        (TRACES, &[("grpc-encoding", "identity")], framed(0, &good), b""),
        (TRACES, &[("grpc-encoding", "gzip")], framed(1, &zipped), b""),
        (TRACES, &[("grpc-encoding", "gzip")], framed(0, &good), b""),
        (TRACES, &[("grpc-encoding", "zstd")], framed(1, &dense), b""),
        (TRACES, plain, framed(0, b""), b""),
        (TRACES, plain, framed(0, &bad), b"\x0a\x28\x08\x02\x12\x24span 1: trace id has 3 bytes, not 16"),
        (LOGS, plain, framed(0, &full), b""),
    ] {
        let reply = call(&mut client, path, headers, body).await;
        let statuses = (reply.http_status, reply.header("grpc-status"), reply.header("content-type"));
        assert_eq!(statuses, (200, "0", "application/grpc"), "{reply:?}");
        assert_eq!(reply.body, framed(0, message), "{reply:?}");
    }

    for (path, headers, body, code, said) in [
        (TRACES, plain, framed(0, b"\x0a\x05a"), "3", "protobuf message ends inside a field"),
        (TRACES, plain, Vec::new(), "3", "a unary call needs one message"),
        (TRACES, plain, [framed(0, &good), framed(0, &good)].concat(), "3", "a unary call needs one message"),
        (TRACES, plain, framed(0, &vec![0; (64 << 10) + 1]), "8", "larger than limits.request_bytes_max"),
        (TRACES, &[("grpc-encoding", "zstd")], framed(1, &bomb), "8", "limits.request_bytes_max"),
        (TRACES, &[("grpc-encoding", "gzip")], framed(1, &good), "3", "not a valid gzip body"),
        (TRACES, plain, framed(1, &zipped), "3", "no grpc-encoding"),
        (TRACES, &[("grpc-encoding", "br")], framed(1, &good), "12", "send identity,gzip,zstd"),
        ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", plain, framed(0, b""), "12", "not served"),
        ("/grpc.health.v1.Health/Check", plain, framed(0, b""), "12", "is not served here"),
    ] {
        let reply = call(&mut client, path, headers, body).await;
        assert_eq!((reply.http_status, reply.header("grpc-status")), (200, code), "{reply:?}");
        assert!(reply.header("grpc-message").contains(said), "{reply:?}");
        assert_eq!(reply.header("grpc-accept-encoding"), "identity,gzip,zstd");
        assert!(reply.body.is_empty() && reply.header("grpc-status-details-bin").is_empty(), "{reply:?}");
    }
}

#[tokio::test]
async fn a_full_gateway_tells_grpc_senders_when_to_come_back() {
    let gateway = Gateway::start(SMALL, &[]).await;
    let mut client = connect(&gateway).await;
    let body = Begun(Some(Bytes::from(framed(0, &[0; 60 << 10])).slice(..50 << 10))).boxed();
    let request = post(TRACES, &[]).header("content-type", "application/grpc").body(body).expect("a request");
    let held = tokio::spawn(client.clone().send_request(request));

    let message = framed(0, &export(&[record(&"x".repeat(20 << 10))]));
    let full = async {
        loop {
            let reply = call(&mut client, LOGS, &[], message.clone()).await;
            if reply.header("grpc-status") != "0" {
                return reply;
            }
        }
    };
    let reply = tokio::time::timeout(Duration::from_secs(20), full).await.expect("no refusal");
    assert_eq!((reply.http_status, reply.header("grpc-status")), (200, "14"), "{reply:?}");
    assert!(reply.header("grpc-message").contains("limits.memory_bytes"), "{reply:?}");
    assert_eq!(reply.header("google.rpc.retryinfo-bin"), "CgIIBQ", "RetryInfo of five seconds");
    assert!(!reply.header("grpc-status-details-bin").is_empty());
    held.abort();
    let _ = held.await;
    let taken = async { while call(&mut client, LOGS, &[], message.clone()).await.header("grpc-status") != "0" {} };
    tokio::time::timeout(Duration::from_secs(20), taken).await.expect("what an aborted call held is given back");
}

async fn post_json(gateway: &Gateway, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    let headers = [("content-type", "application/json; charset=utf-8")];
    request(&client(), Method::POST, &format!("{}{path}", gateway.ingest), &headers, body).await.expect("an answer")
}

#[tokio::test]
async fn json_is_answered_in_json() {
    let gateway = Gateway::start(SMALL, &[]).await;
    let spans = |spans: Value| json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] }).to_string();
    let good = json!({ "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "EEE19B7EC3C1B174", "name": "a" });
    let bad = json!({ "traceId": "5b8e", "spanId": "eee19b7ec3c1b174" });
    let deep = |depth: usize| format!("{}{}", r#"{"x":"#.repeat(depth), "1");
    let cases = [
        ("/v1/traces", "{}".to_owned(), 200, json!({})),
        ("/v1/traces", spans(json!([good])), 200, json!({})),
        (
            "/v1/traces",
            spans(json!([good, bad])),
            200,
            json!({ "partialSuccess": { "rejectedSpans": "1", "errorMessage": "span 1: trace id has 2 bytes, not 16" } }),
        ),
        ("/v1/logs", r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#.to_owned(), 200, json!({})),
        ("/v1/logs", "{".to_owned(), 400, json!({ "code": 3, "message": "JSON ends early, expected `\"` at byte 1" })),
        (
            "/v1/traces",
            spans(json!([{ "traceId": "z\"" }])),
            400,
            json!({ "code": 3, "message": "`traceId` must be hexadecimal digits at byte 59" }),
        ),
        ("/v1/logs", deep(1000), 413, json!({ "code": 8, "message": "JSON is nested too deeply at byte 540" })),
    ];
    for (path, body, status, want) in cases {
        let answer = post_json(&gateway, path, body.clone()).await;
        assert_eq!((answer.status, answer.json()), (status, want), "{body}");
    }
    let large = post_json(&gateway, "/v1/logs", vec![b' '; (64 << 10) + 1]).await;
    assert_eq!((large.status, large.json()["code"].clone()), (413, json!(8)));
    let headers = [("content-type", "application/json"), ("content-encoding", "br")];
    let url = format!("{}/v1/logs", gateway.ingest);
    let other = request(&client(), Method::POST, &url, &headers, "{}").await.expect("an answer");
    assert_eq!((other.status, other.json()["code"].clone()), (415, json!(12)));
}
