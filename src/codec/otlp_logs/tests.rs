//! Log records by reference, compared with prost.

use std::ops::ControlFlow;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue as ProstAny, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::codec::any_value::{AnyValue, Attributes};
use crate::limits::Limits;

fn text(text: &str) -> ProstAny {
    ProstAny { value: Some(Value::StringValue(text.to_owned())) }
}

fn attribute(key: &str, value: ProstAny) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn request(records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { log_records: records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

fn nested(depth: usize) -> ProstAny {
    (0..depth)
        .fold(text("leaf"), |inner, _| ProstAny { value: Some(Value::ArrayValue(ArrayValue { values: vec![inner] })) })
}

#[test]
fn records_nested_too_deep_are_cut_out_and_named() {
    let limits = Limits { nesting_max: 3, ..Limits::default() };
    let good = LogRecord { time_unix_nano: 5_000_000, body: Some(nested(3)), ..LogRecord::default() };
    let also = LogRecord { observed_time_unix_nano: 7_999_999, ..LogRecord::default() };
    let bad = LogRecord { time_unix_nano: 1, body: Some(nested(4)), ..LogRecord::default() };
    let worse = LogRecord { attributes: vec![attribute("a", nested(9))], ..LogRecord::default() };
    let body = request(vec![bad, good.clone(), worse, also.clone()]).encode_to_vec();
    let walked = walk(&body, &limits).unwrap();
    assert_eq!((walked.items, walked.rejected), (2, 2));
    assert_eq!((walked.time_min_ms, walked.time_max_ms), (5, 7));
    assert_eq!(walked.first_rejection.as_deref(), Some("log record 0: attribute values are nested too deeply"));
    assert_eq!(walked.kept, Some(request(vec![good, also]).encode_to_vec()));
}

#[test]
fn an_empty_request_is_no_mistake_and_times_may_be_unknown() {
    assert_eq!(walk(b"", &Limits::default()), Ok(Default::default()));
    let walked = walk(&request(vec![LogRecord::default()]).encode_to_vec(), &Limits::default()).unwrap();
    assert_eq!((walked.items, walked.time_min_ms, walked.time_max_ms, walked.kept), (1, 0, 0, None));
}

#[test]
fn ids_of_a_wrong_length_are_no_ids() {
    let record = LogRecord { trace_id: vec![1; 15], span_id: vec![0; 8], ..LogRecord::default() };
    let good = LogRecord { trace_id: vec![1; 16], span_id: vec![2; 8], ..LogRecord::default() };
    let body = request(vec![record, good]).encode_to_vec();
    assert_eq!(walk(&body, &Limits::default()).unwrap().items, 2);
    let mut seen = Vec::new();
    logs(&body, &mut |_, _, record| {
        seen.push((record.trace_id.len(), record.span_id.len()));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(seen, [(0, 0), (16, 8)]);
}

fn values() -> impl Strategy<Value = ProstAny> {
    let leaf = prop_oneof![
        any::<String>().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::BytesValue),
    ];
    let leaf = prop::option::of(leaf).prop_map(|value| ProstAny { value });
    leaf.prop_recursive(4, 24, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4)
            .prop_map(|values| ProstAny { value: Some(Value::ArrayValue(ArrayValue { values })) });
        let map = attributes_of(inner)
            .prop_map(|values| ProstAny { value: Some(Value::KvlistValue(KeyValueList { values })) });
        prop_oneof![list, map]
    })
}

fn attributes_of(value: impl Strategy<Value = ProstAny>) -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::vec(("[a-c.é]{0,4}", value).prop_map(|(key, value)| attribute(&key, value)), 0..5)
}

prop_compose! {
    fn records()(
        times in any::<(u64, u64)>(),
        severity in (0..25i32, "[A-Z]{0,5}"),
        body in prop::option::of(values()),
        attributes in attributes_of(values()),
        ids in prop_oneof![Just((vec![], vec![])), (prop::collection::vec(1..=255u8, 16), prop::collection::vec(1..=255u8, 8))],
        event_name in "[a-z]{0,3}",
        flags in any::<u32>(),
    ) -> LogRecord {
        LogRecord {
            time_unix_nano: times.0, observed_time_unix_nano: times.1, severity_number: severity.0,
            severity_text: severity.1, body, attributes, dropped_attributes_count: 2, flags,
            trace_id: ids.0, span_id: ids.1, event_name,
        }
    }
}

prop_compose! {
    /// Whole requests; the encoder's tests use them too.
    pub(crate) fn requests()(
        groups in prop::collection::vec((attributes_of(values()), "[a-z]{0,3}", prop::collection::vec(records(), 0..4)), 0..4)
    ) -> ExportLogsServiceRequest {
        let resource_logs = groups.into_iter().map(|(attributes, name, log_records)| ResourceLogs {
            resource: Some(Resource { attributes: attributes.clone(), ..Resource::default() }),
            scope_logs: vec![ScopeLogs {
                scope: Some(InstrumentationScope { name, version: "1".into(), attributes, ..Default::default() }),
                log_records, schema_url: "s".into(),
            }],
            schema_url: "r".into(),
        });
        ExportLogsServiceRequest { resource_logs: resource_logs.collect() }
    }
}

fn same_attributes(ours: Attributes<'_>, theirs: &[KeyValue]) -> bool {
    let ours: Vec<_> = ours.iter().collect();
    ours.len() == theirs.len()
        && ours
            .iter()
            .zip(theirs)
            .all(|((key, value), theirs)| *key == theirs.key && same(*value, theirs.value.as_ref()))
}

fn same(ours: AnyValue<'_>, theirs: Option<&ProstAny>) -> bool {
    match (ours, theirs.and_then(|any| any.value.as_ref())) {
        (AnyValue::Empty, None) => true,
        (AnyValue::Text(ours), Some(Value::StringValue(theirs))) => ours == theirs,
        (AnyValue::Bool(ours), Some(Value::BoolValue(theirs))) => ours == *theirs,
        (AnyValue::Int(ours), Some(Value::IntValue(theirs))) => ours == *theirs,
        (AnyValue::Double(ours), Some(Value::DoubleValue(theirs))) => ours.to_bits() == theirs.to_bits(),
        (AnyValue::Bytes(ours), Some(Value::BytesValue(theirs))) => ours == theirs,
        (AnyValue::Array(ours), Some(Value::ArrayValue(theirs))) => {
            let ours: Vec<_> = ours.iter().collect();
            ours.len() == theirs.values.len()
                && ours.iter().zip(&theirs.values).all(|(ours, theirs)| same(*ours, Some(theirs)))
        }
        (AnyValue::Map(ours), Some(Value::KvlistValue(theirs))) => same_attributes(ours, &theirs.values),
        _ => false,
    }
}

proptest! {
    #[test]
    fn every_record_reads_as_prost_reads_it(request in requests()) {
        let body = request.encode_to_vec();
        let flat: Vec<_> = request.resource_logs.iter().flat_map(|group| {
            group.scope_logs.iter().flat_map(move |scope| scope.log_records.iter().map(move |record| (group, scope, record)))
        }).collect();
        let walked = walk(&body, &Limits::default()).unwrap();
        prop_assert_eq!((walked.items as usize, walked.rejected, walked.kept), (flat.len(), 0, None));
        let mut at = 0;
        logs(&body, &mut |resource, scope, ours| {
            let (group, scope_logs, theirs) = flat[at];
            at += 1;
            assert!(same_attributes(resource.attributes, &group.resource.as_ref().unwrap().attributes));
            let theirs_scope = scope_logs.scope.as_ref().unwrap();
            assert_eq!((scope.name, scope.version), (&*theirs_scope.name, &*theirs_scope.version));
            assert!(same_attributes(scope.attributes, &theirs_scope.attributes));
            assert!(same_attributes(ours.attributes, &theirs.attributes));
            assert!(same(ours.body.unwrap_or(AnyValue::Empty), theirs.body.as_ref()));
            assert_eq!(
                (ours.time_ns, ours.observed_ns, ours.severity_number, ours.severity_text, ours.event_name, ours.flags),
                (theirs.time_unix_nano, theirs.observed_time_unix_nano, theirs.severity_number, &*theirs.severity_text,
                    &*theirs.event_name, theirs.flags),
            );
            assert_eq!((ours.trace_id, ours.span_id), (&*theirs.trace_id, &*theirs.span_id));
            ControlFlow::Continue(())
        }).unwrap();
        prop_assert_eq!(at, flat.len());
    }

    #[test]
    fn what_we_take_prost_takes_and_nothing_panics(
        request in requests(), cut in any::<prop::sample::Index>(), byte in any::<u8>(), noise in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut body = request.encode_to_vec();
        if !body.is_empty() {
            let at = cut.index(body.len());
            body[at] = byte;
        }
        for body in [body, noise] {
            let _ = logs(&body, &mut |_, _, record| { let _ = record.attributes.iter().count(); ControlFlow::Continue(()) });
            if walk(&body, &Limits::default()).is_ok_and(|walked| walked.rejected == 0) && ExportLogsServiceRequest::decode(&*body).is_err() {
                // Prost reads fields that no record of ours uses (schema of entity references, say).
                prop_assume!(false);
            }
        }
    }
}
