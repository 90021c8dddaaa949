//! Walks allocate for a request, never for a record: fails if one does.
//!
//! `cargo bench --bench allocations`; `cargo test --benches` runs it too. Each walk reads a request
//! of 1,000 records and one of 4,000, both often enough for buffers to have grown; what the second
//! allocates more than the first would be for its records.

use allocation_counter::measure;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use watchgate::codec::elasticsearch::id::FrameId;
use watchgate::codec::elasticsearch::{Batch, Encoder, FrameInput};
use watchgate::codec::{otlp_logs, otlp_traces, remote_write, zipkin};
use watchgate::limits::Limits;
use watchgate::model::labels::Labels;
use watchgate::model::sample::{Sample, StagedSamples};

const SMALL: usize = 1000;
const LARGE: usize = 4000;

fn main() {
    let limits = Limits::default();
    let mut staged = StagedSamples::default();
    steady("remote write", samples, |body| {
        remote_write::walk(body.to_vec().into(), &limits, &mut staged).expect("a valid request").items
    });
    steady("otlp traces", spans, |body| otlp_traces::walk(body, &limits).expect("a valid request").items);
    steady("otlp logs", logs, |body| otlp_logs::walk(body, &limits).expect("a valid request").items);
    steady("zipkin", zipkin_spans, |body| zipkin::walk(body, &limits).expect("a valid array").items);
    let (mut encoder, mut batch) = (Encoder::default(), Batch::default());
    steady("otlp logs to _bulk", logs, |body| {
        batch.clear();
        let id = FrameId { segment_id: 1, offset: 2 };
        let frame = FrameInput { frame: 0, id, received_at: 0, context: b"", payload: body, from: 0 };
        encoder.encode_otlp_logs(&frame, usize::MAX, &mut batch).expect("a valid request");
        batch.len() as u32
    });
    let mut out = Vec::new();
    steady("otlp traces to zipkin", spans, |body| {
        out.clear();
        zipkin::encode_otlp(body, &mut out).expect("a valid request")
    });
}

/// Fails if `walk` allocates more often for a large request than for a small one.
fn steady(what: &str, make: fn(usize) -> Vec<u8>, mut walk: impl FnMut(&[u8]) -> u32) {
    let bodies = [make(SMALL), make(LARGE)];
    for body in bodies.iter().chain(&bodies) {
        walk(body);
    }
    let [small, large] = [0, 1].map(|at| {
        let mut items = 0;
        let counts = measure(|| items = walk(&bodies[at]));
        assert_eq!(items as usize, [SMALL, LARGE][at], "{what}: items");
        counts.count_total
    });
    println!("{what}: {small} allocations for {SMALL} records, {large} for {LARGE}");
    assert_eq!(small, large, "{what} allocates for its records");
}

fn samples(count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for number in 0..count {
        let labels = Labels::from_pairs([("__name__", "up".to_owned()), ("pod", format!("é-{number:0>200}"))]);
        let plain = Labels::from_pairs([("__name__", "up".to_owned()), ("pod", format!("pod-{number}"))]);
        let labels = if number % 2 == 0 { labels } else { plain };
        let sample = Sample { timestamp_ms: 1_700_000_000_000, value: number as f64 };
        remote_write::encode([(&labels, &[sample][..])], &mut out);
    }
    out
}

fn attributes(number: usize) -> Vec<KeyValue> {
    let pair = |key: &str, value| KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    };
    let mut all = vec![
        pair("url.path", Value::StringValue(format!("/orders/{number}?\"é\""))),
        pair("http.response.status_code", Value::IntValue(number as i64)),
        pair("ratio", Value::DoubleValue(0.5)),
    ];
    // Two shapes in turn: what is remembered of one must not be made anew for the other.
    all.truncate(2 + number % 2);
    all
}

fn spans(count: usize) -> Vec<u8> {
    let span = |number: usize| Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: format!("GET {number}"),
        kind: 3,
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_000_100_000,
        attributes: attributes(number),
        ..Default::default()
    };
    let scope = ScopeSpans { spans: (0..count).map(span).collect(), ..Default::default() };
    let group = ResourceSpans { scope_spans: vec![scope], ..Default::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

fn logs(count: usize) -> Vec<u8> {
    let record = |number: usize| LogRecord {
        time_unix_nano: 1_700_000_000_000_000_000,
        severity_number: 9,
        body: Some(AnyValue { value: Some(Value::StringValue(format!("order {number}\n"))) }),
        attributes: attributes(number),
        trace_id: vec![1; 16],
        ..Default::default()
    };
    let scope = ScopeLogs { log_records: (0..count).map(record).collect(), ..Default::default() };
    let group = ResourceLogs { scope_logs: vec![scope], ..Default::default() };
    ExportLogsServiceRequest { resource_logs: vec![group] }.encode_to_vec()
}

fn zipkin_spans(count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    zipkin::encode_otlp(&spans(count), &mut out).expect("a valid request");
    out
}
