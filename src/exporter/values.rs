//! Single values of an exporter's settings, read and checked.

use std::time::Duration;

use reqwest::Url;

use super::config::{Endpoint, Kind};
use super::secret::Secret;
use crate::journal::Start;
use crate::model::time::Millis;
use crate::yaml::{self, Map, Node, Place, Problems, Value};

/// The last priority of an endpoint.
const PRIORITY_MAX: u64 = 9;

/// `wait` as the configuration writes it.
pub(super) fn humane(wait: Duration) -> String {
    yaml::format_duration(Millis::try_from(wait.as_millis()).unwrap_or(Millis::MAX))
}

/// The kind that `KIND` or `KIND/NAME` names.
pub(super) fn kind_of(name: &str, place: Place, problems: &mut Problems) -> Option<Kind> {
    let (kind, own) = name.split_once('/').map_or((name, None), |(kind, own)| (kind, Some(own)));
    let fits = |own: &str| {
        !own.is_empty()
            && own.len() <= 64
            && own.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if !own.is_none_or(fits) {
        let message =
            format!("exporter `{name}`: after `/` come 1 to 64 letters, digits, `-` or `_`, such as `{kind}/eu`");
        problems.push(place, message);
        return None;
    }
    let found = Kind::from_name(kind);
    if found.is_none() {
        let instead = yaml::nearest(kind, Kind::NAMES)
            .map_or_else(|| format!("known are {}", Kind::NAMES.join(", ")), |near| format!("did you mean `{near}`?"));
        problems.push(place, format!("unknown kind of exporter `{kind}`, {instead}"));
    }
    found
}

/// An `http://` or `https://` address without credentials.
pub fn url(node: &Node, path: &str, problems: &mut Problems) -> Option<Url> {
    let instead = "one such as http://localhost:9090/api/v1/write";
    let text = node.text(path, problems)?;
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match url {
        Some(url) if !url.username().is_empty() || url.password().is_some() => {
            let message = format!("`{path}` holds a user or password, write them under `auth: {{ basic: … }}`");
            problems.push(node.place, message);
            None
        }
        // it may hold a password: not shown
        None if text.contains('@') => {
            problems.push(node.place, format!("`{path}` must be an http:// or https:// address, write {instead}"));
            None
        }
        None => node.refuse(path, "an http:// or https:// address", instead, problems),
        url => url,
    }
}

/// An address, or `{ url: …, priority: … }`.
pub(super) fn endpoint(node: &Node, path: &str, problems: &mut Problems) -> Option<Endpoint> {
    let Value::Mapping(_) = node.value else {
        return url(node, path, problems).map(|url| Endpoint { url, priority: 0 });
    };
    let mut map = node.map(path, problems)?;
    let address = map.require("url", problems).cloned();
    let mut priority = 0;
    let within = |node: &Node, path: &str, problems: &mut Problems| node.uint_within(path, 0..=PRIORITY_MAX, problems);
    map.set("priority", &mut priority, within, problems);
    let own = map.path("url");
    map.finish(problems);
    let url = url(&address?, &own, problems)?;
    Some(Endpoint { url, priority: u32::try_from(priority).unwrap_or(0) })
}

/// Header names and values that a request can carry.
pub(super) fn headers(node: &Node, path: &str, problems: &mut Problems) -> Option<Vec<(String, Secret)>> {
    use reqwest::header::{HeaderName, HeaderValue};
    let map = node.map(path, problems)?;
    let mut headers = Vec::new();
    for entry in map.entries() {
        let path = map.path(entry.key);
        if HeaderName::try_from(entry.key).is_err() {
            problems.push(entry.place, format!("`{path}` is no header name, write letters, digits and `-`"));
        }
        let Some(value) = entry.value.text(&path, problems) else { continue };
        if HeaderValue::try_from(value).is_err() {
            problems.push(
                entry.value.place,
                format!("`{path}` holds characters that no header may hold, write printable ones"),
            );
        }
        headers.push((entry.key.to_owned(), Secret::new(value)));
    }
    Some(headers)
}

/// Where a new exporter begins.
pub(super) fn start(node: &Node, path: &str, problems: &mut Problems) -> Option<Start> {
    let read = |text: &str| match text {
        "earliest" => Some(Start::Earliest),
        "latest" => Some(Start::Latest),
        ago => yaml::parse_duration(ago).map(Start::Ago),
    };
    node.scalar(path, "a place in the journal", "earliest, latest or a duration such as 2h", read, problems)
}

/// `drain`, of which there is one kind so far.
pub(super) fn drain(map: &mut Map<'_>, problems: &mut Problems) {
    let path = map.path("drain");
    let Some(node) = map.take("drain") else { return };
    match node.text(&path, problems) {
        Some("fresh_first") => {
            problems
                .push(node.place, format!("`{path}: fresh_first` is not yet supported, write in_order or remove it"));
        }
        Some("in_order") | None => {}
        Some(_) => drop(node.refuse::<()>(&path, "an order", "in_order", problems)),
    }
}

/// Elasticsearch's rules for names of indices.
pub(super) fn index_name(text: &str) -> Option<String> {
    let good = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c) || (!c.is_ascii() && !c.is_uppercase())
    };
    let fits = !text.is_empty() && text.len() <= 255 && !text.starts_with(['-', '_', '.']) && text.chars().all(good);
    fits.then(|| text.to_owned())
}
