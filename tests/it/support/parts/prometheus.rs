//! Prometheus as a store and, in agent mode, as a sender.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::http::{client, escape, get, post, try_get};
use crate::support::parts::require;
use crate::support::process::{Process, free_port, until};

/// How long it may take to answer after its start.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// 3.13, by its Go module.
    Current,
    /// 2.42, Debian's: remote write v1 only.
    Debian,
}

/// One Prometheus on loopback, its data in a temporary folder.
pub struct Prometheus {
    /// The process, to stop and start again.
    pub process: Process,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    client: Client,
    _folder: TempDir,
}

impl Prometheus {
    /// A store with the remote write receiver on; `config` is its configuration file, which may be empty.
    pub async fn start(release: Release, config: &str) -> Option<Self> {
        Self::start_with(release, config, &[]).await
    }

    /// The same with more flags.
    pub async fn start_with(release: Release, config: &str, more: &[&str]) -> Option<Self> {
        let program = require(if release == Release::Current { "prometheus" } else { "prometheus-2.42" })?;
        let mut flags = vec!["--web.enable-remote-write-receiver"];
        if release == Release::Current {
            flags.push("--web.enable-otlp-receiver");
        }
        flags.extend(more);
        Some(Self::launch(free_port(), &program, config, "--storage.tsdb.path", &flags).await)
    }

    /// An agent that scrapes itself every second and remote-writes to each of `targets`.
    pub async fn start_agent(targets: &[String]) -> Option<Self> {
        let program = require("prometheus")?;
        let port = free_port();
        let target = |url: &String| format!("  - {{ url: '{url}', metadata_config: {{ send_interval: 2s }} }}\n");
        let config = format!(
            "global: {{ scrape_interval: 1s }}\n\
             scrape_configs: [{{ job_name: self, static_configs: [{{ targets: ['127.0.0.1:{port}'] }}] }}]\n\
             remote_write:\n{}",
            targets.iter().map(target).collect::<String>()
        );
        Some(Self::launch(port, &program, &config, "--storage.agent.path", &["--agent"]).await)
    }

    async fn launch(port: u16, program: &Path, config: &str, storage: &str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).expect("a configuration file");
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("{storage}={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn")
            .args(flags);
        let process = Process::start("prometheus", command, folder.path());
        let mut this = Self { process, url: format!("http://127.0.0.1:{port}"), client: client(), _folder: folder };
        this.ready().await;
        this
    }

    /// Waits until it answers.
    pub async fn ready(&mut self) {
        let (url, client) = (format!("{}/-/ready", self.url), &self.client);
        let process = &mut self.process;
        until("prometheus is ready", START_PATIENCE, async || {
            process.must_run();
            try_get(client, &url).await
        })
        .await;
    }

    /// Where others remote-write to.
    pub fn remote_write_url(&self) -> String {
        format!("{}/api/v1/write", self.url)
    }

    /// An instant query at `at` (now, if none): the `data.result` array.
    pub async fn query(&self, expr: &str, at_ms: Option<i64>) -> Value {
        let time = at_ms.map(|at| format!("&time={}", seconds(at))).unwrap_or_default();
        self.data(&format!("query?query={}{time}", escape(expr))).await["result"].clone()
    }

    /// A range query: the `data.result` array.
    pub async fn query_range(&self, expr: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Value {
        let (start, end, step) = (seconds(start_ms), seconds(end_ms), seconds(step_ms));
        let query = format!("query_range?query={}&start={start}&end={end}&step={step}", escape(expr));
        self.data(&query).await["result"].clone()
    }

    /// The number that `expr` yields at `at`, if it yields exactly one.
    pub async fn number(&self, expr: &str, at_ms: Option<i64>) -> Option<f64> {
        let result = self.query(expr, at_ms).await;
        let [only] = result.as_array()?.as_slice() else { return None };
        only["value"][1].as_str()?.parse().ok()
    }

    /// The `data` of an API answer.
    pub async fn data(&self, path_and_query: &str) -> Value {
        get(&self.client, &format!("{}/api/v1/{path_and_query}", self.url)).await.ok().json()["data"].take()
    }

    /// Remote-writes `body` (snappy) past the gateway, straight to the store.
    pub async fn write(&self, body: Vec<u8>) -> crate::support::http::Answer {
        post(&self.client, &self.remote_write_url(), "application/x-protobuf", body).await
    }
}

/// Milliseconds as the decimal seconds of the API.
fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}
