//! Logs: what walks, answers and documents cost, beside a blind copy, prost and serde_json.
//!
//! `cargo bench --bench codec_logs`. Items are log records or documents; the allocation counts are
//! per request of 1,000 of them.

use std::ops::ControlFlow;

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use watchgate::codec::bulk::{self, answer};
use watchgate::codec::elasticsearch::id::FrameId;
use watchgate::codec::elasticsearch::{Batch, Encoder, FrameInput, response};
use watchgate::codec::otlp_logs;
use watchgate::limits::Limits;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const RECORDS: usize = 1000;
const ID: FrameId = FrameId { segment_id: 0x5eed, offset: 4096 };

fn main() {
    let (otlp, bulk) = (otlp(), bulk_body());
    println!("{RECORDS} records: {} bytes as OTLP, {} as _bulk documents", otlp.len(), bulk.len());
    divan::main();
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.into())) });
    KeyValue { key: key.into(), value, ..Default::default() }
}

fn record(number: usize) -> LogRecord {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) as u64;
    let body = format!("order {mixed:x} accepted for customer {} in {} ms", mixed % 9973, mixed % 400);
    let amount = Some(AnyValue { value: Some(Value::IntValue((mixed % 100_000) as i64)) });
    LogRecord {
        time_unix_nano: 1_700_000_000_000_000_000 + number as u64 * 1_234_567,
        observed_time_unix_nano: 1_700_000_000_000_100_000 + number as u64 * 1_234_567,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(AnyValue { value: Some(Value::StringValue(body)) }),
        attributes: vec![
            text("thread.name", format!("http-nio-8080-exec-{}", number % 40)),
            text("http.request.method", "POST"),
            text("url.path", format!("/api/v1/orders/{mixed:x}")),
            text("channel", "alipay"),
            KeyValue { key: "amount".into(), value: amount, ..Default::default() },
        ],
        trace_id: [mixed.to_be_bytes(), (!mixed).to_be_bytes()].concat(),
        span_id: mixed.to_le_bytes().to_vec(),
        ..Default::default()
    }
}

/// Ten resources of a hundred records.
fn otlp() -> Vec<u8> {
    let resource_logs = (0..10).map(|resource| {
        let log_records = (0..RECORDS / 10).map(|number| record(resource * RECORDS / 10 + number)).collect();
        let attributes = vec![
            text("service.name", format!("service-{resource}")),
            text("service.version", "1.4.2"),
            text("deployment.environment", "prod"),
            text("host.name", format!("node-{resource}.eu-central-1")),
            text("telemetry.sdk.language", "java"),
        ];
        let scope = InstrumentationScope { name: "com.shop.OrderController".into(), ..Default::default() };
        ResourceLogs {
            resource: Some(Resource { attributes, ..Default::default() }),
            scope_logs: vec![ScopeLogs { scope: Some(scope), log_records, ..Default::default() }],
            ..Default::default()
        }
    });
    ExportLogsServiceRequest { resource_logs: resource_logs.collect() }.encode_to_vec()
}

fn frame(payload: &[u8]) -> FrameInput<'_> {
    FrameInput { frame: 0, id: ID, received_at: 1_700_000_000_000, context: b"", payload, from: 0 }
}

/// The same records as a sender of `_bulk` would write them.
fn bulk_body() -> Vec<u8> {
    let mut batch = Batch::default();
    let encoded = Encoder::default().encode_otlp_logs(&frame(&otlp()), usize::MAX, &mut batch);
    assert!(matches!(encoded, Ok(None)));
    let mut out = Vec::new();
    for document in bulk::items(batch.body()) {
        out.extend_from_slice(b"{\"create\":{\"_index\":\"logs-app-default\"}}\n");
        out.extend_from_slice(document.source);
        out.push(b'\n');
    }
    out
}

fn per_request(bencher: Bencher<'_, '_>, bytes: usize, run: impl FnMut()) {
    bencher.counter(ItemsCount::new(RECORDS)).counter(BytesCount::new(bytes)).bench_local(run);
}

fn copy(bencher: Bencher<'_, '_>, body: &[u8]) {
    let mut copy = Vec::with_capacity(body.len());
    per_request(bencher, body.len(), || {
        copy.clear();
        copy.extend_from_slice(black_box(body));
        black_box(&copy);
    });
}

#[divan::bench]
fn otlp_floor_copy(bencher: Bencher<'_, '_>) {
    copy(bencher, &otlp());
}

#[divan::bench]
fn otlp_walk(bencher: Bencher<'_, '_>) {
    let (body, limits) = (otlp(), Limits::default());
    per_request(bencher, body.len(), || {
        black_box(otlp_logs::walk(black_box(&body), &limits)).expect("a valid request");
    });
}

#[divan::bench]
fn otlp_every_field_and_attribute(bencher: Bencher<'_, '_>) {
    let body = otlp();
    per_request(bencher, body.len(), || {
        let visited = otlp_logs::logs(black_box(&body), &mut |resource, _, record| {
            black_box((resource, record));
            record.attributes.iter().for_each(|attribute| {
                black_box(attribute);
            });
            ControlFlow::Continue(())
        });
        visited.expect("a valid request");
    });
}

#[divan::bench]
fn otlp_peer_prost_decode(bencher: Bencher<'_, '_>) {
    let body = otlp();
    per_request(bencher, body.len(), || {
        black_box(ExportLogsServiceRequest::decode(black_box(&body[..]))).expect("a valid request");
    });
}

#[divan::bench]
fn otlp_to_elasticsearch(bencher: Bencher<'_, '_>) {
    let body = otlp();
    let (mut encoder, mut batch) = (Encoder::default(), Batch::default());
    per_request(bencher, body.len(), || {
        batch.clear();
        encoder.encode_otlp_logs(&frame(black_box(&body)), usize::MAX, &mut batch).expect("a valid request");
    });
}

/// What a straightforward program does: prost structs, a `serde_json::Value` a document.
#[divan::bench]
fn otlp_to_elasticsearch_peer_prost_and_serde(bencher: Bencher<'_, '_>) {
    let body = otlp();
    let mut out = Vec::new();
    per_request(bencher, body.len(), || {
        out.clear();
        let request = ExportLogsServiceRequest::decode(black_box(&body[..])).expect("a valid request");
        for group in &request.resource_logs {
            let resource = group.resource.as_ref().expect("a resource");
            for record in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
                let mut document = serde_json::Map::new();
                document.insert("@timestamp".into(), record.time_unix_nano.into());
                for pair in resource.attributes.iter().chain(&record.attributes) {
                    document.insert(pair.key.clone(), scalar(pair.value.as_ref()));
                }
                document.insert("message".into(), scalar(record.body.as_ref()));
                document.insert("log.level".into(), record.severity_text.clone().into());
                out.extend_from_slice(b"{\"create\":{\"_index\":\"logs-generic-default\"}}\n");
                serde_json::to_writer(&mut out, &document).expect("memory");
                out.push(b'\n');
            }
        }
        black_box(&out);
    });
}

fn scalar(value: Option<&AnyValue>) -> serde_json::Value {
    match value.and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone().into(),
        Some(Value::IntValue(number)) => (*number).into(),
        _ => serde_json::Value::Null,
    }
}

#[divan::bench]
fn bulk_floor_copy(bencher: Bencher<'_, '_>) {
    copy(bencher, &bulk_body());
}

#[divan::bench]
fn bulk_walk(bencher: Bencher<'_, '_>) {
    let (body, limits) = (bulk_body(), Limits::default());
    per_request(bencher, body.len(), || {
        black_box(bulk::walk(black_box(&body), None, &limits)).expect("a valid request");
    });
}

#[divan::bench]
fn bulk_peer_serde_value(bencher: Bencher<'_, '_>) {
    let body = bulk_body();
    per_request(bencher, body.len(), || {
        for line in black_box(&body).split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            black_box(serde_json::from_slice::<serde_json::Value>(line)).expect("JSON");
        }
    });
}

#[divan::bench]
fn bulk_answer_as_beats_ask_for_it(bencher: Bencher<'_, '_>) {
    let body = bulk_body();
    let found = bulk::walk(&body, None, &Limits::default()).expect("a valid request");
    let filter = bulk::filter::FilterPath::parse("errors,items.*.error,items.*.status");
    let context =
        answer::Context { body: &body, default_index: None, frame: Some(ID), took_ms: 1, filter: Some(&filter) };
    per_request(bencher, body.len(), || {
        black_box(answer::answer(black_box(&found), &context));
    });
}

#[divan::bench]
fn bulk_to_elasticsearch(bencher: Bencher<'_, '_>) {
    let body = bulk_body();
    let (mut encoder, mut batch) = (Encoder::default(), Batch::default());
    per_request(bencher, body.len(), || {
        batch.clear();
        black_box(encoder.encode_bulk(&frame(black_box(&body)), usize::MAX, &mut batch));
    });
}

#[divan::bench]
fn response_with_one_error(bencher: Bencher<'_, '_>) {
    let mut items = vec![r#"{"create":{"_index":"logs-app-default","status":201}}"#; RECORDS];
    items[7] = r#"{"create":{"_index":"i","status":400,"error":{"type":"document_parsing_exception","reason":"no"}}}"#;
    let body = format!(r#"{{"errors":true,"items":[{}]}}"#, items.join(","));
    per_request(bencher, body.len(), || {
        black_box(response::parse(black_box(body.as_bytes()), RECORDS)).expect("an answer");
    });
}
