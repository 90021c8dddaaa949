//! Golden cases, and the views compared with prost's structs on random requests.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::codec::any_value as ours;
use crate::codec::proto::{put_bytes_field, put_varint_field};
use crate::codec::{DecodeErrorKind, Walked};
use crate::limits::Limits;

fn with(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(crate) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(with(value)), ..Default::default() }
}

pub(crate) fn span(name: &str) -> Span {
    let (trace_id, span_id) = (vec![1; 16], vec![2; 8]);
    let (start, end) = (1_700_000_000_123_456_789, 1_700_000_000_223_456_789);
    Span {
        trace_id,
        span_id,
        name: name.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        ..Default::default()
    }
}

fn request(groups: Vec<Vec<Span>>) -> Vec<u8> {
    let resource_spans = groups.into_iter().map(|spans| {
        let scope_spans = vec![ScopeSpans { spans, ..Default::default() }];
        ResourceSpans { scope_spans, ..Default::default() }
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }.encode_to_vec()
}

fn walked(body: &[u8]) -> Walked {
    walk(body, &Limits::default()).unwrap()
}

#[test]
fn counts_spans_and_their_times() {
    let mut early = span("early");
    early.start_time_unix_nano = 0;
    early.end_time_unix_nano = 5_999_999;
    let found = walked(&request(vec![vec![span("a"), early], vec![], vec![span("b")]]));
    assert_eq!(found, Walked { items: 3, time_min_ms: 5, time_max_ms: 1_700_000_000_123, ..Default::default() });
    assert_eq!(walked(b""), Walked::default());
}

#[test]
fn spans_without_valid_ids_or_too_deep_are_cut_out_and_the_first_is_named() {
    type Spoil = fn(&mut Span);
    let cases: [(Spoil, &str); 7] = [
        (|span| span.trace_id = vec![], "span 1: trace id has 0 bytes, not 16"),
        (|span| span.trace_id = vec![0; 16], "span 1: trace id is all zeros"),
        (|span| span.span_id = vec![1; 16], "span 1: span id has 16 bytes, not 8"),
        (|span| span.span_id = vec![0; 8], "span 1: span id is all zeros"),
        (|span| span.parent_span_id = vec![1], "span 1: parent span id has 1 bytes, not 8 or none"),
        (|span| span.links = vec![Link::default()], "span 1: a link's trace id must have 16 bytes and its span id 8"),
        (|span| span.attributes = vec![attribute("a", nested(33))], "span 1: attribute values are nested too deeply"),
    ];
    for (spoil, why) in cases {
        let mut bad = span("bad");
        spoil(&mut bad);
        let body = request(vec![vec![span("a"), bad.clone()], vec![bad.clone(), span("b"), bad], vec![span("c")]]);
        let found = walked(&body);
        assert_eq!((found.items, found.rejected, found.first_rejection.as_deref()), (3, 3, Some(why)));
        assert_eq!(found.kept, Some(request(vec![vec![span("a")], vec![span("b")], vec![span("c")]])), "{why}");
    }
}

/// `depth` lists in each other.
fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::IntValue(1), |value, _| Value::ArrayValue(ArrayValue { values: vec![with(value)] }))
}

#[test]
fn depth_counts_lists_and_maps() {
    let mut deepest = span("a");
    deepest.attributes = vec![attribute("a", nested(32))];
    assert_eq!(walked(&request(vec![vec![deepest]])).items, 1);

    let resource = Some(Resource { attributes: vec![attribute("a", nested(33))], ..Default::default() });
    let resource_spans = vec![ResourceSpans { resource, ..Default::default() }];
    let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    assert_eq!(walk(&body, &Limits::default()).unwrap_err().kind, DecodeErrorKind::TooDeep);
}

#[test]
fn text_that_is_not_utf8_is_malformed_wherever_it_stands() {
    let mut full = span("NAME");
    full.trace_state = "NAME".into();
    full.attributes = vec![attribute("NAME", Value::StringValue("NAME".into()))];
    full.events = vec![Event { name: "NAME".into(), attributes: full.attributes.clone(), ..Default::default() }];
    full.status = Some(Status { message: "NAME".into(), code: 2 });
    let body = request(vec![vec![full]]);
    let places: Vec<usize> = (0..body.len() - 4).filter(|at| &body[*at..at + 4] == b"NAME").collect();
    assert_eq!(places.len(), 8);
    for at in places {
        let mut bad = body.clone();
        bad[at] = 0xc0;
        let error = walk(&bad, &Limits::default()).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::Malformed, "{error}");
        assert!(ExportTraceServiceRequest::decode(&bad[..]).is_err());
    }
}

#[test]
fn a_truncated_request_is_malformed() {
    let body = request(vec![vec![span("a")]]);
    for len in 1..body.len() {
        assert!(walk(&body[..len], &Limits::default()).is_err(), "{len}");
    }
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        "\\PC{0,6}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        // NaN is not equal to itself; the bits are compared for remote write.
        any::<i32>().prop_map(|number| Value::DoubleValue(f64::from(number) / 8.0)),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::BytesValue),
    ]
    .prop_map(with);
    prop_oneof![
        9 => leaf.prop_recursive(3, 8, 3, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..3);
            let pairs = prop::collection::vec(("[a-z]{0,2}", inner), 0..3);
            prop_oneof![
                list.prop_map(|values| with(Value::ArrayValue(ArrayValue { values }))),
                pairs.prop_map(|pairs| with(Value::KvlistValue(KeyValueList { values: pairs.into_iter().map(pair).collect() }))),
            ]
        }),
        1 => Just(AnyValue { value: None }),
    ]
}

fn pair((key, value): (String, AnyValue)) -> KeyValue {
    KeyValue { key, value: Some(value), ..Default::default() }
}

pub(crate) fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::vec(("[a-z.é]{0,3}", any_value()).prop_map(pair), 0..3)
}

prop_compose! {
    fn any_event()(time in any::<u64>(), name in "\\PC{0,4}", attributes in attributes(), dropped in 0u32..3) -> Event {
        Event { time_unix_nano: time, name, attributes, dropped_attributes_count: dropped }
    }
}

prop_compose! {
    fn any_link()(id in 1u8.., state in "[a-z=]{0,4}", attributes in attributes(), dropped in 0u32..3) -> Link {
        Link {
            trace_id: vec![id; 16],
            span_id: vec![id; 8],
            trace_state: state,
            attributes,
            dropped_attributes_count: dropped,
            flags: 0,
        }
    }
}

prop_compose! {
    pub(crate) fn any_span()(
        ids in any::<(u8, u8)>(),
        parent in prop_oneof![Just(vec![]), Just(vec![3; 8])],
        text in ("[a-z=]{0,4}", "\\PC{0,6}"),
        kind in 0..7,
        times in any::<(u64, u64)>(),
        attributes in attributes(),
        events in prop::collection::vec(any_event(), 0..3),
        links in prop::collection::vec(any_link(), 0..3),
        dropped in (0u32..3, 0u32..3, 0u32..3),
        status in prop::option::of(("\\PC{0,4}", 0..4)),
        flags in any::<u32>(),
    ) -> Span {
        Span {
            trace_id: vec![ids.0 % 8; 16],
            span_id: vec![ids.1 % 8; 8],
            parent_span_id: parent,
            trace_state: text.0,
            name: text.1,
            kind,
            start_time_unix_nano: times.0,
            end_time_unix_nano: times.1,
            attributes,
            events,
            links,
            dropped_attributes_count: dropped.0,
            dropped_events_count: dropped.1,
            dropped_links_count: dropped.2,
            status: status.map(|(message, code)| Status { message, code }),
            flags,
        }
    }
}

/// A span's bytes with what decoders must cope with: unknown fields, and a status in two pieces.
fn encode_oddly(span: &Span, out: &mut Vec<u8>) {
    put_varint_field(out, 99, 1);
    if let Some(status) = &span.status {
        let plain = Span { status: Some(Status { message: "overwritten".into(), code: status.code }), ..span.clone() };
        out.extend(plain.encode_to_vec());
        let mut piece = Vec::new();
        put_bytes_field(&mut piece, 2, status.message.as_bytes());
        put_bytes_field(out, 15, &piece);
    } else {
        out.extend(span.encode_to_vec());
    }
    put_bytes_field(out, 2000, b"unknown");
}

/// A request's bytes with the resource and scope in two pieces, one of them behind the spans.
fn odd_request(resource: &[Vec<KeyValue>; 2], scope: &[InstrumentationScope; 2], spans: &[Span]) -> Vec<u8> {
    let piece = |attributes: &Vec<KeyValue>| Resource { attributes: attributes.clone(), ..Default::default() };
    let mut scope_spans = Vec::new();
    put_bytes_field(&mut scope_spans, 1, &scope[0].encode_to_vec());
    for span in spans {
        let mut bytes = Vec::new();
        encode_oddly(span, &mut bytes);
        put_bytes_field(&mut scope_spans, 2, &bytes);
    }
    put_bytes_field(&mut scope_spans, 1, &scope[1].encode_to_vec());
    let mut resource_spans = Vec::new();
    put_bytes_field(&mut resource_spans, 1, &piece(&resource[0]).encode_to_vec());
    put_bytes_field(&mut resource_spans, 2, &scope_spans);
    put_bytes_field(&mut resource_spans, 1, &piece(&resource[1]).encode_to_vec());
    let mut body = Vec::new();
    put_bytes_field(&mut body, 1, &resource_spans);
    put_varint_field(&mut body, 7, 7);
    body
}

fn owned_value(value: ours::AnyValue<'_>) -> AnyValue {
    with(match value {
        ours::AnyValue::Empty => return AnyValue { value: None },
        ours::AnyValue::Text(text) => Value::StringValue(text.into()),
        ours::AnyValue::Bool(value) => Value::BoolValue(value),
        ours::AnyValue::Int(number) => Value::IntValue(number),
        ours::AnyValue::Double(number) => Value::DoubleValue(number),
        ours::AnyValue::Bytes(bytes) => Value::BytesValue(bytes.into()),
        ours::AnyValue::Array(values) => {
            Value::ArrayValue(ArrayValue { values: values.iter().map(owned_value).collect() })
        }
        ours::AnyValue::Map(map) => Value::KvlistValue(KeyValueList { values: owned_attributes(map) }),
    })
}

fn owned_attributes(attributes: ours::Attributes<'_>) -> Vec<KeyValue> {
    attributes.iter().map(|(key, value)| pair((key.into(), owned_value(value)))).collect()
}

fn owned_span(span: &SpanRef<'_>) -> Span {
    let event = |event: EventRef<'_>| Event {
        time_unix_nano: event.time_ns,
        name: event.name.into(),
        attributes: owned_attributes(event.attributes),
        dropped_attributes_count: event.dropped_attributes,
    };
    let link = |link: LinkRef<'_>| Link {
        trace_id: link.trace_id.into(),
        span_id: link.span_id.into(),
        trace_state: link.trace_state.into(),
        attributes: owned_attributes(link.attributes),
        dropped_attributes_count: link.dropped_attributes,
        flags: 0,
    };
    Span {
        trace_id: span.trace_id.into(),
        span_id: span.span_id.into(),
        parent_span_id: span.parent_span_id.into(),
        trace_state: span.trace_state.into(),
        name: span.name.into(),
        kind: span.kind as i32,
        start_time_unix_nano: span.start_ns,
        end_time_unix_nano: span.end_ns,
        attributes: owned_attributes(span.attributes),
        events: span.events().map(event).collect(),
        links: span.links().map(link).collect(),
        dropped_attributes_count: span.dropped_attributes,
        dropped_events_count: span.dropped_events,
        dropped_links_count: span.dropped_links,
        status: Some(Status { message: span.status_message.into(), code: span.status as i32 }),
        flags: span.flags,
    }
}

/// The span as prost reads it, with what our enums do not tell apart made equal.
fn normal(span: &Span) -> Span {
    let mut span = span.clone();
    let status = span.status.get_or_insert_default();
    status.code = if status.code > 2 { 0 } else { status.code };
    span.kind = if span.kind > 5 { 0 } else { span.kind };
    span
}

proptest! {
    #[test]
    fn agrees_with_prost(
        resource in [attributes(), attributes()],
        scopes in [("[a-z]{1,3}", "[0-9]{1,2}", attributes()), ("[a-z]{1,3}", "[0-9]{1,2}", attributes())],
        spans_in in prop::collection::vec(any_span(), 0..4),
    ) {
        let scopes = scopes.map(|(name, version, attributes)| {
            InstrumentationScope { name, version, attributes, dropped_attributes_count: 0 }
        });
        let body = odd_request(&resource, &scopes, &spans_in);
        let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        let group = &request.resource_spans[0];
        let theirs = &group.scope_spans[0];
        let mut seen = Vec::new();
        spans(&body, &mut |resource, scope, span| {
            assert_eq!(owned_attributes(resource.attributes), group.resource.as_ref().unwrap().attributes);
            let their_scope = theirs.scope.as_ref().unwrap();
            assert_eq!((scope.name, scope.version), (&*their_scope.name, &*their_scope.version));
            assert_eq!(owned_attributes(scope.attributes), their_scope.attributes);
            seen.push(owned_span(span));
        }).unwrap();
        prop_assert_eq!(&seen, &theirs.spans.iter().map(normal).collect::<Vec<_>>());

        let valid = |span: &&Span| span.trace_id[0] != 0 && span.span_id[0] != 0;
        let kept: Vec<Span> = theirs.spans.iter().filter(valid).map(normal).collect();
        let found = walked(&body);
        prop_assert_eq!(found.items as usize, kept.len());
        prop_assert_eq!((found.items + found.rejected) as usize, theirs.spans.len());
        prop_assert_eq!(found.kept.is_some(), found.rejected > 0);
        let again = found.kept.clone().unwrap_or(body);
        prop_assert_eq!(walked(&again), Walked { rejected: 0, first_rejection: None, kept: None, ..found });
        let again = ExportTraceServiceRequest::decode(&again[..]).unwrap();
        let left: Vec<Span> = again.resource_spans[0].scope_spans[0].spans.iter().map(normal).collect();
        prop_assert_eq!(left, kept);
    }

    #[test]
    fn garbage_never_panics_and_prost_refuses_what_we_refuse(
        spans_in in prop::collection::vec(any_span(), 0..3),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut body = request(vec![spans_in]);
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        match walk(&body, &Limits::default()) {
            Ok(found) => {
                let body = found.kept.unwrap_or(body);
                let mut count = 0;
                spans(&body, &mut |_, _, span| {
                    count += 1;
                    owned_span(span);
                }).unwrap();
                prop_assert_eq!(count, found.items);
            }
            // prost knows groups.
            Err(error) if error.what.contains("wire type") || error.kind != DecodeErrorKind::Malformed => {}
            Err(error) => prop_assert!(ExportTraceServiceRequest::decode(&body[..]).is_err(), "{}", error),
        }
    }
}
