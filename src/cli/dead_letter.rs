//! `watchgate dead-letter`: what stores refused; through the running gateway, or from its files.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use reqwest::{Method, Url};
use serde_json::Value;

use super::ConfigArgs;
use super::serve::block_on;
use crate::api::dead_letters::Ask;
use crate::app::letters::offline;
use crate::config::Config;
use crate::model::signal::Signal;
use crate::net::client::client;
use crate::pipeline::letter::{Filter, LetterId};

/// A replay takes up to 30 s.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Letters that `list` asks for at once.
const PAGE: usize = 1000;

/// What to do with dead letters.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// One line a letter, oldest first
    List(Selection),
    /// One letter with its payload, as JSON
    Show {
        /// Which configuration.
        #[command(flatten)]
        config: ConfigArgs,
        /// Its id, as `list` prints it
        id: LetterId,
    },
    /// Send letters through their exporter again; those refused again come back
    Replay(Selection),
    /// Delete letters
    Purge(Selection),
}

/// Which letters.
#[derive(Debug, clap::Args)]
pub struct Selection {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Those of this exporter
    #[arg(long, value_name = "NAME")]
    pub exporter: Option<String>,
    /// Those of this signal: metrics, logs or traces
    #[arg(long, value_parser = signal)]
    pub signal: Option<Signal>,
    /// Every one
    #[arg(long)]
    pub all: bool,
    /// These
    #[arg(value_name = "ID")]
    pub ids: Vec<LetterId>,
}

fn signal(name: &str) -> Result<Signal, String> {
    let found = Signal::ALL.into_iter().find(|signal| signal.name() == name);
    found.ok_or_else(|| "write metrics, logs or traces".to_owned())
}

impl Selection {
    fn filter(&self) -> Filter {
        Filter { ids: self.ids.clone(), exporter: self.exporter.clone(), signal: self.signal }
    }

    /// What the user meant: never all of them by leaving something out.
    fn named(&self) -> anyhow::Result<Filter> {
        let filter = self.filter();
        anyhow::ensure!(!filter.is_all() || self.all, "name letters by id, --exporter or --signal, or write --all");
        Ok(filter)
    }
}

/// Does what `command` says and prints the outcome.
///
/// # Errors
/// When the configuration has errors, the gateway refuses, or the files cannot be read.
pub fn run(
    command: &Command,
    variables: impl Iterator<Item = (String, String)>,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let (Command::List(Selection { config, .. })
    | Command::Replay(Selection { config, .. })
    | Command::Purge(Selection { config, .. })
    | Command::Show { config, .. }) = command;
    let (config, _) = Config::load(config.config.as_deref(), variables)?;
    block_on(async {
        match command {
            Command::List(selection) => list(&config, selection.filter(), out).await?,
            Command::Show { id, .. } => {
                writeln!(out, "{:#}", ask(&config, Ask::Show(*id)).await?)?;
            }
            Command::Replay(selection) => {
                let done = ask(&config, Ask::Replay(selection.named()?)).await?;
                let word = |key: &str| done[key].as_u64().unwrap_or(0);
                writeln!(
                    out,
                    "replayed {} letters: {} items delivered, {} refused again, {} dropped",
                    word("replayed"),
                    word("delivered_items"),
                    word("dead_lettered_items"),
                    word("dropped_items")
                )?;
                if word("not_configured") > 0 {
                    writeln!(out, "{} letters belong to exporters that are not configured", word("not_configured"))?;
                }
                anyhow::ensure!(done["timed_out"] != true, "the store did not take the rest in time; run it again");
            }
            Command::Purge(selection) => {
                let done = ask(&config, Ask::Purge(selection.named()?)).await?;
                writeln!(out, "purged {} letters, {} items", done["purged"], done["items"])?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn list(config: &Config, filter: Filter, out: &mut impl Write) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = ask(config, Ask::List { filter: filter.clone(), limit: PAGE, after }).await?;
        for letter in page["letters"].as_array().into_iter().flatten() {
            let text = |key: &str| letter[key].as_str().unwrap_or_default().replace(char::is_control, " ");
            let (id, at, exporter, reason) = (text("id"), text("at"), text("exporter"), text("reason"));
            writeln!(out, "{id}  {at}  {exporter}  {} items  {reason}", letter["items"])?;
        }
        after = page["next"].as_str().and_then(|id| id.parse().ok());
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Asks the running gateway, or looks into its files when nobody listens.
async fn ask(config: &Config, ask: Ask) -> anyhow::Result<Value> {
    let (method, url) = request(config, &ask)?;
    match client(TIMEOUT)?.request(method, url).send().await {
        Ok(response) => {
            let status = response.status();
            let body: Value = serde_json::from_slice(&response.bytes().await?).context("the answer is no JSON")?;
            let error = body["error"].as_str().unwrap_or("no reason given");
            anyhow::ensure!(status.is_success(), "the gateway answered {status}: {error}");
            Ok(body)
        }
        Err(error) if error.is_connect() => Ok(offline(&config.data_dir, config.dead_letters.bytes_max, ask)?),
        Err(error) => Err(error).context("listen.api: the gateway gives no answer"),
    }
}

fn request(config: &Config, ask: &Ask) -> anyhow::Result<(Method, Url)> {
    let api = config.listen.api.first().context("listen.api is empty")?;
    let mut url = Url::parse(&format!("http://{api}/api/watchgate/v1/dead-letters"))?;
    let (method, path, filter) = match ask {
        Ask::List { filter, .. } => (Method::GET, String::new(), Some(filter)),
        Ask::Show(id) => (Method::GET, format!("/{id}"), None),
        Ask::Replay(filter) => (Method::POST, "/replay".to_owned(), Some(filter)),
        Ask::Purge(filter) => (Method::DELETE, String::new(), Some(filter)),
    };
    url.set_path(&format!("/api/watchgate/v1/dead-letters{path}"));
    let Some(Filter { ids, exporter, signal }) = filter else { return Ok((method, url)) };
    let mut pairs: Vec<(&str, String)> = Vec::new();
    pairs.extend(exporter.iter().map(|exporter| ("exporter", exporter.clone())));
    pairs.extend(signal.iter().map(|signal| ("signal", signal.name().to_owned())));
    if !ids.is_empty() {
        pairs.push(("id", ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")));
    }
    match ask {
        Ask::List { limit, after, .. } => {
            pairs.push(("limit", limit.to_string()));
            pairs.extend(after.iter().map(|after| ("after", after.to_string())));
        }
        _ => pairs.push(("all", "true".to_owned())),
    }
    url.query_pairs_mut().extend_pairs(pairs);
    Ok((method, url))
}
