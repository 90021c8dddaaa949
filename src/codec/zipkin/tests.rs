//! Golden arrays, the walk compared with serde's tree, and OTLP spans as Zipkin must get them.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};

use super::*;
use crate::codec::otlp_traces;
use crate::codec::otlp_traces::tests::{any_span, attribute, attributes, span};
use crate::codec::{DecodeErrorKind, Walked};
use crate::limits::Limits;

const GOOD: &str = r#"{"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"a2fb4a1d1a96d312","timestamp":1700000000123456,"duration":1}"#;

fn walked(body: &str) -> Walked {
    walk(body.as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn counts_spans_and_their_times() {
    let full = r#" [ {"traceId":"1","parentId":"000","id":"0a","kind":"CLIENT","name":"gét \u00e9","timestamp":"1700000000999999",
        "duration":1.0e3,"localEndpoint":{"serviceName":"a","ipv4":"1.2.3.4","port":80,"x":[{}]},"remoteEndpoint":null,
        "annotations":[{"timestamp":1,"value":"x"}],"tags":{"a":"b","n":1},"debug":true,"shared":false,"new":{"a":[1,-0.5e-7,null]}},
        {"traceId":"00000000000000000000000000000001","id":"1"} ] "#;
    let times = (1_700_000_000_999, 1_700_000_000_999);
    assert_eq!(walked(full), Walked { items: 2, time_min_ms: times.0, time_max_ms: times.1, ..Default::default() });
    assert_eq!(walked("[]"), Walked::default());
}

#[test]
fn spans_that_zipkin_refuses_are_cut_out_and_the_first_is_named() {
    let cases = [
        ("7", "not an object"),
        (r#"{"id":"1"}"#, "traceId is missing"),
        (r#"{"traceId":"1"}"#, "id is missing"),
        (r#"{"traceId":null,"id":"1"}"#, "traceId is missing"),
        (r#"{"traceId":"","id":"1"}"#, "traceId has 0 characters, 1 to 32 expected"),
        (r#"{"traceId":"0123456789abcdef0123456789abcdef0","id":"1"}"#, "traceId has 33 characters, 1 to 32 expected"),
        (r#"{"traceId":"1","id":"0123456789abcdef0"}"#, "id has 17 characters, 1 to 16 expected"),
        (r#"{"traceId":"ABC","id":"1"}"#, "traceId \"ABC\" is not lower-case hexadecimal"),
        (r#"{"traceId":"0000","id":"1"}"#, "traceId is all zeros"),
        (r#"{"traceId":"1","id":"1","parentId":"-"}"#, "parentId \"-\" is not lower-case hexadecimal"),
        (r#"{"traceId":1,"id":"1"}"#, "traceId must be a string"),
        (r#"{"traceId":"1","id":"1","timestamp":1.5}"#, "timestamp \"1.5\" is not a whole number of 64 bits"),
        (
            r#"{"traceId":"1","id":"1","duration":9223372036854775808}"#,
            "duration \"9223372036854775808\" is not a whole number of 64 bits",
        ),
        (r#"{"traceId":"1","id":"1","duration":[]}"#, "duration must be a number"),
        (
            r#"{"traceId":"1","id":"1","kind":"client"}"#,
            "kind \"client\" is none of CLIENT, SERVER, PRODUCER, CONSUMER",
        ),
        (r#"{"traceId":"1","id":"1","tags":{"a":null}}"#, "a tag's value must be a string"),
        (r#"{"traceId":"1","id":"1","annotations":[{"value":"x"}]}"#, "an annotation must have timestamp and value"),
        (r#"{"traceId":"1","id":"1","remoteEndpoint":{"port":65536}}"#, "port is above 65535"),
        (r#"{"traceId":"1","id":"1","shared":1}"#, "debug and shared must be true or false"),
    ];
    for (bad, why) in cases {
        let found = walked(&format!("[{GOOD}, {bad} ,{GOOD},{bad}]"));
        assert_eq!((found.items, found.rejected), (2, 2), "{bad}");
        assert_eq!(found.first_rejection.unwrap(), format!("span 1: {why}"));
        assert_eq!(found.kept.unwrap(), format!("[{GOOD},{GOOD}]").into_bytes(), "{bad}");
        let found = walked(&format!("[{bad},{bad}]"));
        assert_eq!(found.kept.unwrap(), b"[]", "{bad}");
        let found = walked(&format!(" [\n{bad},{GOOD}]"));
        assert_eq!(found.kept.unwrap(), format!("[{GOOD}]").into_bytes(), "{bad}");
    }
}

#[test]
fn what_is_no_array_or_nested_too_deeply_is_refused_as_a_whole() {
    let deep = format!(r#"[{{"traceId":"1","id":"1","x":{}{}}}]"#, "[".repeat(31), "]".repeat(31));
    let cases: [(&[u8], &str); 10] = [
        (b"", "JSON ends early at byte 0"),
        (b"{}", "expected a JSON array of spans at byte 0"),
        (b"[{}", "JSON ends early, expected `]` at byte 3"),
        (b"[{}] x", "JSON goes on after the array at byte 5"),
        (b"[{\"a\":1,}]", "JSON: expected `\"` at byte 8"),
        (b"[{\"a\":01}]", "wrong JSON number at byte 8"),
        (b"[{\"a\":\"\\x\"}]", "JSON string with a wrong escape at byte 7"),
        (b"[{\"a\":\"\n\"}]", "control character in a JSON string at byte 7"),
        (b"[{\"a\":\"\xff\"}]", "JSON is not valid UTF-8 at byte 7"),
        (deep.as_bytes(), "JSON is nested too deeply at byte 59"),
    ];
    for (body, why) in cases {
        let error = walk(body, &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), why);
        assert_eq!(error.kind == DecodeErrorKind::TooDeep, why.contains("deeply"));
    }
    let deepest = deep.replacen("x\":[", "x\":", 1).replacen(']', "", 1);
    assert_eq!(walked(&deepest).items, 1);
}

#[test]
fn frames_join_and_halve_as_they_are() {
    let mut out = Vec::new();
    splice(&[b" [ {\"a\":\"]\"} ] ", b"[]", b"[1,2]\n", b"[ ]"], &mut out).unwrap();
    assert_eq!(out, b"[{\"a\":\"]\"},1,2]");
    assert!(splice(&[b"{}"], &mut out).is_err());

    let halves =
        |body: &str| split(body.as_bytes()).unwrap().map(|(a, b)| [a, b].map(|half| String::from_utf8(half).unwrap()));
    assert_eq!(
        halves(r#"[{"a":"},{\\\","},{"b":[1,2]},3]"#),
        Some([r#"[{"a":"},{\\\","}]"#.into(), r#"[{"b":[1,2]},3]"#.into()])
    );
    assert_eq!(halves("[1,2]"), Some(["[1]".into(), "[2]".into()]));
    assert_eq!(halves("[[1,2]]"), None);
    assert_eq!(halves("[]"), None);
}

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.into()))
}

fn request(resource: Vec<KeyValue>, scope: InstrumentationScope, spans: Vec<Span>) -> Vec<u8> {
    let resource = Some(Resource { attributes: resource, ..Default::default() });
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..Default::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource, scope_spans, ..Default::default() }] }
        .encode_to_vec()
}

fn encoded(body: &[u8]) -> Value {
    let mut out = Vec::new();
    encode_otlp(body, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)))
}

fn encoded_one(resource: Vec<KeyValue>, span: Span) -> Value {
    encoded(&request(resource, InstrumentationScope::default(), vec![span]))[0].take()
}

fn full_span() -> Span {
    let mut full = span("GET /\"é\"");
    full.parent_span_id = vec![0xab; 8];
    full.kind = 3;
    full.trace_state = "a=b".into();
    full.status = Some(Status { message: "it \"broke\"".into(), code: 2 });
    let list = Any::ArrayValue(ArrayValue {
        values: vec![
            any(Any::StringValue("q\"".into())),
            any(Any::IntValue(i64::MIN)),
            any(Any::DoubleValue(f64::NAN)),
        ],
    });
    let map = Any::KvlistValue(KeyValueList {
        values: vec![attribute("deep", list.clone()), attribute("none", Any::BytesValue(vec![0, 255]))],
    });
    full.attributes = vec![
        attribute("i", Any::IntValue(9_007_199_254_740_993)),
        attribute("d", Any::DoubleValue(0.1)),
        attribute("whole", Any::DoubleValue(3.0)),
        attribute("inf", Any::DoubleValue(f64::NEG_INFINITY)),
        attribute("b", Any::BoolValue(true)),
        attribute("bytes", Any::BytesValue(vec![1, 2, 3])),
        attribute("list", list),
        attribute("map", map),
        text("host.name", "of the span"),
        text("error", "hidden by the status"),
        text("network.peer.address", "10.0.0.1"),
        attribute("network.peer.port", Any::IntValue(5432)),
    ];
    full.events = vec![
        Event { time_unix_nano: 1_700_000_000_150_000_999, name: "plain".into(), ..Default::default() },
        Event { time_unix_nano: 1, name: "e\"".into(), attributes: vec![text("k", "v")], ..Default::default() },
    ];
    let (trace_id, span_id) = (vec![0xcd; 16], vec![0xef; 8]);
    full.links = vec![Link {
        trace_id,
        span_id,
        trace_state: "x=y".into(),
        attributes: vec![text("l", "m")],
        dropped_attributes_count: 4,
        ..Default::default()
    }];
    (full.dropped_attributes_count, full.dropped_events_count, full.dropped_links_count) = (1, 2, 3);
    full
}

#[test]
fn golden_otlp_span_in_full() {
    let resource =
        vec![text("service.name", "Shop"), text("service.namespace", "cn"), text("host.name", "hidden by the span")];
    let scope = InstrumentationScope { name: "lib".into(), version: "1.2".into(), ..Default::default() };
    let other = span("other");
    let spans = encoded(&request(resource, scope, vec![full_span(), other]));
    assert_eq!(
        spans[0],
        json!({
            "traceId": "01010101010101010101010101010101",
            "id": "0202020202020202",
            "parentId": "abababababababab",
            "kind": "CLIENT",
            "name": "GET /\"é\"",
            "timestamp": 1_700_000_000_123_456_u64,
            "duration": 100_000,
            "localEndpoint": {"serviceName": "Shop"},
            "remoteEndpoint": {"ipv4": "10.0.0.1", "port": 5432},
            "annotations": [
                {"timestamp": 1_700_000_000_150_000_u64, "value": "plain"},
                {"timestamp": 0, "value": r#""e\"":{"k":"v"}"#},
            ],
            "tags": {
                "service.namespace": "cn",
                "host.name": "of the span",
                "i": "9007199254740993",
                "d": "0.1",
                "whole": "3",
                "inf": "-Infinity",
                "b": "true",
                "bytes": "AQID",
                "list": r#"["q\"",-9223372036854775808,"NaN"]"#,
                "map": r#"{"deep":["q\"",-9223372036854775808,"NaN"],"none":"AP8="}"#,
                "network.peer.address": "10.0.0.1",
                "network.peer.port": "5432",
                "otel.status_code": "ERROR",
                "error": "it \"broke\"",
                "otel.scope.name": "lib",
                "otel.scope.version": "1.2",
                "otel.library.name": "lib",
                "otel.library.version": "1.2",
                "otel.dropped_attributes_count": "1",
                "otel.dropped_events_count": "2",
                "otel.dropped_links_count": "3",
                "w3c.tracestate": "a=b",
                "otlp.link.0": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd|efefefefefefefef|x=y|{\"l\":\"m\"}|4",
            },
        })
    );
    assert_eq!(spans[1]["tags"]["host.name"], "hidden by the span", "the cache is back in use");
    assert_eq!(spans[1]["tags"]["otel.scope.name"], "lib");
}

#[test]
fn parts_are_bounded_and_together_are_all() {
    let resource = vec![text("service.name", "a"), text("long", &"x".repeat(10_000))];
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let body = request(resource, InstrumentationScope::default(), names.iter().map(|name| span(name)).collect());
    let mut found = Vec::new();
    loop {
        let mut out = Vec::new();
        let part = encode_otlp_part(&body, u32::try_from(found.len()).unwrap(), 30_000, &mut out).unwrap();
        assert!(out.len() < 45_000 && part.spans > 0);
        let Value::Array(spans) = serde_json::from_slice(&out).unwrap() else { panic!("an array") };
        found.extend(spans.iter().map(|span| span["name"].as_str().unwrap().to_owned()));
        if part.complete {
            break;
        }
    }
    assert_eq!(found, names);
    let none = encode_otlp_part(&body, 100, 1, &mut Vec::new()).unwrap();
    assert_eq!(none, Part { spans: 0, complete: true });
}

#[test]
fn a_bare_span_has_a_service_and_no_more() {
    let bare = Span { trace_id: vec![1; 16], span_id: vec![2; 8], kind: 1, ..Default::default() };
    let expected = json!({
        "traceId": "01010101010101010101010101010101", "id": "0202020202020202",
        "localEndpoint": {"serviceName": "unknown_service"}, "tags": {},
    });
    assert_eq!(encoded_one(vec![], bare), expected);
    assert_eq!(encoded(b""), json!([]));
}

#[test]
fn durations_below_a_microsecond_round_up_and_others_down() {
    for (nanoseconds, micros) in [(0, Value::Null), (1, json!(1)), (999, json!(1)), (1234, json!(1)), (2000, json!(2))]
    {
        let mut short = span("a");
        short.end_time_unix_nano = short.start_time_unix_nano + nanoseconds;
        assert_eq!(encoded_one(vec![], short)["duration"], micros, "{nanoseconds}");
    }
}

#[test]
fn status_and_error_tags() {
    let cases = [
        (0, "", None, json!({})),
        (1, "ignored", None, json!({"otel.status_code": "OK"})),
        (2, "", None, json!({"otel.status_code": "ERROR", "error": ""})),
        (2, "why", Some(Any::BoolValue(true)), json!({"otel.status_code": "ERROR", "error": "why"})),
        (0, "", Some(Any::BoolValue(false)), json!({})),
        (1, "", Some(Any::StringValue("false".into())), json!({"otel.status_code": "OK"})),
        (0, "", Some(Any::StringValue("timeout".into())), json!({"error": "timeout"})),
    ];
    for (code, message, error, tags) in cases {
        let error: Vec<KeyValue> = error.into_iter().map(|value| attribute("error", value)).collect();
        let status = Some(Status { message: message.into(), code });
        let with = Span { status: status.clone(), attributes: error.clone(), ..span("a") };
        assert_eq!(encoded_one(vec![], with)["tags"], tags);
        assert_eq!(encoded_one(error, Span { status, ..span("a") })["tags"], tags, "as the resource's");
    }
}

#[test]
fn remote_endpoints_by_rank_for_those_who_call() {
    let cases: [(&[(&str, &str)], Value); 9] = [
        (&[("db.name", "orders"), ("peer.service", "pay")], json!({"serviceName": "pay"})),
        (
            &[("net.peer.name", "b"), ("server.address", "a"), ("server.port", "80")],
            json!({"serviceName": "a", "port": 80}),
        ),
        (&[("network.peer.port", "1"), ("network.peer.address", "::1")], json!({"ipv6": "::1", "port": 1})),
        (&[("network.peer.port", "99999"), ("network.peer.address", "1.2.3.4")], json!({"ipv4": "1.2.3.4"})),
        (&[("net.sock.peer.addr", "/tmp/socket")], json!({"serviceName": "/tmp/socket"})),
        (&[("server.socket.address", "1.1.1.1"), ("server.socket.port", "53")], json!({"ipv4": "1.1.1.1", "port": 53})),
        (&[("peer.address", "x"), ("peer.hostname", "y")], json!({"serviceName": "y"})),
        (&[("peer.service", ""), ("db.name", "orders")], json!({"serviceName": "orders"})),
        (&[("http.method", "GET")], Value::Null),
    ];
    for (attributes, endpoint) in cases {
        let attributes: Vec<KeyValue> = attributes.iter().map(|(key, value)| text(key, value)).collect();
        for (kind, name) in [(0, ""), (1, ""), (2, "SERVER"), (3, "CLIENT"), (4, "PRODUCER"), (5, "CONSUMER")] {
            let found = encoded_one(vec![], Span { kind, attributes: attributes.clone(), ..span("a") });
            assert_eq!(found["kind"].as_str().unwrap_or_default(), name);
            let expected = if kind == 3 || kind == 4 { &endpoint } else { &Value::Null };
            assert_eq!(&found["remoteEndpoint"], expected, "{attributes:?} {kind}");
        }
    }
}

/// Any JSON, leaning towards what a span is made of.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any_proptest::<bool>().prop_map(Value::from),
        any_proptest::<i64>().prop_map(Value::from),
        (-2000i32..2000).prop_map(|number| Value::from(f64::from(number) / 8.0)),
        "[0-9a-f]{0,17}".prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from),
        Just(Value::from("CLIENT")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let key = prop_oneof![
            "[a-z\"]{0,2}",
            Just("value".to_owned()),
            Just("timestamp".to_owned()),
            Just("port".to_owned())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_proptest<T: Arbitrary>() -> T::Strategy {
    proptest::prelude::any::<T>()
}

fn any_member() -> impl Strategy<Value = (String, Value)> {
    let names =
        ["parentId", "kind", "name", "timestamp", "duration", "localEndpoint", "annotations", "tags", "debug", "x"];
    (prop::sample::select(names.to_vec()).prop_map(str::to_owned), any_json())
}

fn any_zipkin() -> impl Strategy<Value = Vec<Value>> {
    let span = ("[0-9a-f]{1,32}", "[0-9a-f]{1,16}", prop::collection::vec(any_member(), 0..3)).prop_map(
        |(trace, id, more)| {
            let ids = [("traceId".to_owned(), Value::from(trace)), ("id".to_owned(), Value::from(id))];
            Value::Object(ids.into_iter().chain(more).collect())
        },
    );
    prop::collection::vec(prop_oneof![9 => span, 1 => any_json()], 0..5)
}

/// Whether Zipkin's reader takes the span, said once more over serde's tree.
fn accepted(span: &Value) -> bool {
    let Value::Object(span) = span else { return false };
    let hex = |text: &str, len: usize| {
        (1..=len).contains(&text.len()) && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
    };
    let id = |name: &str, len| {
        span.get(name).and_then(Value::as_str).is_some_and(|id| hex(id, len) && id.bytes().any(|byte| byte != b'0'))
    };
    let whole = |value: &Value| match value {
        Value::String(text) => {
            text.parse::<i64>().is_ok()
                || text.contains('e') && text.parse::<f64>().is_ok_and(|n| n.fract() == 0.0 && n.abs() < 9e18)
        }
        Value::Number(number) => {
            number.as_i64().is_some() || number.as_f64().is_some_and(|n| n.fract() == 0.0 && n.abs() < 9.2e18)
        }
        _ => false,
    };
    let string = |value: &Value| value.is_string() || value.is_number();
    let endpoint = |value: &Value| {
        value.as_object().is_some_and(|endpoint| {
            endpoint.iter().all(|(key, value)| {
                key != "port"
                    || value.is_null()
                    || whole(value)
                        && value
                            .as_f64()
                            .or(value.as_str().and_then(|text| text.parse().ok()))
                            .is_some_and(|port| port <= 65535.0)
            })
        })
    };
    let annotation = |value: &Value| {
        value.as_object().is_some_and(|annotation| {
            annotation.get("timestamp").is_some_and(whole) && annotation.get("value").is_some_and(string)
        })
    };
    id("traceId", 32)
        && id("id", 16)
        && span.iter().all(|(key, value)| {
            value.is_null()
                || match &**key {
                    "parentId" => value.as_str().is_some_and(|id| hex(id, 16)),
                    "kind" => value == "CLIENT",
                    "name" => string(value),
                    "timestamp" | "duration" => whole(value),
                    "localEndpoint" => endpoint(value),
                    "annotations" => value.as_array().is_some_and(|all| all.iter().all(annotation)),
                    "tags" => value.as_object().is_some_and(|tags| tags.values().all(string)),
                    "debug" => value.is_boolean(),
                    _ => true,
                }
        })
}

proptest! {
    #[test]
    fn agrees_with_serde(spans in any_zipkin(), pretty in any_proptest::<bool>()) {
        let write = if pretty { serde_json::to_string_pretty::<Vec<Value>> } else { serde_json::to_string };
        let body = write(&spans).unwrap();
        let found = walked(&body);
        let kept: Vec<Value> = spans.iter().filter(|span| accepted(span)).cloned().collect();
        prop_assert_eq!((found.items as usize, found.rejected as usize), (kept.len(), spans.len() - kept.len()), "{} {:?}", body, found.first_rejection);
        let left = found.kept.unwrap_or_else(|| body.clone().into_bytes());
        prop_assert_eq!(serde_json::from_slice::<Vec<Value>>(&left).unwrap(), kept.clone());

        let mut joined = Vec::new();
        splice(&[&left, body.as_bytes(), &left], &mut joined).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Vec<Value>>(&joined).unwrap(), [&kept[..], &spans, &kept].concat());
        if let Some((first, second)) = split(body.as_bytes()).unwrap() {
            let [first, second] = [first, second].map(|half| serde_json::from_slice::<Vec<Value>>(&half).unwrap());
            prop_assert!(first.len().abs_diff(second.len()) <= 1);
            prop_assert_eq!([first, second].concat(), spans);
        } else {
            prop_assert!(spans.len() < 2);
        }
    }

    #[test]
    fn garbage_never_panics_and_serde_agrees_what_json_is(
        spans in any_zipkin(),
        edits in prop::collection::vec((any_proptest::<prop::sample::Index>(), any_proptest::<u8>()), 1..4),
    ) {
        let mut body = serde_json::to_vec(&spans).unwrap();
        for (at, byte) in edits {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let serde = serde_json::from_slice::<Vec<Value>>(&body);
        let ours = walk(&body, &Limits::default());
        // A number beyond a double's range and a lone surrogate are JSON, but not for serde's tree.
        let knows_better = body.windows(2).any(|pair| pair == b"\\u" || matches!(pair, [b'e' | b'E', _]));
        prop_assert!(serde.is_ok() == ours.is_ok() || knows_better, "{:?} {:?} {}", serde, ours, String::from_utf8_lossy(&body));
        let _ = split(&body);
        let _ = splice(&[&body, &body], &mut Vec::new());
    }

    #[test]
    fn every_otlp_span_becomes_one_that_zipkin_takes(
        resource in attributes(),
        scope in ("[a-z]{0,2}", attributes()),
        spans in prop::collection::vec(any_span(), 0..4),
        hidden in attributes(),
    ) {
        let spans: Vec<Span> = spans.into_iter().map(|mut span| {
            // Keys of one message are unique, as OTLP demands; across messages they collide.
            span.attributes.extend(hidden.iter().cloned());
            span.attributes.sort_by(|a, b| a.key.cmp(&b.key));
            span.attributes.dedup_by(|a, b| a.key == b.key);
            span
        }).collect();
        let mut resource: Vec<KeyValue> = [resource, hidden].concat();
        resource.sort_by(|a, b| a.key.cmp(&b.key));
        resource.dedup_by(|a, b| a.key == b.key);
        let scope = InstrumentationScope { name: scope.0, attributes: scope.1, ..Default::default() };
        let body = request(resource, scope, spans);
        let found = otlp_traces::walk(&body, &Limits::default()).unwrap();
        let body = found.kept.unwrap_or(body);
        let mut out = Vec::new();
        prop_assert_eq!(encode_otlp(&body, &mut out).unwrap(), found.items);
        let zipkin = walk(&out, &Limits::default()).unwrap();
        prop_assert_eq!((zipkin.items, zipkin.rejected), (found.items, 0));
        let tree: Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(count_members(&tree), out.windows(2).filter(|pair| pair == b"\":").count() - colons_in_text(&tree), "a key stands twice");
    }
}

/// Members of all objects of a tree, where serde has merged those of one name.
fn count_members(tree: &Value) -> usize {
    match tree {
        Value::Array(all) => all.iter().map(count_members).sum(),
        Value::Object(map) => map.len() + map.values().map(count_members).sum::<usize>(),
        _ => 0,
    }
}

/// How often `":` stands inside the strings, as they are written.
fn colons_in_text(tree: &Value) -> usize {
    match tree {
        Value::Array(all) => all.iter().map(colons_in_text).sum(),
        Value::Object(map) => {
            let in_key = |key: &str| serde_json::to_string(key).unwrap().matches("\":").count();
            map.iter().map(|(key, value)| in_key(key) + colons_in_text(value)).sum()
        }
        Value::String(text) => serde_json::to_string(text).unwrap().matches("\":").count(),
        _ => 0,
    }
}
