//! Requests of which some items are invalid: each protocol's partial success, and the valid items are kept.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::json;

use super::body::{snappy, span, traces};
use super::{Protocol, journalled};
use crate::support::gateway::Gateway;
use crate::support::http::client;
use crate::support::remote_write::{TimeSeries, WriteRequest};

#[tokio::test]
async fn the_valid_items_of_a_partly_invalid_request_are_kept() {
    let gateway = Gateway::start("", &[]).await;
    let client = client();

    let series = |labels: &[(&str, &str)]| TimeSeries::new(labels, &[(1, 1.0), (2, 2.0)]);
    let mut timeseries: Vec<_> = (0..5).map(|item| series(&[("__name__", "m"), ("item", &item.to_string())])).collect();
    timeseries.insert(2, series(&[("job", "nameless")]));
    let body = snappy(&WriteRequest { timeseries }.encode_to_vec());
    let reply = Protocol::RemoteWrite.post(&client, &gateway, "snappy", body).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("series 2: no metric name"), "{}", reply.text());

    let spans = r#"[{"traceId":"1","id":"1"},{"traceId":"XYZ","id":"2"},{"id":"3"},{"traceId":"1","id":"4"}]"#;
    let reply = Protocol::Zipkin.post(&client, &gateway, "", spans.as_bytes().to_vec()).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("span 1:"), "{}", reply.text());

    let reply = Protocol::Traces.post(&client, &gateway, "", traces(vec![span(1), span(0), span(2), span(3)])).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/x-protobuf"));
    let partial = ExportTraceServiceResponse::decode(&*reply.body).expect("a response").partial_success;
    let partial = partial.expect("a partial success");
    assert_eq!(partial.rejected_spans, 1);
    assert!(!partial.error_message.is_empty());

    let bulk = "{\"create\":{\"_index\":\"a\"}}\n{\"x\":1}\n{\"index\":{\"_index\":\"a\"}}\n[1]\n\
                {\"delete\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"index\":{\"_index\":\"B!\"}}\n{}\n{\"index\":{\"_index\":\"a\"}}\n{}\n";
    let reply = Protocol::Bulk.post(&client, &gateway, "", bulk.as_bytes().to_vec()).await;
    let answer = reply.json();
    assert_eq!((reply.status, &answer["errors"]), (200, &json!(true)));
    let status = |at: usize, key: &str| answer["items"][at][key]["status"].clone();
    let found = [status(0, "create"), status(1, "index"), status(2, "delete"), status(3, "index"), status(4, "index")];
    assert_eq!(json!(found), json!([201, 400, 400, 400, 201]), "{answer}");

    assert_eq!(journalled(&gateway).await, [10, 2, 5], "samples, documents, spans");
    let metrics = gateway.get("/metrics").await.ok().text();
    assert!(metrics.contains("watchgate_receiver_rejected_items_total{protocol="), "{metrics}");
}
