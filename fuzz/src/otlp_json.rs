//! Any bytes as OTLP/JSON: what is rewritten is protobuf that is no longer than the JSON by more than a
//! little, and serde agrees what JSON is.

use serde::de::IgnoredAny;
use watchgate::codec::{DecodeErrorKind, otlp_json, otlp_logs, otlp_traces};
use watchgate::limits::Limits;

pub fn fuzz(data: &[u8]) {
    let limits = Limits::default();
    let is_json = serde_json::from_slice::<IgnoredAny>(data).is_ok() && std::str::from_utf8(data).is_ok();
    let messages = [otlp_json::traces(data, &limits), otlp_json::logs(data, &limits)];
    for message in &messages {
        match message {
            Ok(message) => {
                assert!(is_json, "taken, but no JSON");
                // A negative enum takes eleven bytes, and ten as JSON.
                assert!(message.len() <= data.len() + data.len() / 8 + 8, "{} from {}", message.len(), data.len());
            }
            Err(error) => assert!(error.offset <= data.len() && error.kind != DecodeErrorKind::TooLarge, "{error}"),
        }
    }
    let [traces, logs] = messages;
    // The walk may refuse a resource that is nested too deeply, but never for its bytes.
    if let Err(error) = traces.map_or(Ok(Default::default()), |message| otlp_traces::walk(&message, &limits)) {
        assert_eq!(error.kind, DecodeErrorKind::TooDeep, "{error}");
    }
    if let Err(error) = logs.map_or(Ok(Default::default()), |message| otlp_logs::walk(&message, &limits)) {
        assert_eq!(error.kind, DecodeErrorKind::TooDeep, "{error}");
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let attributes = concat!(
        r#"[{"key":"a","value":{"stringValue":"\u00e9\ud834\udf06"}},{"key":"b","value":{"intValue":"-5"}},"#,
        r#"{"key":"c","value":{"doubleValue":"NaN"}},{"key":"d","value":{"bytesValue":"AAE="}},"#,
        r#"{"key":"e","value":{"arrayValue":{"values":[{"boolValue":true},{"kvlistValue":{"values":[]}}]}}}]"#
    );
    let span = format!(
        concat!(
            r#"{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"n","kind":2,"flags":1,"#,
            r#""startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661e9,"attributes":{a},"#,
            r#""events":[{{"name":"e","timeUnixNano":1,"attributes":{a}}}],"links":[{{"traceId":"","spanId":""}}],"#,
            r#""status":{{"code":2,"message":"m"}},"unknown":[1,{{"x":null}}],"droppedLinksCount":null}}"#
        ),
        a = attributes
    );
    let record = format!(
        concat!(
            r#"{{"timeUnixNano":"1","observedTimeUnixNano":2,"severityNumber":9,"severityText":"INFO","#,
            r#""body":{{"stringValue":"text"}},"attributes":{a},"traceId":"","eventName":"e"}}"#
        ),
        a = attributes
    );
    let resource = format!(r#"{{"attributes":{attributes},"entityRefs":[{{"idKeys":["a"]}}]}}"#);
    vec![
        format!(r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"scope":{{"name":"s"}},"spans":[{span},{span}]}}]}}]}}"#).into_bytes(),
        format!(r#" {{"resourceLogs": [ {{"resource":{resource},"scopeLogs":[{{"logRecords":[{record} , {record}]}}],"schemaUrl":"u"}}]}}"#).into_bytes(),
    ]
}
