//! End to end on the real stores: unmodified clients and our own encoders in, queries of the stores out.
//!
//! The gateway is the program itself with a configuration file. Each test holds [`parts::turn`] while stores run.

use std::time::Duration;

use serde_json::Value;

use crate::support::gateway::Gateway;
use crate::support::parts::{Elasticsearch, Prometheus, Zipkin};

mod crash;
mod load;
mod logs;
mod metrics;
mod outage;
mod recorded;
mod spans;

/// How long what was accepted may take to be found in its store.
const PATIENCE: Duration = Duration::from_secs(90);

/// Items that the tests send in each protocol.
const ITEMS: usize = 10_000;

/// Waits of the exporters are short: a test brings stores back and does not want to sit out a backoff.
const RETRY: &str = "retry: { initial: 50ms, max: 500ms }";

fn to_prometheus(store: &Prometheus) -> String {
    format!("  prometheus: {{ endpoint: '{}', {RETRY} }}\n", store.remote_write_url())
}

fn to_elasticsearch(store: &Elasticsearch) -> String {
    format!("  elasticsearch: {{ endpoints: ['{}'], {RETRY} }}\n", store.url)
}

fn to_zipkin(store: &Zipkin) -> String {
    format!("  zipkin: {{ endpoint: '{}', {RETRY} }}\n", store.spans_url())
}

/// The gateway with these exporters and nothing else.
async fn gateway(exporters: &str) -> Gateway {
    Gateway::start(&format!("exporters:\n{exporters}"), &[]).await
}

/// The text at `pointer`, or the empty string.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
