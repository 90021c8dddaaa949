//! The real parts: where `make parts` put them, and one at a time on this machine.
//!
//! A part that is missing is a failure under `CI=true`; elsewhere [`require`] prints the skip and the test returns.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

mod elasticsearch;
mod prometheus;
mod zipkin;

pub use elasticsearch::Elasticsearch;
pub use prometheus::{Prometheus, Release};
pub use zipkin::Zipkin;

/// Where `tests/parts/fetch.sh` builds into.
fn cache() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache/watchgate-parts");
    env::var_os("PARTS_CACHE").map_or_else(home, PathBuf::from)
}

/// The part's program, jar or folder: `prometheus`, `promtool`, `prometheus-2.42`, `promtool-2.42`, `alertmanager`,
/// `amtool`, `elasticsearch`, `zipkin`, `python`.
///
/// # Panics
/// Under `CI=true`, if it is not there.
pub fn require(part: &str) -> Option<PathBuf> {
    let inside = match part {
        "prometheus" | "promtool" => format!("bin/{part}-3.13"),
        "elasticsearch" => part.to_owned(),
        "zipkin" => "zipkin/zipkin.jar".to_owned(),
        "python" => "python/bin/python".to_owned(),
        other => format!("bin/{other}"),
    };
    let path = cache().join(inside);
    let stamp_missing =
        ["elasticsearch", "zipkin", "python"].contains(&part) && !cache().join(format!("{part}.stamp")).exists();
    if path.exists() && !stamp_missing {
        return Some(path);
    }
    let said = format!("{part} is not at {}; run `make parts`", path.display());
    assert!(env::var("CI").as_deref() != Ok("true"), "{said}");
    // Past the capture of the test runner: a skip has to be seen.
    let _ = io::stderr().write_all(format!("skipped: {said}\n").as_bytes());
    None
}

/// Two cores carry one store comfortably: a test that starts parts holds this as long as they run.
pub async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

/// Runs `promtool`, `amtool` and the like to their end; `None` if the tool is missing.
pub fn run(tool: &str, arguments: &[&str]) -> Option<Output> {
    let program = require(tool)?;
    Some(Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{tool}: {error}")))
}

/// What a Python sender said it sent: a line an item, and the closing line.
pub struct Sent {
    /// One object an item, with its `seq` and ids.
    pub items: Vec<Value>,
    /// The mark that every item carries.
    pub mark: String,
}

/// Runs `tests/parts/python/send_{what}.py` against `url`; `None` if Python is missing.
///
/// # Panics
/// If an item was not taken.
pub async fn send(what: &str, url: &str, count: usize) -> Option<Sent> {
    let python = require("python")?;
    let script = format!("{}/tests/parts/python/send_{what}.py", env!("CARGO_MANIFEST_DIR"));
    let run = tokio::process::Command::new(python)
        .args(["-B", &script, url, &count.to_string()])
        .kill_on_drop(true)
        .output()
        .await
        .unwrap_or_else(|error| panic!("{script}: {error}"));
    let (out, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    let last = out.lines().last().unwrap_or_default();
    assert!(run.status.success(), "{script} failed: {last}\n{errors}");
    let mut items: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let closing = items.pop().expect("a closing line");
    let mark = closing["mark"].as_str().expect("a mark").to_owned();
    assert_eq!(items.len(), count, "{script} sent fewer than asked for");
    Some(Sent { items, mark })
}
