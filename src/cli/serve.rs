//! `watchgate serve`: reads the configuration and runs the gateway.

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use super::{ConfigArgs, LogFormat, logging};
use crate::app::Gateway;
use crate::config::Config;
use crate::net::own_spans;

/// Reads the configuration, says what is doubtful about it, and runs the gateway until SIGTERM or
/// Ctrl-C; SIGHUP reloads rules and alerting.
///
/// # Errors
/// When the configuration has errors, all of which are in the message, or the gateway cannot run.
pub fn run(args: &ConfigArgs, log_format: LogFormat, log_level: &str) -> anyhow::Result<ExitCode> {
    let (config, warnings) = Config::load(args.config.as_deref(), crate::config::environment::variables())?;
    block_on(async {
        let endpoint = config.telemetry.zipkin_endpoint.as_ref();
        let spans = endpoint.map(|endpoint| own_spans::provider(endpoint.as_str())).transpose()?;
        logging::install(log_format, log_level, spans.as_ref())?;
        warnings.lines().for_each(|line| tracing::warn!("{line}"));
        let gateway = Gateway::start(config).await?;
        until_told(&gateway).await?;
        gateway.stop().await;
        if let Some(spans) = spans {
            // the last spans about ourselves are worth a moment, not a failure
            let _ = tokio::task::spawn_blocking(move || spans.shutdown()).await;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Runs `work` on the runtime that every command uses.
///
/// # Errors
/// Those of `work`, and when the operating system gives no threads.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // fails only if a provider is installed already, which serves as well
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    runtime.block_on(work)
}

async fn until_told(gateway: &Gateway) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                // what is wrong is logged, and shown in metrics and api
                let _ = gateway.reload().await;
            }
        }
    }
    tracing::info!("draining");
    Ok(())
}
