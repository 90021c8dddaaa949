//! One Zipkin server with its spans in memory.

use std::process::Command;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::http::{client, escape, get, try_get};
use crate::support::parts::require;
use crate::support::process::{Process, free_port, until};

/// How long it may take to answer after its start.
const START_PATIENCE: Duration = Duration::from_secs(90);

/// One server on loopback.
pub struct Zipkin {
    /// The process, to stop and start again (which empties it).
    pub process: Process,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    client: Client,
    _folder: TempDir,
}

impl Zipkin {
    /// Starts a server and waits for it.
    pub async fn start() -> Option<Self> {
        let jar = require("zipkin")?;
        let (folder, port) = (tempfile::tempdir().expect("a temporary folder"), free_port());
        let mut command = Command::new("java");
        command
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar"])
            .arg(jar)
            .args(["--armeria.ports[0].ip=127.0.0.1", "--armeria.ports[0].protocols[0]=http"])
            .arg(format!("--armeria.ports[0].port={port}"))
            .env("STORAGE_TYPE", "mem")
            .env("MEM_MAX_SPANS", "1000000");
        let process = Process::start("zipkin", command, folder.path());
        let mut this = Self { process, url: format!("http://127.0.0.1:{port}"), client: client(), _folder: folder };
        this.ready().await;
        Some(this)
    }

    /// Waits until it answers.
    pub async fn ready(&mut self) {
        let (url, client) = (format!("{}/health", self.url), &self.client);
        let process = &mut self.process;
        until("zipkin is ready", START_PATIENCE, async || {
            process.must_run();
            try_get(client, &url).await
        })
        .await;
    }

    /// Where others post spans to.
    pub fn spans_url(&self) -> String {
        format!("{}/api/v2/spans", self.url)
    }

    /// The traces of `service`, at most `limit`, each an array of spans.
    pub async fn traces(&self, service: &str, limit: usize) -> Vec<Value> {
        let query = format!("traces?serviceName={}&limit={limit}&lookback=86400000", escape(service));
        let traces = self.get(&query).await;
        traces.as_array().expect("an array of traces").clone()
    }

    /// Every span of `service`'s traces.
    pub async fn spans(&self, service: &str, traces_max: usize) -> Vec<Value> {
        let traces = self.traces(service, traces_max).await;
        traces.into_iter().flat_map(|trace| trace.as_array().cloned().unwrap_or_default()).collect()
    }

    /// One trace; `None` if there is none.
    pub async fn trace(&self, trace_id: &str) -> Option<Vec<Value>> {
        let answer = get(&self.client, &format!("{}/api/v2/trace/{trace_id}", self.url)).await;
        (answer.status == 200).then(|| answer.json().as_array().expect("an array of spans").clone())
    }

    async fn get(&self, path_and_query: &str) -> Value {
        get(&self.client, &format!("{}/api/v2/{path_and_query}", self.url)).await.ok().json()
    }
}
