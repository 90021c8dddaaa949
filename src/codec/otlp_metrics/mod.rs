//! OTLP metrics: `ExportMetricsServiceRequest`, protobuf, translated to Prometheus' series.
//!
//! [`walk`] reads a request by reference and writes the `prometheus.WriteRequest` that is
//! journalled, staging its samples for the rule engine on the way: rules and stores see one
//! translation. It is the one of Prometheus' own OTLP endpoint (release 3.13), point for point, with
//! three differences. Prometheus refuses a whole request for one bad point, here the point alone is
//! rejected. Resources whose points lie far apart get a bounded number of `target_info` samples. An
//! exponential histogram finer than Prometheus' finest keeps every count in the bucket that it
//! belongs to, empty buckets before it or not.
//!
//! Delta temporality is rejected point by point, with a text that says what to configure.
//!
//! Reading order: [`walk`], `name` and `label` (names), `base` (a point's labels), `writer`
//! (the series' bytes), then a kind of point: `number`, `histogram`, `exponential`, `summary`.
//!
//! Schema: `opentelemetry/proto/metrics/v1/metrics.proto`; translation:
//! <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>.

mod base;
mod context;
mod exemplar;
mod exponential;
mod histogram;
mod label;
mod name;
mod number;
mod settings;
mod summary;
mod target_info;
#[cfg(test)]
mod tests;
mod text;
mod walk;
mod writer;

pub use settings::{Settings, Strategy};
pub use walk::walk;
