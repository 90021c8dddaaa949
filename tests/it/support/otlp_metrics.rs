//! Random OTLP metrics, the same for the same seed: every kind of point, names and values that translation has to bend.
//!
//! What is made is what Prometheus' own OTLP endpoint accepts: it refuses a whole request for one bad point.

use fastrand::Rng;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

const CUMULATIVE: i32 = 2;
const NO_RECORDED_VALUE: u32 = 1;

const NAMES: [&str; 18] = [
    "http.server.request.duration",
    "requests",
    "total.requests",
    "a__b..c:d",
    "2xx.count",
    "usage_ratio",
    "支付.amount",
    "memory/used",
    "queue-length",
    "ns:cpu.seconds",
    "_hidden",
    "ratio",
    "per_second",
    "x.bytes.total",
    "Émission",
    "A.B",
    "seconds",
    "total",
];
const UNITS: [&str; 20] = [
    "",
    "1",
    "s",
    "ms",
    "By",
    "KiBy",
    "{request}",
    "By/s",
    "m/s",
    "1/s",
    "{hit}/min",
    "%",
    "Cel",
    " s ",
    "foo-bar!",
    "a/b/c",
    "bytes_",
    "__x__",
    "kBy",
    "/s",
];
const KEYS: [&str; 24] = [
    "a.b",
    "a_b",
    "a-b",
    "http.method",
    "_private",
    ".dot",
    "1digit",
    "城市x",
    "job",
    "instance",
    "le",
    "quantile",
    "__name__",
    "__x",
    "UPPER",
    "ключ1",
    "a..b",
    "a__b",
    "service.name",
    "x ",
    "é1",
    "🦀1",
    "trace_id",
    "__a__",
];
const TEXTS: [&str; 8] = ["", "v", "上海 ☕", "a;b", "\"quoted\\\n\u{2028}\u{7f}\u{1}<&>", " ", "0", "true"];
const DOUBLES: [f64; 14] = [
    0.0,
    -0.0,
    1.0,
    0.1,
    1e-6,
    1e-7,
    1e20,
    1e21,
    -1.5e-300,
    1.797_693_134_862_315_7e308,
    5e-324,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];
const BOUNDS: [f64; 9] = [-10.0, -0.5, 0.0, 0.005, 0.1, 1.0, 2.5, 1e7, 1e21];

/// Requests one after the other; every point is a series of its own.
pub struct Generator {
    random: Rng,
    time_ns: u64,
    points: u64,
    resources: u64,
    /// Whether exponential histograms finer than Prometheus' finest schema are made, without empty buckets.
    pub finer: bool,
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

/// An attribute.
pub fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(any(value)), ..Default::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

impl Generator {
    /// Points begin at `start_ms`.
    pub fn new(seed: u64, start_ms: i64) -> Self {
        let time_ns = start_ms as u64 * 1_000_000;
        Self { random: Rng::with_seed(seed), time_ns, points: 0, resources: 0, finer: true }
    }

    fn one_in(&mut self, of: u32) -> bool {
        self.random.u32(0..of) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.usize(0..of.len())]
    }

    fn times<T>(&mut self, range: std::ops::RangeInclusive<usize>, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.random.usize(range);
        (0..count).map(|_| make(self)).collect()
    }

    /// The next request, 100 ms later.
    pub fn request(&mut self) -> ExportMetricsServiceRequest {
        self.time_ns += 100_000_000;
        ExportMetricsServiceRequest { resource_metrics: self.times(1..=3, Self::resource_metrics) }
    }

    fn resource_metrics(&mut self) -> ResourceMetrics {
        self.resources += 1;
        let number = self.resources.to_string();
        let mut attributes = Vec::new();
        if !self.one_in(5) {
            attributes.push(text("service.name", "shop"));
        }
        if self.one_in(2) {
            attributes.push(text("service.namespace", "eu"));
        }
        if self.one_in(2) {
            attributes.push(text("service.instance.id", &number));
        }
        if !self.one_in(4) {
            attributes.push(text("resource.number", &number));
            attributes.extend(self.attributes());
        }
        self.random.shuffle(&mut attributes);
        let resource = (!self.one_in(8)).then(|| Resource { attributes, ..Default::default() });
        ResourceMetrics { resource, scope_metrics: self.times(1..=2, Self::scope_metrics), ..Default::default() }
    }

    fn scope_metrics(&mut self) -> ScopeMetrics {
        let scope = InstrumentationScope { name: "scope".into(), version: "1".into(), ..Default::default() };
        ScopeMetrics { scope: Some(scope), metrics: self.times(1..=6, Self::metric), ..Default::default() }
    }

    fn metric(&mut self) -> Metric {
        let (name, unit) = (self.pick(&NAMES).into(), self.pick(&UNITS).into());
        let data = match self.random.u8(0..6) {
            0 => Data::Gauge(Gauge { data_points: self.times(1..=4, Self::number) }),
            1 | 2 => Data::Sum(Sum {
                data_points: self.times(1..=4, Self::number),
                aggregation_temporality: CUMULATIVE,
                is_monotonic: self.random.bool(),
            }),
            3 => Data::Histogram(Histogram {
                data_points: self.times(1..=3, Self::histogram),
                aggregation_temporality: CUMULATIVE,
            }),
            4 => Data::ExponentialHistogram(ExponentialHistogram {
                data_points: self.times(1..=3, Self::exponential),
                aggregation_temporality: CUMULATIVE,
            }),
            _ => Data::Summary(Summary { data_points: self.times(1..=3, Self::summary) }),
        };
        Metric { name, unit, description: "what it is".into(), data: Some(data), ..Default::default() }
    }

    /// A few attributes, some keys twice, in any order.
    fn attributes(&mut self) -> Vec<KeyValue> {
        self.times(0..=6, |this| {
            let key = this.pick(&KEYS);
            let value = this.value(3);
            KeyValue { key: key.into(), value, ..Default::default() }
        })
    }

    fn point_attributes(&mut self) -> Vec<KeyValue> {
        self.points += 1;
        let mut attributes = self.attributes();
        attributes.push(attribute("point", Value::IntValue(self.points as i64)));
        self.random.shuffle(&mut attributes);
        attributes
    }

    fn value(&mut self, depth: usize) -> Option<AnyValue> {
        let kinds = if depth == 0 { 6 } else { 8 };
        let value = match self.random.u8(0..kinds) {
            0 => return self.one_in(2).then(AnyValue::default),
            1 | 2 => Value::StringValue(self.pick(&TEXTS).into()),
            3 => Value::BoolValue(self.random.bool()),
            4 => Value::IntValue(self.random.i64(..) >> self.random.u32(0..63)),
            5 if depth == 3 => Value::DoubleValue(self.pick(&DOUBLES)),
            5 => Value::BytesValue(self.times(1..=9, |this| this.random.u8(..))),
            6 => Value::ArrayValue(ArrayValue {
                values: self.times(0..=3, |this| this.value(depth - 1).unwrap_or_default()),
            }),
            _ => Value::KvlistValue(KeyValueList {
                values: self.times(0..=3, |this| {
                    let key = this.pick(&["b", "a", "<k>", "ключ"]).into();
                    KeyValue { key, value: this.value(depth - 1), ..Default::default() }
                }),
            }),
        };
        Some(any(value))
    }

    fn double(&mut self) -> f64 {
        if self.one_in(3) { self.pick(&DOUBLES) } else { self.random.f64() * 1000.0 }
    }

    fn flags(&mut self) -> u32 {
        if self.one_in(15) { NO_RECORDED_VALUE } else { 0 }
    }

    fn exemplars(&mut self, values: &[f64]) -> Vec<Exemplar> {
        let mut time_unix_nano = self.time_ns - 50_000_000;
        let mut exemplars = Vec::new();
        for value in values {
            time_unix_nano += 2_000_000;
            let ids = self.random.bool();
            let long = "x".repeat(self.random.usize(1..80));
            exemplars.push(Exemplar {
                filtered_attributes: if self.random.bool() { vec![text("user.id", &long)] } else { Vec::new() },
                time_unix_nano,
                span_id: if ids { vec![7; 8] } else { Vec::new() },
                trace_id: if ids { vec![9; 16] } else { Vec::new() },
                value: Some(exemplar::Value::AsDouble(*value)),
            });
        }
        exemplars
    }

    fn number(&mut self) -> NumberDataPoint {
        let value = match self.random.u8(0..8) {
            0 => None,
            1..=3 => Some(number_data_point::Value::AsInt(self.random.i64(..) >> self.random.u32(0..63))),
            _ => Some(number_data_point::Value::AsDouble(self.double())),
        };
        NumberDataPoint {
            attributes: self.point_attributes(),
            start_time_unix_nano: self.time_ns - 1_000_000_000,
            time_unix_nano: self.time_ns,
            exemplars: if self.one_in(3) { self.exemplars(&[1.5]) } else { Vec::new() },
            flags: self.flags(),
            value,
        }
    }

    fn histogram(&mut self) -> HistogramDataPoint {
        let explicit_bounds: Vec<f64> = BOUNDS.into_iter().filter(|_| self.random.bool()).collect();
        let buckets = if explicit_bounds.is_empty() { 0 } else { explicit_bounds.len() + 1 };
        let bucket_counts: Vec<u64> = (0..buckets).map(|_| self.random.u64(0..50)).collect();
        let count = if buckets == 0 { self.random.u64(0..1 << 60) } else { bucket_counts.iter().sum() };
        HistogramDataPoint {
            attributes: self.point_attributes(),
            time_unix_nano: self.time_ns,
            count,
            sum: self.random.bool().then(|| self.double()),
            exemplars: if self.one_in(2) { self.exemplars(&[-20.0, 0.05, 0.07, 1e9]) } else { Vec::new() },
            bucket_counts,
            explicit_bounds,
            flags: self.flags(),
            min: Some(0.0),
            ..Default::default()
        }
    }

    fn exponential(&mut self) -> ExponentialHistogramDataPoint {
        let scale = self.random.i32(-4..=if self.finer { 14 } else { 8 });
        let positive = self.buckets(scale);
        let negative = self.one_in(3).then(|| self.buckets(scale));
        let zero_count = self.random.u64(0..5);
        let in_buckets = |side: &Buckets| side.bucket_counts.iter().sum::<u64>();
        ExponentialHistogramDataPoint {
            attributes: self.point_attributes(),
            time_unix_nano: self.time_ns,
            count: zero_count + in_buckets(&positive) + negative.as_ref().map_or(0, in_buckets),
            sum: self.random.bool().then(|| self.random.f64() * 1000.0),
            scale,
            zero_count,
            positive: Some(positive),
            negative,
            flags: self.flags(),
            exemplars: if self.one_in(2) { self.exemplars(&[2.5]) } else { Vec::new() },
            ..Default::default()
        }
    }

    /// Runs of empty buckets, but not above scale 8: there Prometheus 3.13 moves counts into an empty neighbour.
    fn buckets(&mut self, scale: i32) -> Buckets {
        let empty = scale <= 8 && self.random.bool();
        let bucket_counts =
            self.times(0..=20, |this| if empty && !this.one_in(4) { 0 } else { this.random.u64(1..1000) });
        Buckets { offset: self.random.i32(-100..100), bucket_counts }
    }

    fn summary(&mut self) -> SummaryDataPoint {
        let quantiles: Vec<f64> = [0.0, 0.5, 0.9, 0.999, 1.0].into_iter().filter(|_| self.random.bool()).collect();
        let quantile_values =
            quantiles.into_iter().map(|quantile| ValueAtQuantile { quantile, value: self.double() }).collect();
        SummaryDataPoint {
            attributes: self.point_attributes(),
            time_unix_nano: self.time_ns,
            count: self.random.u64(0..1000),
            sum: self.double(),
            quantile_values,
            flags: self.flags(),
            ..Default::default()
        }
    }
}
