//! Stories of documents: what a record or a `_bulk` line looks like when it reaches the store.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value as Any,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};

use super::*;
use crate::codec::bulk;
use crate::codec::otlp_logs::tests::requests;
use crate::limits::Limits;

const ID: FrameId = FrameId { segment_id: 1, offset: 2 };
/// 2026-11-22T20:15:30.123Z
const RECEIVED_AT: Millis = 1_795_378_530_123;

fn frame<'a>(payload: &'a [u8], context: &'a [u8]) -> FrameInput<'a> {
    FrameInput { frame: 0, id: ID, received_at: RECEIVED_AT, context, payload, from: 0 }
}

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text(text: &str) -> AnyValue {
    any(Any::StringValue(text.into()))
}

fn pairs(pairs: Vec<(&str, AnyValue)>) -> Vec<KeyValue> {
    let pair = |(key, value): (&str, AnyValue)| KeyValue { key: key.into(), value: Some(value), ..Default::default() };
    pairs.into_iter().map(pair).collect()
}

fn map(entries: Vec<(&str, AnyValue)>) -> AnyValue {
    any(Any::KvlistValue(KeyValueList { values: pairs(entries) }))
}

fn request(resource: Vec<(&str, AnyValue)>, scope: &str, log_records: Vec<LogRecord>) -> Vec<u8> {
    let scope = InstrumentationScope { name: scope.into(), ..Default::default() };
    let scope_logs = vec![ScopeLogs { scope: Some(scope), log_records, ..Default::default() }];
    let resource = Resource { attributes: pairs(resource), ..Default::default() };
    let resource_logs = vec![ResourceLogs { resource: Some(resource), scope_logs, ..Default::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// Action and source of each item.
fn documents(batch: &Batch) -> Vec<(Value, Value)> {
    let read = |at| {
        let lines = std::str::from_utf8(batch.lines(at)).expect("UTF-8");
        let mut lines = lines.strip_suffix('\n').expect("a newline at the end").split('\n');
        let mut next = || serde_json::from_str(lines.next().expect("two lines")).expect("JSON");
        (next(), next())
    };
    (0..batch.len()).map(read).collect()
}

fn encoded(body: &[u8]) -> Vec<(Value, Value)> {
    let mut batch = Batch::default();
    assert_eq!(Encoder::default().encode_otlp_logs(&frame(body, b""), usize::MAX, &mut batch), Ok(None));
    documents(&batch)
}

fn source(resource: Vec<(&str, AnyValue)>, record: LogRecord) -> Value {
    encoded(&request(resource, "", vec![record])).remove(0).1
}

fn with_attributes(attributes: Vec<(&str, AnyValue)>) -> LogRecord {
    LogRecord { time_unix_nano: 1, attributes: pairs(attributes), ..Default::default() }
}

#[test]
fn a_record_becomes_a_document_in_ecs_field_names() {
    let record = LogRecord {
        time_unix_nano: 1_795_378_530_123_456_789,
        severity_number: 17,
        severity_text: "Error".into(),
        body: Some(text("payment \"7\" failed\n支付失败")),
        attributes: pairs(vec![
            ("http.request.method", text("POST")),
            ("exception.stacktrace", text("at A\n\tat B")),
            ("exception.type", text("java.io.IOException")),
            ("order.id", any(Any::IntValue(i64::MAX))),
            ("ratio", any(Any::DoubleValue(0.1))),
            ("nan", any(Any::DoubleValue(f64::NAN))),
            ("ok", any(Any::BoolValue(false))),
            ("raw", any(Any::BytesValue(vec![0, 255]))),
            ("tags", any(Any::ArrayValue(ArrayValue { values: vec![text("a"), AnyValue { value: None }] }))),
            ("cart", map(vec![("items", any(Any::IntValue(2))), ("sum", map(vec![]))])),
        ]),
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
        event_name: "payment".into(),
        ..Default::default()
    };
    let resource = vec![
        ("service.name", text("pay")),
        ("service.version", text("1.2")),
        ("service.instance.id", text("pay-1")),
        ("deployment.environment.name", text("prod")),
        ("host.name", text("node-3")),
        ("os.type", text("linux")),
        ("k8s.pod.name", text("pay-abc")),
        ("telemetry.sdk.name", text("opentelemetry")),
        ("telemetry.sdk.language", text("java")),
        ("telemetry.sdk.version", text("1.50")),
    ];
    let (action, source) = encoded(&request(resource, "com.shop.Pay", vec![record])).remove(0);
    let mut id = Vec::new();
    ID.write_id(0, 0, &mut id);
    assert_eq!(action, json!({"create": {"_index": "logs-generic-default", "_id": String::from_utf8(id).unwrap()}}));
    assert_eq!(
        source,
        json!({
            "@timestamp": "2026-11-22T20:15:30.123456789Z",
            "message": "payment \"7\" failed\n支付失败",
            "log.level": "Error", "log.logger": "com.shop.Pay",
            "trace.id": "0102030405060708090a0b0c0d0e0f10", "span.id": "0102030405060708",
            "event.severity": 17, "event.action": "payment",
            "service.name": "pay", "service.version": "1.2", "service.node.name": "pay-1",
            "service.environment": "prod", "host.name": "node-3", "host.hostname": "node-3",
            "host.os.platform": "linux", "host.os.type": "linux", "kubernetes.pod.name": "pay-abc",
            "agent.name": "opentelemetry/java", "agent.version": "1.50",
            "http.request.method": "POST", "error.stack_trace": "at A\n\tat B", "error.type": "java.io.IOException",
            "order.id": i64::MAX, "ratio": 0.1, "nan": null, "ok": false, "raw": "AP8=", "tags": ["a", null],
            "cart": {"items": 2, "sum": {}},
        })
    );
}

#[test]
fn bodies_of_every_kind_are_kept() {
    let with_body = |body| source(vec![], LogRecord { body: Some(body), ..Default::default() });
    for (body, field, wanted) in [
        (any(Any::IntValue(-5)), "message", json!("-5")),
        (any(Any::BoolValue(true)), "message", json!("true")),
        (any(Any::DoubleValue(f64::INFINITY)), "message", json!("inf")),
        (any(Any::BytesValue(vec![1])), "message", json!("AQ==")),
        (map(vec![("a", text("b"))]), "body.structured", json!({"a": "b"})),
        (any(Any::ArrayValue(ArrayValue { values: vec![text("x")] })), "body.structured", json!({"value": ["x"]})),
    ] {
        assert_eq!(with_body(body)[field], wanted);
    }
}

#[test]
fn a_record_without_a_time_has_the_time_it_was_seen_or_received() {
    let observed = LogRecord { observed_time_unix_nano: 1_000, ..Default::default() };
    assert_eq!(source(vec![], observed)["@timestamp"], "1970-01-01T00:00:00.000001000Z");
    let neither = LogRecord { severity_number: 9, ..Default::default() };
    let document = source(vec![], neither);
    assert_eq!(document["@timestamp"], "2026-11-22T20:15:30.123000000Z");
    assert_eq!(document["log.level"], "INFO");
}

#[test]
fn names_that_would_conflict_are_kept_apart() {
    let resource = vec![("env", text("resource")), ("host.name", text("h")), ("zone", text("z"))];
    let record = LogRecord {
        body: Some(text("body")),
        ..with_attributes(vec![
            ("env", text("record")),
            ("twice", text("1")),
            ("twice", text("2")),
            ("a", text("scalar")),
            ("a.b", text("below")),
            ("a-b", text("between")),
            ("zone.id", text("renames the resource's")),
            ("message", text("attribute")),
            ("message.id", text("below a field of ours")),
            ("_id", text("metadata")),
            ("_own", text("not metadata")),
            ("", text("empty")),
            (".x..y.", text("dots")),
            ("m", map(vec![("k", text("1")), ("k", text("2")), ("k.z", text("3"))])),
        ])
    };
    let mut document = source(resource, record);
    for known in ["@timestamp", "agent.name", "host.name", "host.hostname"] {
        document.as_object_mut().unwrap().remove(known).expect(known);
    }
    assert_eq!(
        document,
        json!({
            "message": "body", "env": "record", "twice": "2", "a.value": "scalar", "a.b": "below", "a-b": "between",
            "zone.value": "z", "zone.id": "renames the resource's", "attributes.message.value": "attribute",
            "attributes.message.id": "below a field of ours", "attributes._id": "metadata", "_own": "not metadata",
            "_": "empty", "x.y": "dots", "m": {"k.value": "2", "k.z": "3"},
        })
    );
    let no_body = with_attributes(vec![("message", text("attribute")), ("trace.id", text("t"))]);
    let document = source(vec![], no_body);
    assert_eq!((&document["message"], &document["trace.id"]), (&json!("attribute"), &json!("t")));
}

#[test]
fn attributes_choose_the_data_stream() {
    let resource = vec![("data_stream.dataset", text("shop")), ("data_stream.namespace", text("eu"))];
    let records =
        vec![with_attributes(vec![]), with_attributes(vec![("data_stream.dataset", text("Pay-1")), ("x", text("y"))])];
    let body = request(resource, "", records);
    let found = encoded(&body);
    let index = |at: usize| found[at].0["create"]["_index"].as_str().unwrap().to_owned();
    assert_eq!((index(0), index(1)), ("logs-shop-eu".into(), "logs-pay_1-eu".into()));
    assert!(found.iter().all(|(_, source)| source.as_object().unwrap().keys().all(|key| !key.starts_with("data_"))));

    let mut encoder = Encoder::new(Options { index: "plain".into(), document_ids: false });
    let mut batch = Batch::default();
    encoder.encode_otlp_logs(&frame(&body, b""), usize::MAX, &mut batch).unwrap();
    let (action, source) = documents(&batch).remove(1);
    assert_eq!(action, json!({"create": {"_index": "plain"}}));
    assert_eq!(source["data_stream.dataset"], "Pay-1");
}

#[test]
fn a_large_frame_is_encoded_piece_by_piece() {
    let records = (0..10).map(|_| with_attributes(vec![("x", text("y"))])).collect();
    let body = request(vec![("service.name", text("s"))], "", records);
    let mut whole = Batch::default();
    let mut encoder = Encoder::default();
    assert_eq!(encoder.encode_otlp_logs(&frame(&body, b""), usize::MAX, &mut whole), Ok(None));
    let (mut pieces, mut batch, mut from) = (Vec::new(), Batch::default(), Some(0));
    while let Some(start) = from {
        batch.clear();
        let piece = FrameInput { from: start, ..frame(&body, b"") };
        from = encoder.encode_otlp_logs(&piece, 300, &mut batch).unwrap();
        assert_eq!(batch.items()[0].ordinal, start);
        pieces.extend_from_slice(batch.body());
    }
    assert_eq!(pieces, whole.body());
}

fn bulk_documents(body: &str, context: &[u8]) -> Vec<(Value, Value)> {
    let mut batch = Batch::default();
    assert_eq!(Encoder::default().encode_bulk(&frame(body.as_bytes(), context), usize::MAX, &mut batch), None);
    documents(&batch)
}

#[test]
fn bulk_action_lines_are_rewritten_and_sources_copied() {
    let mut ids = (0..8).map(|ordinal| {
        let mut id = Vec::new();
        ID.write_id(ordinal, 0, &mut id);
        String::from_utf8(id).unwrap()
    });
    let ids: Vec<_> = ids.by_ref().collect();
    let body = concat!(
        "{\"index\":{}}\n{\"n\": 1.0}\n",
        "{\"index\":{\"_index\":\"mine\",\"_id\":\"a\\\"b\",\"_type\":\"_doc\",\"version\":3,\"version_type\":\"external\"}}\n{}\n",
        "\n{\"create\":{\"_index\":\"mine\",\"_id\":5,\"routing\":\"r\"}}\r\n{ }\r\n",
        "{\"index\":{\"_index\":\"logs-a-b\",\"_id\":\"x\",\"pipeline\":\"own\"}}\n{\"@timestamp\":1}\n",
        "{\"index\":{\"_index\":\"mine\",\"op_type\":\"create\",\"_id\":\"y\",\"dynamic_templates\":{\"a\":\"t\"}}}\n{\"x\":\"@timestamp\"}",
    );
    let context = bulk::Defaults { index: Some("logs-app-default"), pipeline: Some("p"), routing: None }.encode();
    let time = "2026-11-22T20:15:30.123000000Z";
    assert_eq!(
        bulk_documents(body, &context),
        [
            (
                json!({"create": {"_index": "logs-app-default", "_id": ids[0], "pipeline": "p"}}),
                json!({"@timestamp": time, "n": 1.0})
            ),
            (
                json!({"index": {"_index": "mine", "_id": "a\"b", "version": 3, "version_type": "external", "pipeline": "p"}}),
                json!({})
            ),
            (json!({"create": {"_index": "mine", "_id": "5", "routing": "r", "pipeline": "p"}}), json!({})),
            (json!({"create": {"_index": "logs-a-b", "_id": "x", "pipeline": "own"}}), json!({"@timestamp": 1})),
            (
                json!({"create": {"_index": "mine", "_id": "y", "dynamic_templates": {"a": "t"}, "pipeline": "p"}}),
                json!({"x": "@timestamp"})
            ),
        ]
    );
    assert_eq!(bulk_documents("{\"index\":{}}\n{ }\n", b"logs-a-b")[0].1, json!({"@timestamp": time}));
}

/// Whether no object in a JSON text has a name twice.
fn names_are_unique(text: &str) -> bool {
    struct Unique;
    impl<'de> serde::de::Visitor<'de> for Unique {
        type Value = bool;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("JSON")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            let (mut names, mut unique) = (std::collections::HashSet::new(), true);
            while let Some(name) = map.next_key::<String>()? {
                unique &= names.insert(name) & map.next_value_seed(Self)?;
            }
            Ok(unique)
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
            let mut unique = true;
            while let Some(inner) = seq.next_element_seed(Self)? {
                unique &= inner;
            }
            Ok(unique)
        }
        fn visit_str<E>(self, _: &str) -> Result<bool, E> {
            Ok(true)
        }
        fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
            Ok(true)
        }
        fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
            Ok(true)
        }
        fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
            Ok(true)
        }
        fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
            Ok(true)
        }
        fn visit_unit<E>(self) -> Result<bool, E> {
            Ok(true)
        }
    }
    impl<'de> serde::de::DeserializeSeed<'de> for Unique {
        type Value = bool;
        fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
            deserializer.deserialize_any(self)
        }
    }
    serde::de::DeserializeSeed::deserialize(Unique, &mut serde_json::Deserializer::from_str(text)).unwrap()
}

proptest! {
    #[test]
    fn any_request_becomes_a_bulk_request_that_a_bulk_walk_takes(request in requests()) {
        let body = request.encode_to_vec();
        let mut encoder = Encoder::default();
        let mut batch = Batch::default();
        // Twice: the second time every shape is known.
        for _ in 0..2 {
            batch.clear();
            encoder.encode_otlp_logs(&frame(&body, b""), usize::MAX, &mut batch).unwrap();
            let records: Vec<_> = request.resource_logs.iter().flat_map(|group| &group.scope_logs)
                .flat_map(|group| &group.log_records).collect();
            prop_assert_eq!(batch.len(), records.len());
            if records.is_empty() {
                continue;
            }
            let found = bulk::walk(batch.body(), None, &Limits::default()).unwrap();
            prop_assert_eq!((found.walked.items as usize, found.walked.rejected), (records.len(), 0));
            for (line, record) in bulk::items(batch.body()).zip(records) {
                let text = std::str::from_utf8(line.source).unwrap();
                prop_assert!(names_are_unique(text), "{}", text);
                let document: Value = serde_json::from_str(text).unwrap();
                let names: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
                for name in &names {
                    let parent = &document[*name];
                    let clash = names.iter().any(|other| value::is_below(other, name));
                    prop_assert!(!clash || parent.is_object(), "{} in {}", name, text);
                }
                if let Some(Any::StringValue(message)) = record.body.as_ref().and_then(|body| body.value.as_ref()) {
                    prop_assert_eq!(&document["message"], message);
                }
            }
        }
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any_byte(), 0..200)) {
        let mut batch = Batch::default();
        let mut encoder = Encoder::default();
        let _ = encoder.encode_otlp_logs(&frame(&bytes, &bytes), usize::MAX, &mut batch);
        let _ = encoder.encode_bulk(&frame(&bytes, &bytes), usize::MAX, &mut batch);
        let _ = response::parse(&bytes, 3);
    }
}

fn any_byte() -> impl Strategy<Value = u8> {
    prop_oneof![proptest::arbitrary::any::<u8>(), prop::sample::select(b"{}[]\",:\n\\01aetrue".to_vec())]
}
