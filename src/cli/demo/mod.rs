//! `watchgate demo`: the gateway without stores, and a small shop that sends it real traffic.
//!
//! The shop speaks the protocols that real services speak, over HTTP, and has an incident after
//! twenty seconds; alerts are printed as they happen. Nothing else needs to be installed, and
//! nothing is left behind.
//!
//! - [`shop`]: who sends what, each second; [`wire`]: the bytes of each protocol
//! - [`screen`]: what is printed

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::serve::block_on;
use super::{LogFormat, logging};
use crate::app::Gateway;
use crate::config::Config;

mod screen;
mod shop;
mod wire;

/// Rules of the demo: one business rule, two system rules.
const RULES: &str = include_str!("rules.yaml");

/// What the demo is told on the command line.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Stop after this many seconds instead of at Ctrl-C.
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<u64>,
    /// Listen on free ports instead of 4317, 4318 and 9480.
    #[arg(long)]
    pub free_ports: bool,
}

/// Runs the demo until Ctrl-C or the time given. Log lines are only warnings unless asked for.
///
/// # Errors
/// When a port is busy or the temporary directory cannot be made.
pub fn run(options: &Options, log_format: LogFormat, log_level: &str) -> anyhow::Result<ExitCode> {
    logging::install(log_format, if log_level == "info" { "warn" } else { log_level }, None)?;
    block_on(show(options))?;
    Ok(ExitCode::SUCCESS)
}

async fn show(options: &Options) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("watchgate-demo-").tempdir().context("cannot make a directory")?;
    let webhooks = screen::Webhooks::listen().await?;
    let config = configure(folder.path(), webhooks.address(), options.free_ports)?;
    let gateway = Gateway::start(config).await.context("the demo cannot start; with --free-ports it takes any port")?;
    screen::welcome(&gateway);
    let stop = CancellationToken::new();
    let shop = tokio::spawn(shop::open(gateway.ingest_address(), stop.clone()));
    let printing = tokio::spawn(screen::print_alerts(gateway.changes(), webhooks, stop.clone()));
    let mut terminate = signal(SignalKind::terminate())?;
    let time = Duration::from_secs(options.seconds.unwrap_or(u64::MAX));
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    stop.cancel();
    let sent = shop.await.context("the shop ended abnormally")?;
    let shown = printing.await.context("the printer ended abnormally")?;
    gateway.stop().await;
    screen::farewell(&sent, &shown);
    Ok(())
}

/// The demo's configuration: a temporary directory, no exporters, one webhook on loopback.
fn configure(folder: &Path, webhook: SocketAddr, free_ports: bool) -> anyhow::Result<Config> {
    let rules = folder.join("rules.yaml");
    let alerting = folder.join("alertmanager.yml");
    std::fs::write(&rules, RULES)?;
    std::fs::write(
        &alerting,
        format!(
            "route: {{ receiver: screen, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}\n\
             receivers: [{{ name: screen, webhook_configs: [{{ url: 'http://{webhook}/' }}] }}]\n"
        ),
    )?;
    let (ingest, grpc, api) = if free_ports { (0, 0, 0) } else { (4318, 4317, 9480) };
    let mut config = Config::default();
    config.listen.ingest = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, ingest))];
    config.listen.grpc = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, grpc))];
    config.listen.api = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, api))];
    config.data_dir = folder.join("data");
    config.rules.files = vec![rules.to_string_lossy().into_owned()];
    config.alerting.config = Some(alerting);
    // the shop's scraper sends each scrape in one request: there is no rest of it to wait for
    config.rules.settle = 10;
    Ok(config)
}
