//! The small sections, of one or two keys each.

use std::path::PathBuf;

use super::{Alerting, DeadLetters, Store, Telemetry, url};
use crate::model::labels::Labels;
use crate::yaml::{Node, Problems};

/// Alertmanager's file where none is named.
const ALERTING_PATH: &str = "config/alertmanager.yml";

/// `external_url:`.
pub(super) fn external_url(node: Option<&Node>, problems: &mut Problems) -> String {
    node.and_then(|node| link(node, "external_url", problems)).unwrap_or_else(|| "http://localhost:9480".to_owned())
}

/// An address that links can start with; a slash at its end is dropped.
fn link(node: &Node, path: &str, problems: &mut Problems) -> Option<String> {
    let address = url(node, path, problems)?;
    if address.query().is_some() || address.fragment().is_some() {
        return node.refuse(path, "an address without `?` and `#`", "one such as http://localhost:9480", problems);
    }
    Some(address.as_str().trim_end_matches('/').to_owned())
}

/// `external_labels:`, with names that Prometheus takes.
pub(super) fn external_labels(node: Option<&Node>, problems: &mut Problems) -> Labels {
    let Some(node) = node else { return Labels::default() };
    let pairs = node.text_map("external_labels", problems);
    for (name, _) in pairs.iter().filter(|(name, _)| !is_label_name(name)) {
        let instead = "write letters, digits and `_`, not beginning with `__` or a digit";
        problems.push(node.place, format!("`external_labels.{name}` is no label name, {instead}"));
    }
    Labels::from_pairs(pairs)
}

fn is_label_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && name.chars().all(word)
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.starts_with("__")
}

/// `data_dir:`.
pub(super) fn data_dir(node: Option<&Node>, problems: &mut Problems) -> PathBuf {
    node.and_then(|node| path(node, "data_dir", problems)).unwrap_or_else(|| PathBuf::from("./data"))
}

/// A path that is not empty.
fn path(node: &Node, path: &str, problems: &mut Problems) -> Option<PathBuf> {
    let read = |text: &str| (!text.trim().is_empty()).then(|| PathBuf::from(text));
    node.scalar(path, "a path", "one such as ./data", read, problems)
}

/// `store:`, of which there is one kind so far.
pub(super) fn store(node: Option<&Node>, problems: &mut Problems) -> Store {
    let Some(mut map) = node.and_then(|node| node.map("store", problems)) else { return Store::default() };
    if let Some(node) = map.take("url") {
        match node.text("store.url", problems) {
            Some("sqlite") | None => {}
            Some(text) if text.starts_with("postgres") => {
                problems.push(node.place, "`store.url: postgres://…` is not yet supported, write sqlite or remove it");
            }
            Some(_) => drop(node.refuse::<()>("store.url", "a kind of store", "sqlite", problems)),
        }
    }
    map.finish(problems);
    Store::Sqlite
}

/// `dead_letters:`.
pub(super) fn dead_letters(node: Option<&Node>, problems: &mut Problems) -> DeadLetters {
    let mut letters = DeadLetters { bytes_max: 1 << 30 };
    if let Some(mut map) = node.and_then(|node| node.map("dead_letters", problems)) {
        map.set("bytes_max", &mut letters.bytes_max, Node::bytes_above_zero, problems);
        map.finish(problems);
    }
    letters
}

/// `alerting:`; a file that is named must be there, unless it is the default one.
pub(super) fn alerting(node: Option<&Node>, problems: &mut Problems) -> Alerting {
    let default = PathBuf::from(ALERTING_PATH);
    let mut alerting = Alerting { config: default.is_file().then_some(default) };
    let Some(mut map) = node.and_then(|node| node.map("alerting", problems)) else { return alerting };
    if let Some(node) = map.take("config")
        && let Some(file) = path(node, "alerting.config", problems)
    {
        if !file.is_file() && file.as_os_str() != ALERTING_PATH {
            let message = format!(
                "`alerting.config` names {}, which is no file, relative to the working directory: without it nobody is notified",
                file.display()
            );
            problems.push(node.place, message);
        }
        alerting.config = file.is_file().then_some(file);
    }
    map.finish(problems);
    alerting
}

/// `telemetry:`.
pub(super) fn telemetry(node: Option<&Node>, problems: &mut Problems) -> Telemetry {
    let mut telemetry = Telemetry::default();
    if let Some(mut map) = node.and_then(|node| node.map("telemetry", problems)) {
        let read = |node: &Node, path: &str, problems: &mut Problems| url(node, path, problems).map(Some);
        map.set("zipkin_endpoint", &mut telemetry.zipkin_endpoint, read, problems);
        map.finish(problems);
    }
    telemetry
}
