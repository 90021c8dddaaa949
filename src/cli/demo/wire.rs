//! The bytes that the shop's services put on the wire, each in its own protocol.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Client;

use crate::codec::proto::{put_bytes_field, put_fixed64_field, put_varint_field};
use crate::codec::{compression, remote_write};
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::model::time::{Millis, rfc3339};

/// One order's way through the shop.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) trace_id: u128,
    pub(super) root_span: u64,
    pub(super) started: Millis,
    pub(super) channel: &'static str,
    pub(super) failed: bool,
}

/// Posts to the gateway as the services would.
pub(super) struct Sender {
    http: Client,
    base: String,
}

/// `{resource}{scope}{records}`: the nesting that OTLP traces and logs share.
fn otlp_request(service: &str, records: &[Vec<u8>]) -> Vec<u8> {
    let mut resource = Vec::new();
    put_bytes_field(&mut resource, 1, &attribute("service.name", service));
    let mut scope = Vec::new();
    for record in records {
        put_bytes_field(&mut scope, 2, record);
    }
    let mut of_resource = Vec::new();
    put_bytes_field(&mut of_resource, 1, &resource);
    put_bytes_field(&mut of_resource, 2, &scope);
    let mut request = Vec::new();
    put_bytes_field(&mut request, 1, &of_resource);
    request
}

/// `KeyValue{key=1, value=2{string_value=1}}`.
fn attribute(key: &str, value: &str) -> Vec<u8> {
    let mut any = Vec::new();
    put_bytes_field(&mut any, 1, value.as_bytes());
    let mut pair = Vec::new();
    put_bytes_field(&mut pair, 1, key.as_bytes());
    put_bytes_field(&mut pair, 2, &any);
    pair
}

fn nanos(time: Millis) -> u64 {
    u64::try_from(time).unwrap_or(0) * 1_000_000
}

/// The payment service's server span.
fn payment_span(order: &Order) -> Vec<u8> {
    let mut span = Vec::new();
    put_bytes_field(&mut span, 1, &order.trace_id.to_be_bytes());
    put_bytes_field(&mut span, 2, &(order.root_span ^ 2).to_be_bytes());
    put_bytes_field(&mut span, 4, &(order.root_span ^ 1).to_be_bytes());
    put_bytes_field(&mut span, 5, b"POST /pay");
    put_varint_field(&mut span, 6, 2);
    put_fixed64_field(&mut span, 7, nanos(order.started + 4));
    put_fixed64_field(&mut span, 8, nanos(order.started + 30));
    put_bytes_field(&mut span, 9, &attribute("payment.channel", order.channel));
    if order.failed {
        let mut status = Vec::new();
        put_bytes_field(&mut status, 2, b"channel refused the payment");
        put_varint_field(&mut status, 3, 2);
        put_bytes_field(&mut span, 15, &status);
    }
    span
}

/// The payment's call to the database.
fn database_span(order: &Order) -> Vec<u8> {
    let mut span = Vec::new();
    put_bytes_field(&mut span, 1, &order.trace_id.to_be_bytes());
    put_bytes_field(&mut span, 2, &(order.root_span ^ 3).to_be_bytes());
    put_bytes_field(&mut span, 4, &(order.root_span ^ 2).to_be_bytes());
    put_bytes_field(&mut span, 5, b"INSERT payments");
    put_varint_field(&mut span, 6, 3);
    put_fixed64_field(&mut span, 7, nanos(order.started + 8));
    put_fixed64_field(&mut span, 8, nanos(order.started + 12));
    put_bytes_field(&mut span, 9, &attribute("peer.service", "database"));
    span
}

fn payment_log(order: &Order) -> Vec<u8> {
    let (severity, text, body) =
        if order.failed { (17, "ERROR", "payment failed") } else { (9, "INFO", "payment taken") };
    let mut any = Vec::new();
    put_bytes_field(&mut any, 1, body.as_bytes());
    let mut record = Vec::new();
    put_fixed64_field(&mut record, 1, nanos(order.started + 30));
    put_varint_field(&mut record, 2, severity);
    put_bytes_field(&mut record, 3, text.as_bytes());
    put_bytes_field(&mut record, 5, &any);
    put_bytes_field(&mut record, 6, &attribute("event", "payment"));
    put_bytes_field(&mut record, 6, &attribute("channel", order.channel));
    put_bytes_field(&mut record, 9, &order.trace_id.to_be_bytes());
    put_bytes_field(&mut record, 10, &(order.root_span ^ 2).to_be_bytes());
    record
}

/// The web gateway's and the order service's spans, as Zipkin JSON.
fn zipkin_spans(orders: &[Order]) -> String {
    let mut json = String::from("[");
    for order in orders {
        let Order { trace_id, root_span, started, .. } = order;
        let micros = started * 1000;
        for (id, parent, service, name, offset, duration) in [
            (*root_span, None, "gateway", "post /orders", 0, 40_000),
            (root_span ^ 1, Some(*root_span), "order", "place order", 2_000, 36_000),
        ] {
            if json.len() > 1 {
                json.push(',');
            }
            let parent = parent.map(|parent| format!(r#""parentId":"{parent:016x}","#)).unwrap_or_default();
            // writing to a String cannot fail
            let _ = write!(
                json,
                r#"{{"traceId":"{trace_id:032x}","id":"{id:016x}",{parent}"name":"{name}","kind":"SERVER","timestamp":{},"duration":{duration},"localEndpoint":{{"serviceName":"{service}"}}}}"#,
                micros + offset
            );
        }
    }
    json.push(']');
    json
}

/// The web gateway's access log, as a log shipper sends it.
fn access_log(orders: &[Order]) -> String {
    let mut lines = String::new();
    for order in orders {
        let status = if order.failed { 502 } else { 201 };
        // writing to a String cannot fail
        let _ = writeln!(
            lines,
            "{{\"create\":{{}}}}\n{{\"@timestamp\":\"{}\",\"message\":\"POST /orders {status}\",\"service.name\":\"gateway\",\"http.response.status_code\":{status},\"trace.id\":\"{:032x}\"}}",
            rfc3339(order.started),
            order.trace_id
        );
    }
    lines
}

impl Sender {
    pub(super) fn new(ingest: SocketAddr) -> Self {
        Self { http: Client::new(), base: format!("http://{ingest}") }
    }

    /// Posts once; answers 1 if it was not accepted.
    async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> u64 {
        let mut request =
            self.http.post(format!("{}{path}", self.base)).timeout(Duration::from_secs(5)).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let accepted = request.send().await.is_ok_and(|response| response.status().is_success());
        u64::from(!accepted)
    }

    pub(super) async fn remote_write(&self, series: &[(Labels, f64, Millis)]) -> u64 {
        let samples: Vec<(Labels, Vec<Sample>)> = series
            .iter()
            .map(|(labels, value, at)| (labels.clone(), vec![Sample { timestamp_ms: *at, value: *value }]))
            .collect();
        let mut body = Vec::new();
        remote_write::encode(samples.iter().map(|(labels, samples)| (labels, samples.as_slice())), &mut body);
        let mut packed = Vec::new();
        if compression::snappy(&body, &mut packed).is_err() {
            return 1;
        }
        let headers = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ];
        self.post("/api/v1/write", &headers, packed).await
    }

    pub(super) async fn zipkin(&self, orders: &[Order]) -> u64 {
        self.post("/api/v2/spans", &[("content-type", "application/json")], zipkin_spans(orders)).await
    }

    pub(super) async fn otlp_traces(&self, orders: &[Order]) -> u64 {
        let spans: Vec<_> = orders.iter().flat_map(|order| [payment_span(order), database_span(order)]).collect();
        let mut body = Vec::new();
        if compression::gzip(&otlp_request("payment", &spans), &mut body).is_err() {
            return 1;
        }
        let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "gzip")];
        self.post("/v1/traces", &headers, body).await
    }

    pub(super) async fn otlp_logs(&self, orders: &[Order]) -> u64 {
        let records: Vec<_> = orders.iter().map(payment_log).collect();
        let body = otlp_request("payment", &records);
        self.post("/v1/logs", &[("content-type", "application/x-protobuf")], body).await
    }

    pub(super) async fn bulk(&self, orders: &[Order]) -> u64 {
        let path = "/logs-shop.access-demo/_bulk";
        self.post(path, &[("content-type", "application/x-ndjson")], access_log(orders)).await
    }
}
