//! OTLP metrics: what translation costs per data point, beside prost's decoding alone.
//!
//! `cargo bench --bench codec_otlp_metrics`. The allocation counts are per request of 1,000 points.

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use watchgate::codec::compression::snappy;
use watchgate::codec::otlp_metrics::{Settings, walk};
use watchgate::limits::Limits;
use watchgate::model::sample::StagedSamples;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const POINTS: usize = 1000;
const POINTS_IN_METRIC: usize = 25;

fn main() {
    let (sums, histograms) = (request(false), request(true));
    println!("{POINTS} points: {} bytes as sums, {} as histograms of 15 buckets", sums.len(), histograms.len());
    divan::main();
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

fn attributes(number: usize) -> Vec<KeyValue> {
    vec![
        attribute("http.request.method", Value::StringValue("POST".into())),
        attribute("http.response.status_code", Value::IntValue(200)),
        attribute("http.route", Value::StringValue(format!("/api/v1/orders/{}", number % 25))),
        attribute("network.protocol.version", Value::StringValue("1.1".into())),
        attribute("url.scheme", Value::StringValue("https".into())),
    ]
}

fn metric(index: usize, histograms: bool) -> Metric {
    let time_unix_nano = 1_700_000_000_000_000_000;
    let numbers = index * POINTS_IN_METRIC..(index + 1) * POINTS_IN_METRIC;
    let data = if histograms {
        let point = |number| HistogramDataPoint {
            attributes: attributes(number),
            time_unix_nano,
            count: 1200,
            sum: Some(number as f64 * 1.5),
            bucket_counts: (0..15).map(|bucket| bucket * 10).collect(),
            explicit_bounds: [5., 10., 25., 50., 75., 100., 250., 500., 750., 1e3, 2500., 5e3, 7500., 1e4].to_vec(),
            ..Default::default()
        };
        Data::Histogram(Histogram { data_points: numbers.map(point).collect(), aggregation_temporality: 2 })
    } else {
        let point = |number| NumberDataPoint {
            attributes: attributes(number),
            time_unix_nano,
            value: Some(number_data_point::Value::AsDouble(number as f64 / 7.0)),
            ..Default::default()
        };
        let data_points = numbers.map(point).collect();
        Data::Sum(Sum { data_points, aggregation_temporality: 2, is_monotonic: true })
    };
    let name = format!("http.server.request.duration.{index}");
    Metric { name, unit: "ms".into(), data: Some(data), ..Default::default() }
}

fn request(histograms: bool) -> Vec<u8> {
    let text = |key, value: &str| attribute(key, Value::StringValue(value.into()));
    let resource = vec![
        text("service.name", "order-service"),
        text("service.namespace", "shop"),
        text("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"),
        text("host.name", "web-1"),
    ];
    let metrics = (0..POINTS / POINTS_IN_METRIC).map(|index| metric(index, histograms)).collect();
    let resource_metrics = vec![ResourceMetrics {
        resource: Some(Resource { attributes: resource, ..Default::default() }),
        scope_metrics: vec![ScopeMetrics { metrics, ..Default::default() }],
        ..Default::default()
    }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn per_request(bencher: Bencher<'_, '_>, bytes: usize, run: impl FnMut()) {
    bencher.counter(ItemsCount::new(POINTS)).counter(BytesCount::new(bytes)).bench_local(run);
}

#[divan::bench(args = [false, true])]
fn translate_and_stage(bencher: Bencher<'_, '_>, histograms: bool) {
    let (body, settings, limits) = (request(histograms), Settings::default(), Limits::default());
    let mut staged = StagedSamples::default();
    per_request(bencher, body.len(), || {
        black_box(walk(black_box(&body), &settings, &limits, &mut staged)).expect("a valid request");
    });
}

#[divan::bench(args = [false, true])]
fn snappy_of_the_translation(bencher: Bencher<'_, '_>, histograms: bool) {
    let body = request(histograms);
    let mut staged = StagedSamples::default();
    walk(&body, &Settings::default(), &Limits::default(), &mut staged).expect("a valid request");
    let mut out = Vec::new();
    per_request(bencher, body.len(), || {
        out.clear();
        snappy(black_box(&staged.body), &mut out).expect("less than 4 GiB");
    });
}

#[divan::bench(args = [false, true])]
fn peer_prost_decode(bencher: Bencher<'_, '_>, histograms: bool) {
    let body = request(histograms);
    per_request(bencher, body.len(), || {
        black_box(ExportMetricsServiceRequest::decode(black_box(&body[..]))).expect("a valid request");
    });
}
