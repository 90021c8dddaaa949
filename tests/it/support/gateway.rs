//! The gateway as users run it: the program with a configuration file, on free ports, in a temporary folder.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use reqwest::Client;
use tempfile::TempDir;

use crate::support::http::{Answer, client, get, try_get};
use crate::support::process::{Process, free_port, until};

/// How long it may take to be ready after its start, recovery included.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// A running `watchgate serve`.
pub struct Gateway {
    /// The process, to stop, kill and start again.
    pub process: Process,
    /// `http://127.0.0.1:PORT` of `listen.ingest`.
    pub ingest: String,
    /// `grpc://127.0.0.1:PORT` of `listen.grpc`.
    pub grpc: String,
    /// `http://127.0.0.1:PORT` of `listen.api`.
    pub api: String,
    client: Client,
    folder: TempDir,
}

impl Gateway {
    /// Starts it with `config` (YAML) added to listeners and `data_dir`; `files` are put beside the configuration,
    /// and `{folder}` in `config` and in them stands for their folder.
    pub async fn start(config: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = folder.path().display().to_string();
        for (name, text) in files {
            fs::write(folder.path().join(name), text.replace("{folder}", &at)).expect("a file");
        }
        let (ingest, grpc, api) = (free_port(), free_port(), free_port());
        let head = format!(
            "listen: {{ ingest: 127.0.0.1:{ingest}, grpc: 127.0.0.1:{grpc}, api: 127.0.0.1:{api} }}\n\
             data_dir: {at}/data\n"
        );
        let file = folder.path().join("watchgate.yaml");
        fs::write(&file, head + &config.replace("{folder}", &at)).expect("a configuration file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchgate"));
        command.arg("serve").arg("--config").arg(&file).current_dir(folder.path()).env("RUST_BACKTRACE", "1");
        // Settings of the tests themselves are no settings of the gateway, which refuses what it does not know.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WATCHGATE_")) {
            command.env_remove(name);
        }
        let process = Process::start("watchgate", command, folder.path());
        let url = |port| format!("http://127.0.0.1:{port}");
        let grpc = format!("grpc://127.0.0.1:{grpc}");
        let mut this = Self { process, ingest: url(ingest), grpc, api: url(api), client: client(), folder };
        this.ready().await;
        this
    }

    /// Waits until it answers that it is ready.
    pub async fn ready(&mut self) {
        let (url, client) = (format!("{}/-/ready", self.api), &self.client);
        let process = &mut self.process;
        until("watchgate is ready", START_PATIENCE, async || {
            process.must_run();
            try_get(client, &url).await
        })
        .await;
    }

    /// `kill -9`; `meanwhile`; then a new start on the same data, and ready again.
    pub async fn crash_and_recover_with(&mut self, meanwhile: impl AsyncFnOnce()) {
        self.process.kill();
        meanwhile().await;
        self.process.start_again();
        self.ready().await;
    }

    /// Where its data is.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Replaces one of its files.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("a file");
    }

    /// `GET` on its API.
    pub async fn get(&self, path: &str) -> Answer {
        get(&self.client, &format!("{}{path}", self.api)).await
    }
}
