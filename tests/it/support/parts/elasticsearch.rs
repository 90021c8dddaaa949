//! One Elasticsearch node.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::{Answer, client, request, try_get};
use crate::support::parts::require;
use crate::support::process::{Process, free_port, until};

/// How long it may take to answer after its start.
const START_PATIENCE: Duration = Duration::from_secs(90);

/// Documents a page when a whole data stream is read.
const PAGE_DOCUMENTS: usize = 2_500;

/// One node on loopback, its data in a temporary folder.
pub struct Elasticsearch {
    /// The process, to stop and start again.
    pub process: Process,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    client: Client,
    _folder: TempDir,
}

impl Elasticsearch {
    /// Starts a node and waits for it.
    pub async fn start() -> Option<Self> {
        let home = require("elasticsearch")?;
        let (folder, port) = (tempfile::tempdir().expect("a temporary folder"), free_port());
        let mut command = Command::new("java");
        command
            .args(["-Xms512m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args([OsString::from("--module-path"), home.join("lib").into()])
            .args(["--add-modules", "org.elasticsearch.server,org.elasticsearch.logging"])
            .args([OsString::from("-cp"), home.join("launcher").into(), "Launcher".into()])
            .args([home.as_os_str(), folder.path().as_os_str()])
            .arg(port.to_string());
        let process = Process::start("elasticsearch", command, folder.path());
        let mut this = Self { process, url: format!("http://127.0.0.1:{port}"), client: client(), _folder: folder };
        this.ready().await;
        Some(this)
    }

    /// Waits until it answers.
    pub async fn ready(&mut self) {
        let (url, client) = (format!("{}/_cluster/health?wait_for_status=yellow", self.url), &self.client);
        let process = &mut self.process;
        until("elasticsearch is ready", START_PATIENCE, async || {
            process.must_run();
            try_get(client, &url).await
        })
        .await;
    }

    /// Any call: `path` with a leading slash, a JSON body or none.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let url = format!("{}{path}", self.url);
        let headers = [("content-type", "application/json")];
        let body = body.map(Value::to_string).unwrap_or_default();
        let headers = if body.is_empty() { &[][..] } else { &headers[..] };
        request(&self.client, method, &url, headers, body).await.unwrap_or_else(|error| panic!("{url}: {error:?}"))
    }

    /// Makes what was indexed visible to search.
    pub async fn refresh(&self) {
        self.call(Method::POST, "/_refresh", None).await.ok();
    }

    /// How many documents of `index` match `query`, after a refresh; none while there is no such index, or one
    /// that is just being made.
    pub async fn count(&self, index: &str, query: &Value) -> u64 {
        self.refresh().await;
        let body = json!({ "query": query });
        let answer = self.call(Method::POST, &format!("/{index}/_count?ignore_unavailable=true"), Some(&body)).await;
        if answer.status == 503 { 0 } else { answer.ok().json()["count"].as_u64().expect("a count") }
    }

    /// The answer to a search.
    pub async fn search(&self, index: &str, body: &Value) -> Value {
        self.call(Method::POST, &format!("/{index}/_search"), Some(body)).await.ok().json()
    }

    /// Every hit of `query`, however many there are, in the order of `_doc`.
    pub async fn all(&self, index: &str, query: &Value) -> Vec<Value> {
        self.refresh().await;
        let body = json!({ "query": query, "size": PAGE_DOCUMENTS, "sort": ["_doc"] });
        let mut page = self.call(Method::POST, &format!("/{index}/_search?scroll=1m"), Some(&body)).await.ok().json();
        let mut found = Vec::new();
        while let Some(hits) = page["hits"]["hits"].as_array_mut().filter(|hits| !hits.is_empty()) {
            found.append(hits);
            let next = json!({ "scroll": "1m", "scroll_id": page["_scroll_id"] });
            page = self.call(Method::POST, "/_search/scroll", Some(&next)).await.ok().json();
        }
        found
    }
}
