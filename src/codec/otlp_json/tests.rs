//! Golden cases, hostile JSON, and random messages through opentelemetry-proto's own JSON form.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::prelude::*;
use prost::Message as _;

use super::{logs, traces};
use crate::codec::otlp_logs::tests::requests;
use crate::codec::otlp_traces::tests::{any_span, attributes};
use crate::codec::{DecodeErrorKind, otlp_logs, otlp_traces};
use crate::limits::Limits;

fn log_records(json: &str) -> Result<Vec<LogRecord>, String> {
    let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":{json}}}]}}]}}"#);
    let message = logs(body.as_bytes(), &Limits::default()).map_err(|error| error.to_string())?;
    let request = ExportLogsServiceRequest::decode(&message[..]).expect("protobuf");
    Ok(request.resource_logs[0].scope_logs[0].log_records.clone())
}

/// The value of a log record whose body is `json`.
fn body(json: &str) -> Result<Option<Value>, String> {
    let records = log_records(&format!(r#"[{{"body":{json}}}]"#))?;
    Ok(records[0].body.clone().and_then(|body| body.value))
}

#[test]
fn the_specifications_example_reads() {
    let json = r#"{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name",
        "value": {"stringValue": "my.service"}}]}, "scopeSpans": [{"scope": {"name": "my.library", "version": "1.0.0",
        "attributes": [{"key": "my.scope.attribute", "value": {"stringValue": "some scope attribute"}}]},
        "spans": [{"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174",
        "parentSpanId": "EEE19B7EC3C1B173", "name": "I'm a server span", "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": 1544712661000000000, "kind": 2, "attributes": [{"key": "my.span.attr",
        "value": {"intValue": "-9007199254740993"}}]}]}]}]}"#;
    let message = traces(json.as_bytes(), &Limits::default()).unwrap();
    let found = otlp_traces::walk(&message, &Limits::default()).unwrap();
    assert_eq!((found.items, found.rejected, found.time_min_ms), (1, 0, 1_544_712_660_000));
    let request = ExportTraceServiceRequest::decode(&message[..]).unwrap();
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(span.trace_id[..3], [0x5b, 0x8e, 0xff]);
    assert_eq!(span.parent_span_id, [0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x73]);
    assert_eq!((span.kind, span.end_time_unix_nano), (2, 1_544_712_661_000_000_000));
    let value = span.attributes[0].value.clone().and_then(|value| value.value);
    assert_eq!(value, Some(Value::IntValue(-9_007_199_254_740_993)));
}

#[test]
fn values_in_all_their_forms() {
    for (json, want) in [
        (r#"{"stringValue":""}"#, Some(Value::StringValue(String::new()))),
        (r#"{"stringValue":"a\"\u00e9\ud834\udf06\n\/"}"#, Some(Value::StringValue("a\"é𝌆\n/".into()))),
        (
            r#"{"stringValue":"a\ud834b\udf06\ud834\u0041"}"#,
            Some(Value::StringValue("a\u{fffd}b\u{fffd}\u{fffd}A".into())),
        ),
        (r#"{"boolValue":false}"#, Some(Value::BoolValue(false))),
        (r#"{"intValue":"-9223372036854775808"}"#, Some(Value::IntValue(i64::MIN))),
        (r#"{"intValue":9223372036854775807}"#, Some(Value::IntValue(i64::MAX))),
        (r#"{"intValue":1.5e3}"#, Some(Value::IntValue(1500))),
        (r#"{"doubleValue":1}"#, Some(Value::DoubleValue(1.0))),
        (r#"{"doubleValue":"-Infinity"}"#, Some(Value::DoubleValue(f64::NEG_INFINITY))),
        (r#"{"doubleValue":"-2.5e-3"}"#, Some(Value::DoubleValue(-0.0025))),
        (r#"{"bytesValue":"-_8="}"#, Some(Value::BytesValue(vec![0xfb, 0xff]))),
        (r#"{"bytesValue":"+/8"}"#, Some(Value::BytesValue(vec![0xfb, 0xff]))),
        (r#"{}"#, None),
        (r#"null"#, None),
        (r#"{"stringValue":null,"newValue":{"a":[1,{}]},"\u0062oolValue":true}"#, Some(Value::BoolValue(true))),
    ] {
        assert_eq!(body(json).unwrap_or_else(|error| panic!("{json}: {error}")), want, "{json}");
    }
    let Ok(Some(Value::ArrayValue(list))) = body(r#"{"arrayValue":{"values":[{"intValue":1},{}]}}"#) else { panic!() };
    assert_eq!(list.values, [AnyValue { value: Some(Value::IntValue(1)) }, AnyValue { value: None }]);
}

#[test]
fn what_is_no_request_is_refused_by_name() {
    for (json, want) in [
        (r#"[{"timeUnixNano":-1}]"#, "`timeUnixNano` must be a whole number within its range at byte 64"),
        (r#"[{"timeUnixNano":"18446744073709551616"}]"#, "`timeUnixNano` must be a whole number within its range"),
        (r#"[{"timeUnixNano":1e400}]"#, "`timeUnixNano` must be a whole number within its range"),
        (r#"[{"timeUnixNano":1.5}]"#, "`timeUnixNano` must be a whole number within its range"),
        (r#"[{"timeUnixNano":true}]"#, "`timeUnixNano` must be a number"),
        (r#"[{"severityNumber":"INFO"}]"#, "`severityNumber` must be a whole number within its range"),
        (r#"[{"severityNumber":2147483648}]"#, "`severityNumber` must be a whole number within its range"),
        (r#"[{"traceId":"5b8"}]"#, "`traceId` must be hexadecimal digits"),
        (r#"[{"traceId":"W4 B"}]"#, "`traceId` must be hexadecimal digits"),
        (r#"[{"severityText":1}]"#, "`severityText` must be a string"),
        (r#"[{"severityText":"a","severityText":"b"}]"#, "`severityText` is one value too many of LogRecord"),
        (r#"[{"body":{"intValue":1,"stringValue":""}}]"#, "`stringValue` is one value too many of AnyValue"),
        (r#"[{"body":{"doubleValue":1e400}}]"#, "`doubleValue` must be a number within a double's range"),
        (r#"[{"body":{"doubleValue":"inf"}}]"#, "`doubleValue` must be a number within a double's range"),
        (r#"[{"body":{"bytesValue":"a"}}]"#, "`bytesValue` must be base64"),
        (r#"[{"body":{"boolValue":"true"}}]"#, "`boolValue` must be true or false"),
        (r#"[{"body":"text"}]"#, "AnyValue must be an object"),
        (r#"[null]"#, "LogRecord must be an object"),
        (r#"{}"#, "`logRecords` must be an array"),
        (r#"[{"other":01}]"#, "wrong JSON number"),
        (r#"[{"other":"\ud8"}]"#, "JSON string with a wrong \\u escape"),
    ] {
        let found = log_records(json).expect_err(json);
        assert!(found.starts_with(want), "{json}: {found}");
    }
    let limits = Limits::default();
    for (json, want) in [
        (&b""[..], "JSON ends early at byte 0"),
        (b"[]", "ExportLogsServiceRequest must be an object at byte 0"),
        (b"{} {}", "more than one JSON value at byte 3"),
        (b"{\"a\":\"\xff\"}", "JSON is not valid UTF-8 at byte 6"),
    ] {
        assert_eq!(logs(json, &limits).unwrap_err().to_string(), want);
    }
    assert_eq!(logs(b" { } ", &limits), Ok(Vec::new()));
}

#[test]
fn a_truncated_request_is_malformed() {
    let json = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"\u00e9"},"flags":1}]}]}]}"#;
    for len in 0..json.len() {
        let error = logs(&json.as_bytes()[..len], &Limits::default()).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::Malformed, "{len}: {error}");
    }
}

/// A body of `depth` lists or maps in each other.
fn nested(depth: usize, maps: bool) -> String {
    let (open, close) = match maps {
        false => (r#"{"arrayValue":{"values":["#, "]}}"),
        true => (r#"{"kvlistValue":{"values":[{"key":"k","value":"#, "}]}}"),
    };
    let value = [&open.repeat(depth), "{}", &close.repeat(depth)].concat();
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{value}}},{{}}]}}]}}]}}"#)
}

#[test]
fn depth_is_bounded_and_one_record_too_deep_is_rejected_alone() {
    for nesting_max in [1, 32, 128] {
        let limits = Limits { nesting_max, ..Limits::default() };
        for maps in [false, true] {
            for (depth, rejected) in [(nesting_max, 0), (nesting_max + 1, 1)] {
                let message = logs(nested(depth, maps).as_bytes(), &limits).unwrap();
                let found = otlp_logs::walk(&message, &limits).unwrap();
                assert_eq!((found.items, found.rejected), (2 - rejected, rejected), "{depth} {maps}");
            }
            let error = logs(nested(2 * nesting_max + 8, maps).as_bytes(), &limits).unwrap_err();
            assert_eq!(error.kind, DecodeErrorKind::TooDeep, "{error}");
        }
        let unknown = [&b"{\"x\":"[..], &b"[".repeat(1 << 20)].concat();
        assert_eq!(logs(&unknown, &limits).unwrap_err().kind, DecodeErrorKind::TooDeep);
    }
}

#[test]
fn lengths_of_any_width_are_right() {
    for len in [0, 1, 100, 125, 126, 127, 128, 129, 16_000, 16_382, 16_384, 2_097_152] {
        let text = "x".repeat(len);
        let json = format!(r#"[{{"severityText":"{text}","body":{{"stringValue":"{text}"}}}}]"#);
        let records = log_records(&json).unwrap();
        assert_eq!(records[0].severity_text.len(), len);
        assert_eq!(records[0].encode_to_vec().len(), records[0].encoded_len());
    }
}

proptest! {
    #[test]
    fn traces_are_what_opentelemetry_proto_wrote(
        spans in prop::collection::vec(any_span(), 0..4),
        attributes in prop::collection::vec(attributes(), 2),
        names in ("\\PC{0,4}", "\\PC{0,4}", "[a-z:/]{0,6}"),
    ) {
        let request = request(spans, attributes, names);
        let json = serde_json::to_vec(&request).unwrap();
        let message = traces(&json, &Limits::default()).unwrap();
        prop_assert_eq!(ExportTraceServiceRequest::decode(&message[..]).unwrap(), request);
        prop_assert!(message.len() <= json.len());
    }

    #[test]
    fn logs_are_what_opentelemetry_proto_wrote(request in requests(), pretty: bool) {
        let json = if pretty { serde_json::to_vec_pretty(&request) } else { serde_json::to_vec(&request) }.unwrap();
        let message = logs(&json, &Limits::default()).unwrap();
        prop_assert_eq!(ExportLogsServiceRequest::decode(&message[..]).unwrap(), request);
    }

    #[test]
    fn any_text_is_read_as_serde_reads_it(text in any::<String>()) {
        let quoted = serde_json::to_string(&text).unwrap();
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        for json in [quoted, format!("\"{escaped}\"")] {
            let found = body(&format!(r#"{{"stringValue":{json}}}"#));
            prop_assert_eq!(found, Ok(Some(Value::StringValue(text.clone()))));
        }
    }
}

fn request(
    spans: Vec<Span>,
    mut attributes: Vec<Vec<opentelemetry_proto::tonic::common::v1::KeyValue>>,
    (name, version, schema_url): (String, String, String),
) -> ExportTraceServiceRequest {
    let resource = Some(Resource { attributes: attributes.remove(0), ..Default::default() });
    let attributes = attributes.remove(0);
    let scope = Some(InstrumentationScope { name, version, attributes, dropped_attributes_count: 3 });
    let scope_spans = vec![ScopeSpans { scope, spans, schema_url: schema_url.clone() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url }] }
}
