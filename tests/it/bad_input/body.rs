//! Bodies: good ones of some items in each protocol, and the means to spoil them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use watchgate::model::time::wall_clock;

use super::Protocol;
use crate::support::remote_write::{TimeSeries, WriteRequest};

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
}

/// A valid body of `items` items, not compressed.
pub(super) fn plain(protocol: Protocol, items: usize) -> Vec<u8> {
    let now = wall_clock();
    match protocol {
        Protocol::RemoteWrite => {
            let series =
                |item: usize| TimeSeries::new(&[("__name__", "m"), ("item", &item.to_string())], &[(now, 1.0)]);
            WriteRequest { timeseries: (0..items).map(series).collect() }.encode_to_vec()
        }
        Protocol::Zipkin => {
            let span = |item: usize| format!("{{\"traceId\":\"{:016x}\",\"id\":\"{:016x}\"}}", item + 1, item + 1);
            format!("[{}]", (0..items).map(span).collect::<Vec<_>>().join(",")).into_bytes()
        }
        Protocol::Traces => traces((0..items).map(|_| span(1)).collect()),
        Protocol::Logs => {
            logs((0..items).map(|_| AnyValue { value: Some(Any::StringValue("x".to_owned())) }).collect())
        }
        Protocol::Bulk => "{\"create\":{\"_index\":\"logs-a-b\"}}\n{\"message\":\"x\"}\n".repeat(items).into_bytes(),
    }
}

/// As [`plain`], compressed as its senders do.
pub(super) fn usual(protocol: Protocol, items: usize) -> Vec<u8> {
    let plain = plain(protocol, items);
    if protocol == Protocol::RemoteWrite { snappy(&plain) } else { plain }
}

/// A span whose ids are made of `byte`; 0 makes them invalid.
pub(super) fn span(byte: u8) -> Span {
    Span { trace_id: vec![byte; 16], span_id: vec![byte; 8], name: "s".to_owned(), ..Span::default() }
}

pub(super) fn traces(spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

/// Log records of these bodies.
pub(super) fn logs(bodies: Vec<AnyValue>) -> Vec<u8> {
    let record = |body| LogRecord { body: Some(body), ..LogRecord::default() };
    let log_records = bodies.into_iter().map(record).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// Lists in lists.
pub(super) fn deep(depth: usize) -> AnyValue {
    (0..depth).fold(AnyValue { value: Some(Any::IntValue(1)) }, |inner, _| AnyValue {
        value: Some(Any::ArrayValue(ArrayValue { values: vec![inner] })),
    })
}

/// A span with an attribute that is `depth` deep.
pub(super) fn deep_span(depth: usize) -> Span {
    let attribute = KeyValue { key: "k".to_owned(), value: Some(deep(depth)), ..KeyValue::default() };
    Span { attributes: vec![attribute], ..span(2) }
}

pub(super) fn snappy(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).expect("snappy compresses")
}

pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// `megabytes` of `pattern`, made without holding them.
pub(super) fn gzip_bomb(pattern: &[u8], megabytes: usize) -> Vec<u8> {
    let block = pattern.repeat((1 << 20) / pattern.len());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    (0..megabytes).for_each(|_| encoder.write_all(&block).expect("memory takes it"));
    encoder.finish().expect("memory takes it")
}
