//! OTLP metrics: what goes through the gateway is what Prometheus' own OTLP endpoint makes of the same requests.

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use serde_json::Value;
use watchgate::model::time::wall_clock;

use super::{PATIENCE, gateway, to_prometheus};
use crate::support::gateway::Gateway;
use crate::support::http::{client, post};
use crate::support::otlp_metrics::{Generator, attribute};
use crate::support::parts::{self, Prometheus, Release};
use crate::support::process::until;
use crate::support::webhook::Webhook;

const PROTOBUF: &str = "application/x-protobuf";

/// Random requests that are compared.
const REQUESTS: usize = 150;

/// Attribute sets that the SDK measures with, in each of its instruments.
const SDK_SETS: usize = 500;

/// Both stores' series by their labels, in an order of their own.
async fn series(store: &Prometheus, at: i64) -> BTreeMap<String, Value> {
    let found = store.query("{__name__=~\".+\"}[10m]", Some(at)).await;
    let series = found.as_array().cloned().unwrap_or_default();
    series.into_iter().map(|series| (series["metric"].to_string(), series)).collect()
}

async fn series_count(store: &Prometheus) -> u64 {
    store.data("status/tsdb").await["headStats"]["numSeries"].as_u64().expect("a count")
}

/// Waits until `through` has what `straight` has: as many series, and the same labels and values.
async fn must_become_equal(straight: &Prometheus, through: &Prometheus, at: i64) -> usize {
    let (wanted, count) = (series(straight, at).await, series_count(straight).await);
    until("as many series", PATIENCE, async || (series_count(through).await >= count).then_some(())).await;
    let found = until("as many series with values", PATIENCE, async || {
        Some(series(through, at).await).filter(|found| found.len() >= wanted.len())
    })
    .await;
    for (labels, wanted) in &wanted {
        assert_eq!(found.get(labels), Some(wanted), "{labels}");
    }
    assert_eq!(found.len(), wanted.len(), "{:?}", found.keys().find(|labels| !wanted.contains_key(*labels)));
    assert_eq!(series_count(through).await, count, "series that ended count too");
    wanted.len()
}

async fn exemplars(store: &Prometheus, at: i64) -> BTreeMap<String, Value> {
    let window = format!("start={}&end={}", (at - 600_000) / 1000, at / 1000 + 1);
    let data = store.data(&format!("query_exemplars?query=%7B__name__%3D~%22.%2B%22%7D&{window}")).await;
    let series = data.as_array().cloned().unwrap_or_default();
    series.into_iter().map(|series| (series["seriesLabels"].to_string(), series["exemplars"].clone())).collect()
}

/// Sends random requests to Prometheus straight and, both with the same `otlp:` settings, through the gateway.
async fn must_translate_alike(otlp: &str, seed: u64) {
    let _turn = parts::turn().await;
    let Some(straight) = Prometheus::start(Release::Current, otlp).await else { return };
    let Some(through) = Prometheus::start(Release::Current, "").await else { return };
    let config = format!("exporters:\n{}{otlp}", to_prometheus(&through));
    let gateway = Gateway::start(&config, &[]).await;
    let (client, start) = (client(), wall_clock() - 60_000);
    let mut generator = Generator::new(seed, start);
    let sources = [format!("{}/api/v1/otlp/v1/metrics", straight.url), format!("{}/v1/metrics", gateway.ingest)];
    for _ in 0..REQUESTS {
        let request = generator.request();
        for source in &sources {
            let answer = post(&client, source, PROTOBUF, request.encode_to_vec()).await;
            assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{source}: {request:#?}");
        }
    }
    let at = start + 60_000;
    let count = must_become_equal(&straight, &through, at).await;
    assert!(count > 5_000, "{count} series");
    let wanted = exemplars(&straight, at).await;
    assert!(wanted.len() > 100, "{} series have exemplars", wanted.len());
    let found = exemplars(&through, at).await;
    for (labels, wanted) in &wanted {
        assert_eq!(found.get(labels), Some(wanted), "exemplars of {labels}");
    }
    let extra = found.iter().find(|(labels, _)| !wanted.contains_key(*labels));
    assert_eq!(extra, None, "Prometheus has fewer exemplars");
    println!("{count} series and the exemplars of {} are equal", wanted.len());
}

#[tokio::test]
async fn random_metrics_become_the_series_that_prometheus_makes_of_them() {
    must_translate_alike("", 13).await;
}

#[tokio::test]
async fn every_setting_does_what_it_does_in_prometheus() {
    for (seed, otlp) in [
        (
            14,
            "otlp: { translation_strategy: UnderscoreEscapingWithoutSuffixes, promote_scope_metadata: true, \
             keep_identifying_resource_attributes: true, promote_resource_attributes: [resource.number, a.b] }\n",
        ),
        (15, "otlp: { label_name_preserve_multiple_underscores: false, label_name_underscore_sanitization: false }\n"),
    ] {
        must_translate_alike(otlp, seed).await;
    }
}

#[tokio::test]
async fn what_the_sdk_measures_becomes_the_series_that_prometheus_makes_of_it() {
    let _turn = parts::turn().await;
    let Some(straight) = Prometheus::start(Release::Current, "").await else { return };
    let Some(through) = Prometheus::start(Release::Current, "").await else { return };
    let gateway = gateway(&to_prometheus(&through)).await;
    let urls = format!("{}/api/v1/otlp,{}", straight.url, gateway.ingest);
    let Some(sent) = parts::send("otlp_metrics", &urls, SDK_SETS).await else { return };
    let at = wall_clock() + 1000;
    let count = must_become_equal(&straight, &through, at).await;
    assert!(count > 10_000, "{count} series");
    let found = through.number(&format!("sum(orders_total{{job=\"otel-{}\"}})", sent.mark), Some(at)).await;
    assert_eq!(found, Some((0..SDK_SETS).map(|seq| 2 * seq + 2).sum::<usize>() as f64));
    let info = through.number("count(target_info{host_name=\"web-1\"})", Some(at)).await;
    assert_eq!(info, Some(1.0));
}

fn counter(name: &str, temporality: i32, value: i64) -> Metric {
    let point = NumberDataPoint {
        attributes: vec![attribute("pay.channel", Any::StringValue("card".into()))],
        time_unix_nano: wall_clock() as u64 * 1_000_000,
        value: Some(Number::AsInt(value)),
        ..Default::default()
    };
    let sum = Sum { data_points: vec![point], aggregation_temporality: temporality, is_monotonic: true };
    Metric { name: name.into(), data: Some(Data::Sum(sum)), ..Default::default() }
}

fn request(metrics: Vec<Metric>) -> Vec<u8> {
    let attributes = vec![attribute("service.name", Any::StringValue("shop".into()))];
    let resource_metrics = vec![ResourceMetrics {
        resource: Some(Resource { attributes, ..Default::default() }),
        scope_metrics: vec![ScopeMetrics { metrics, ..Default::default() }],
        ..Default::default()
    }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

#[tokio::test]
async fn a_rule_over_an_otlp_metric_fires_without_any_store() {
    let webhook = Webhook::start().await;
    let rules = "groups:\n- name: shop\n  rules:\n  - alert: PaymentsFail\n    \
                 expr: payments_failed_total{job=\"shop\", pay_channel=\"card\"} > 5\n    \
                 annotations: { summary: '{{ $labels.pay_channel }}: {{ $value }}' }\n";
    let config = "rules: { files: ['{folder}/rules.yaml'] }\nalerting: { config: '{folder}/alertmanager.yml' }\n";
    let alertmanager = webhook.config();
    let files = [("rules.yaml", rules), ("alertmanager.yml", alertmanager.as_str())];
    let gateway = Gateway::start(config, &files).await;
    let url = format!("{}/v1/metrics", gateway.ingest);
    let metrics = vec![counter("payments.failed", 2, 6), counter("payments.lost", 1, 6)];
    let answer = post(&client(), &url, PROTOBUF, request(metrics)).await.ok();
    let partial = ExportMetricsServiceResponse::decode(&*answer.body).expect("a response").partial_success;
    let partial = partial.expect("a delta point is not taken");
    assert_eq!(partial.rejected_data_points, 1);
    assert!(partial.error_message.contains("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"), "{partial:?}");
    let (_, body) = webhook.wait_for("PaymentsFail", "firing", Duration::from_secs(10)).await;
    assert_eq!(body["alerts"][0]["annotations"]["summary"], "card: 6", "{body}");
}
