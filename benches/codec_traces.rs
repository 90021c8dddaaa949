//! Spans: what a walk and a conversion cost each, beside a blind copy, prost and serde_json.
//!
//! `cargo bench --bench codec_traces`. The allocation counts are per request of 1,000 spans.

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use watchgate::codec::{otlp_traces, zipkin};
use watchgate::limits::Limits;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const SPANS: usize = 1000;

fn main() {
    let (otlp, json) = (otlp(), json());
    println!("{SPANS} spans: {} bytes as OTLP, {} as Zipkin JSON", otlp.len(), json.len());
    divan::main();
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.into())) });
    KeyValue { key: key.into(), value, ..Default::default() }
}

fn span(number: usize) -> Span {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) as u64;
    let port = Some(AnyValue { value: Some(Value::IntValue(mixed as i64 & 0xffff)) });
    let start = 1_700_000_000_000_000_000 + number as u64 * 1_234_567;
    Span {
        trace_id: [mixed.to_be_bytes(), (!mixed).to_be_bytes()].concat(),
        span_id: mixed.to_le_bytes().to_vec(),
        parent_span_id: (mixed ^ 0xff).to_le_bytes().to_vec(),
        name: format!("POST /api/v1/orders/{}", number % 25),
        kind: 2 + (number % 2) as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: start + (mixed >> 40),
        attributes: vec![
            text("http.request.method", "POST"),
            text("url.path", format!("/api/v1/orders/{mixed:x}")),
            text("server.address", "payment.shop.svc.cluster.local"),
            KeyValue { key: "server.port".into(), value: port, ..Default::default() },
            text("user_agent.original", "okhttp/4.12.0"),
        ],
        ..Default::default()
    }
}

/// Ten resources of a hundred spans.
fn otlp() -> Vec<u8> {
    let resource_spans = (0..10).map(|resource| {
        let spans = (0..SPANS / 10).map(|number| span(resource * SPANS / 10 + number)).collect();
        let attributes = vec![
            text("service.name", format!("service-{resource}")),
            text("service.namespace", "shop"),
            text("host.name", format!("node-{resource}.eu-central-1")),
            text("telemetry.sdk.language", "java"),
        ];
        let scope = InstrumentationScope { name: "io.opentelemetry.tomcat-10.0".into(), ..Default::default() };
        ResourceSpans {
            resource: Some(Resource { attributes, ..Default::default() }),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..Default::default() }],
            ..Default::default()
        }
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }.encode_to_vec()
}

fn json() -> Vec<u8> {
    let mut out = Vec::new();
    zipkin::encode_otlp(&otlp(), &mut out).expect("a valid request");
    out
}

fn per_request(bencher: Bencher<'_, '_>, bytes: usize, run: impl FnMut()) {
    bencher.counter(ItemsCount::new(SPANS)).counter(BytesCount::new(bytes)).bench_local(run);
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
        black_box(otlp_traces::walk(black_box(&body), &limits)).expect("a valid request");
    });
}

#[divan::bench]
fn otlp_every_field_and_attribute(bencher: Bencher<'_, '_>) {
    let body = otlp();
    per_request(bencher, body.len(), || {
        let visited = otlp_traces::spans(black_box(&body), &mut |resource, _, span| {
            black_box((resource, span));
            span.attributes.iter().for_each(|attribute| {
                black_box(attribute);
            });
        });
        visited.expect("a valid request");
    });
}

#[divan::bench]
fn otlp_peer_prost_decode(bencher: Bencher<'_, '_>) {
    let body = otlp();
    per_request(bencher, body.len(), || {
        black_box(ExportTraceServiceRequest::decode(black_box(&body[..]))).expect("a valid request");
    });
}

#[divan::bench]
fn otlp_to_zipkin(bencher: Bencher<'_, '_>) {
    let body = otlp();
    let mut out = json();
    per_request(bencher, body.len(), || {
        out.clear();
        zipkin::encode_otlp(black_box(&body), &mut out).expect("a valid request");
    });
}

#[divan::bench]
fn zipkin_floor_copy(bencher: Bencher<'_, '_>) {
    copy(bencher, &json());
}

#[divan::bench]
fn zipkin_walk(bencher: Bencher<'_, '_>) {
    let (body, limits) = (json(), Limits::default());
    per_request(bencher, body.len(), || {
        black_box(zipkin::walk(black_box(&body), &limits)).expect("a valid array");
    });
}

#[divan::bench]
fn zipkin_peer_serde_value(bencher: Bencher<'_, '_>) {
    let body = json();
    per_request(bencher, body.len(), || {
        black_box(serde_json::from_slice::<serde_json::Value>(black_box(&body))).expect("a valid array");
    });
}

#[divan::bench]
fn zipkin_splice_two_frames(bencher: Bencher<'_, '_>) {
    let body = json();
    let mut out = Vec::with_capacity(body.len() * 2);
    per_request(bencher, body.len() * 2, || {
        out.clear();
        zipkin::splice(black_box(&[&body, &body]), &mut out).expect("two arrays");
    });
}
