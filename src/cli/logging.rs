//! Sets up logs, and own spans where they are asked for.

use std::io::IsTerminal;

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Installs the process's logger; with a `tracer`, spans marked as own go to it too.
///
/// # Errors
/// When `level` is no filter, or a logger is installed already.
pub fn install(format: LogFormat, level: &str, tracer: Option<&SdkTracerProvider>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level)
        .with_context(|| format!("--log-level {level:?}: use error, warn, info, debug, trace or module=level"))?;
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => lines.with_target(false).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let spans = tracer.map(|provider| {
        let own = tracing_subscriber::filter::filter_fn(|metadata| metadata.target() == crate::telemetry::OWN_SPANS);
        tracing_opentelemetry::layer().with_tracer(provider.tracer("watchgate")).with_filter(own)
    });
    tracing_subscriber::registry().with(lines).with(spans).try_init().context("a logger is installed already")
}
