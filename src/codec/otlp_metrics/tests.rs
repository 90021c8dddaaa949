//! Requests by prost in, series in Prometheus' notation out. The comparison with Prometheus itself is
//! in `tests/it/stores/otlp_metrics.rs`.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::*;
use crate::codec::proto::{Cursor, Field, put_bytes_field};
use crate::codec::{DecodeErrorKind, Walked, remote_write};
use crate::limits::Limits;
use crate::model::labels::Labels;
use crate::model::sample::{StagedSamples, is_stale};

const AT: u64 = 1_700_000_000_123_456_789;
const AT_MS: i64 = 1_700_000_000_123;

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.into())) });
    KeyValue { key: key.into(), value, ..Default::default() }
}

fn point(value: f64, attributes: &[(&str, &str)]) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes.iter().map(|(key, value)| text(key, value)).collect(),
        time_unix_nano: AT,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..Default::default()
    }
}

fn metric(name: &str, data: Data) -> Metric {
    Metric { name: name.into(), data: Some(data), ..Default::default() }
}

fn gauge(name: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, Data::Gauge(Gauge { data_points }))
}

fn sum(name: &str, aggregation_temporality: i32, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true }))
}

fn resource(attributes: &[(&str, &str)], metrics: Vec<Metric>) -> ResourceMetrics {
    let attributes = attributes.iter().map(|(key, value)| text(key, value)).collect();
    let scope = InstrumentationScope { name: "lib".into(), version: "2".into(), ..Default::default() };
    ResourceMetrics {
        resource: Some(Resource { attributes, ..Default::default() }),
        scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, ..Default::default() }],
        ..Default::default()
    }
}

fn encode(resource_metrics: Vec<ResourceMetrics>) -> Vec<u8> {
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

/// What was staged, which must be what a walk over the body written would stage.
fn staged(body: &[u8], settings: &Settings) -> (Walked, StagedSamples) {
    let (mut direct, mut again) = (StagedSamples::default(), StagedSamples::default());
    let found = walk(body, settings, &Limits::default(), &mut direct).unwrap();
    let walked = remote_write::walk(direct.body.clone(), &Limits::default(), &mut again).unwrap();
    assert_eq!((walked.items, walked.rejected), (found.items, 0), "{:?}", walked.first_rejection);
    assert_eq!((walked.time_min_ms, walked.time_max_ms), (found.time_min_ms, found.time_max_ms));
    assert_eq!(direct.series, again.series);
    let bits = |staged: &StagedSamples| -> Vec<(i64, u64)> {
        staged.samples.iter().map(|sample| (sample.timestamp_ms, sample.value.to_bits())).collect()
    };
    assert_eq!(bits(&direct), bits(&again));
    (found, direct)
}

/// Each series as `labels value`.
fn series(body: &[u8], settings: &Settings) -> Vec<String> {
    let (_, staged) = staged(body, settings);
    let line = |labels: Labels, value: f64| {
        let value = if is_stale(value) { "stale".to_owned() } else { value.to_string() };
        format!("{labels} {value}")
    };
    staged
        .iter()
        .map(|(series, samples)| line(remote_write::labels_at(&staged.body, series), samples[0].value))
        .collect()
}

#[test]
fn points_become_series_with_job_instance_and_target_info() {
    let identity = [("service.name", "shop"), ("service.namespace", "eu"), ("service.instance.id", "i1")];
    let attributes = [&identity[..], &[("host.name", "web-1")]].concat();
    let ended = NumberDataPoint { flags: 1, ..point(1.0, &[("x", "ended")]) };
    let metrics = vec![
        gauge("room.temperature", vec![point(21.5, &[("a.b", "1"), ("a_b", "2"), ("job", "mine")]), ended]),
        sum("orders", 2, vec![point(7.0, &[("empty", "")])]),
    ];
    let body = encode(vec![resource(&attributes, metrics), resource(&identity, vec![])]);
    assert_eq!(
        series(&body, &Settings::default()),
        [
            r#"room_temperature{a_b="1;2", instance="i1", job="eu/shop"} 21.5"#,
            r#"room_temperature{instance="i1", job="eu/shop", x="ended"} stale"#,
            r#"orders_total{instance="i1", job="eu/shop"} 7"#,
            r#"target_info{host_name="web-1", instance="i1", job="eu/shop"} 1"#,
        ]
    );
    let (found, _) = staged(&body, &Settings::default());
    assert_eq!(found, Walked { items: 4, time_min_ms: AT_MS, time_max_ms: AT_MS, ..Default::default() });
}

#[test]
fn resource_and_scope_are_promoted_when_asked_for() {
    let settings = Settings {
        strategy: Strategy::NoTranslation,
        promote_resource_attributes: vec!["host.name".into(), "x".into()],
        promote_scope_metadata: true,
        keep_identifying_resource_attributes: true,
        ..Settings::default()
    };
    let attributes = [("service.name", "shop"), ("host.name", "web-1"), ("x", "resource")];
    let body = encode(vec![resource(&attributes, vec![gauge("a.b", vec![point(1.0, &[("x", "point")])])])]);
    assert_eq!(
        series(&body, &settings),
        [
            r#"a.b{host.name="web-1", job="shop", otel_scope_name="lib", otel_scope_version="2", x="point"} 1"#,
            r#"target_info{host.name="web-1", job="shop", service.name="shop", x="resource"} 1"#,
        ]
    );
}

#[test]
fn target_info_is_told_every_two_and_a_half_minutes_and_once_for_each_time() {
    let later = NumberDataPoint { time_unix_nano: AT + 400_000_000_000, ..point(2.0, &[]) };
    let far = NumberDataPoint { time_unix_nano: 1, ..point(2.0, &[]) };
    let attributes = [("service.name", "shop"), ("host.name", "web-1")];
    let told = |points: Vec<NumberDataPoint>| {
        let group = resource(&attributes, vec![gauge("x", points)]);
        let body = encode(vec![group.clone(), group]);
        series(&body, &Settings::default()).iter().filter(|line| line.starts_with("target_info")).count()
    };
    assert_eq!(told(vec![point(1.0, &[])]), 1);
    assert_eq!(told(vec![point(1.0, &[]), later]), 4);
    assert_eq!(told(vec![point(1.0, &[]), far]), 1001, "not the eleven million since 1970");
}

#[test]
fn a_histogram_becomes_cumulative_buckets() {
    let data_points = vec![HistogramDataPoint {
        time_unix_nano: AT,
        count: 6,
        sum: Some(3.5),
        bucket_counts: vec![1, 2, 3],
        explicit_bounds: vec![0.005, 5.0],
        attributes: vec![text("le", "own")],
        ..Default::default()
    }];
    let data = Histogram { data_points, aggregation_temporality: 2 };
    let metric = Metric { unit: "s".into(), ..metric("duration", Data::Histogram(data)) };
    assert_eq!(
        series(&encode(vec![resource(&[], vec![metric])]), &Settings::default()),
        [
            r#"duration_seconds_sum{le="own"} 3.5"#,
            r#"duration_seconds_count{le="own"} 6"#,
            r#"duration_seconds_bucket{le="0.005"} 1"#,
            r#"duration_seconds_bucket{le="5"} 3"#,
            r#"duration_seconds_bucket{le="+Inf"} 6"#,
        ]
    );
}

fn exponential(scale: i32, count: u64, offset: i32, bucket_counts: Vec<u64>) -> Metric {
    let positive = Some(Buckets { offset, bucket_counts });
    let data_points =
        vec![ExponentialHistogramDataPoint { time_unix_nano: AT, count, scale, positive, ..Default::default() }];
    metric("size", Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality: 2 }))
}

/// Spans (offset, length) and bucket differences of the only histogram in `body`.
fn native(body: &[u8]) -> (Vec<(i64, u64)>, Vec<i64>) {
    let zigzag = |number: u64| (number >> 1) as i64 ^ -((number & 1) as i64);
    let inside = |mut cursor: Cursor<'static>, wanted: u32| {
        while let Some((number, value)) = cursor.next().unwrap() {
            if number == wanted {
                return cursor.nested(value).unwrap();
            }
        }
        panic!("no field {wanted}")
    };
    let body: &'static [u8] = Box::leak(body.to_vec().into_boxed_slice());
    let mut histogram = inside(inside(Cursor::new(body), 1), 4);
    let (mut spans, mut deltas) = (Vec::new(), Vec::new());
    while let Some((number, value)) = histogram.next().unwrap() {
        if number == 11 {
            let (mut span, mut pair) = (histogram.nested(value).unwrap(), (0, 0));
            while let Some((number, Field::Varint(value))) = span.next().unwrap() {
                if number == 1 { pair.0 = zigzag(value) } else { pair.1 = value }
            }
            spans.push(pair);
        } else if number == 12 {
            let mut packed = Vec::new();
            histogram.packed_varints(value, 1000, &mut packed).unwrap();
            deltas.extend(packed.into_iter().map(zigzag));
        }
    }
    (spans, deltas)
}

#[test]
fn exponential_histograms_become_native_ones() {
    for (scale, offset, counts, spans, deltas) in [
        (0, 2, vec![10, 0, 0, 20, 5, 2], vec![(3, 6)], vec![10, -10, 0, 20, -15, -3]),
        (0, 2, vec![0, 10, 0, 0, 0, 20, 0], vec![(4, 1), (3, 1)], vec![10, 10]),
        (9, -1, vec![1, 2, 3, 4], vec![(0, 3)], vec![1, 4, -1]),
        (9, 0, vec![0, 0, 5, 7, 2], vec![(2, 2)], vec![12, -10]),
        (8, 0, vec![0, 0], vec![], vec![]),
    ] {
        let body = encode(vec![resource(&[], vec![exponential(scale, counts.iter().sum(), offset, counts)])]);
        let (found, staged) = staged(&body, &Settings::default());
        assert_eq!((found.items, found.rejected, staged.samples.len()), (1, 0, 0));
        assert_eq!(native(&staged.body), (spans, deltas), "scale {scale} from {offset}");
    }
}

#[test]
fn what_cannot_be_taken_is_rejected_point_by_point_and_named() {
    let good = || gauge("good", vec![point(1.0, &[])]);
    let no_time = NumberDataPoint { time_unix_nano: 0, ..point(1.0, &[]) };
    let long = "x".repeat(1025);
    for (metric, rejected, why) in [
        (sum("s", 1, vec![point(1.0, &[]), point(2.0, &[])]), 2, "metric \"s\": delta temporality is not supported"),
        (sum("s", 0, vec![point(1.0, &[])]), 1, "metric \"s\": no aggregation temporality"),
        (gauge("城市", vec![point(1.0, &[])]), 1, "leaves no metric name"),
        (gauge("g", vec![no_time]), 1, "no time"),
        (gauge("g", vec![point(1.0, &[("", "v")])]), 1, "an attribute has an empty key"),
        (gauge("g", vec![point(1.0, &[("__", "v")])]), 1, "leaves no label name"),
        (gauge("g", vec![point(1.0, &[(&long, "v")])]), 1, "of 1025 bytes, at most 1024"),
        (exponential(-5, 1, 0, vec![1]), 1, "scale -5, at least -4"),
        (exponential(0, 2, 0, vec![1]), 1, "1 observations in the buckets, but a count of 2"),
        (exponential(0, 1, i32::MAX, vec![1]), 1, "out of range"),
    ] {
        let body = encode(vec![resource(&[], vec![metric, good()])]);
        let (found, _) = staged(&body, &Settings::default());
        assert_eq!((found.items, found.rejected), (1, rejected), "{why}");
        let said = found.first_rejection.unwrap_or_default();
        assert!(said.contains(why), "{said:?} does not contain {why:?}");
    }
}

#[test]
fn of_several_kinds_the_last_counts_and_its_pieces_are_one() {
    let data = |metric: Metric| metric.encode_to_vec();
    let mut metric = data(gauge("g", vec![point(1.0, &[])]));
    metric.extend(data(sum("s", 2, vec![point(2.0, &[])])));
    metric.extend(data(sum("s", 2, vec![point(3.0, &[])])));
    let mut scope = Vec::new();
    put_bytes_field(&mut scope, 2, &metric);
    let mut group = Vec::new();
    put_bytes_field(&mut group, 2, &scope);
    let mut body = Vec::new();
    put_bytes_field(&mut body, 1, &group);
    assert_eq!(series(&body, &Settings::default()), ["s_total 2", "s_total 3"]);
    let normal = ExportMetricsServiceRequest::decode(&*body).unwrap().encode_to_vec();
    assert_eq!(series(&normal, &Settings::default()), series(&body, &Settings::default()));
}

#[test]
fn a_request_that_grows_beyond_the_limit_is_too_large() {
    let points = vec![HistogramDataPoint {
        time_unix_nano: AT,
        bucket_counts: vec![1; 1000],
        explicit_bounds: (0..1000).map(f64::from).collect(),
        ..Default::default()
    }];
    let data = Data::Histogram(Histogram { data_points: points, aggregation_temporality: 2 });
    let body = encode(vec![resource(&[("service.name", "shop")], vec![metric("h", data)])]);
    let limits = Limits { request_bytes_max: body.len() as u64, ..Limits::default() };
    let refused = walk(&body, &Settings::default(), &limits, &mut StagedSamples::default()).unwrap_err();
    assert_eq!(refused.kind, DecodeErrorKind::TooLarge);
    assert!(refused.to_string().contains("limits.request_bytes_max"), "{refused}");
}
