//! Overrides from the environment: `WATCHGATE_` and the key's path joined by `__`.
//!
//! `WATCHGATE_LISTEN__API=127.0.0.1:9000` is `listen: { api: … }`, in any case. Lists are separated
//! by commas or written as YAML, sections and free names are YAML (`{a: b}`). An exporter called
//! `prometheus/eu` is `WATCHGATE_EXPORTERS__PROMETHEUS_EU__…`. An empty variable counts as absent.

use super::key::{self, Kind};
use super::table::KEYS;
use crate::exporter::config::Kind as Store;
use crate::yaml::{self, Node, Place, Problems, Value};

const PREFIX: &str = "WATCHGATE_";

/// The process's variables; what is not UTF-8 in them is replaced, instead of a panic.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// Puts what `variables` say into `root`; answers the names of those that are ours. A value's place
/// has line 0 and, as column, its variable's number in that list.
pub(super) fn apply(
    root: &mut Node,
    variables: impl Iterator<Item = (String, String)>,
    problems: &mut Problems,
) -> Vec<String> {
    let mut ours: Vec<(String, String)> = variables
        .filter(|(name, value)| is_ours(name) && !is_service_link(name, value) && !value.trim().is_empty())
        .collect();
    // Sections before what is in them.
    ours.sort_by_key(|(name, _)| name.to_ascii_uppercase());
    let mut seen: Vec<Vec<String>> = Vec::new();
    for (index, (name, value)) in ours.iter().enumerate() {
        let place = Place { line: 0, column: u32::try_from(index + 1).unwrap_or(u32::MAX) };
        let segments: Vec<String> = name[PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
        let Some((path, kind)) = resolve(&segments, root) else {
            problems.push(place, unknown(&segments));
            continue;
        };
        if seen.contains(&path) {
            problems.push(place, format!("`{}` is set by two variables, remove one", path.join(".")));
        }
        match read(value, kind) {
            Ok(mut node) => {
                settle(&mut node, place);
                put(root, &path, node);
            }
            Err(problem) => problems.push(place, problem.message),
        }
        seen.push(path);
    }
    ours.into_iter().map(|(name, _)| name).collect()
}

fn is_ours(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Whether Kubernetes (or Docker links) put this variable here because a service is called watchgate.
fn is_service_link(name: &str, value: &str) -> bool {
    let ends = |end: &str| name.ends_with(end);
    let number = |text: &str| text.split('_').next().is_some_and(|part| part.parse::<u16>().is_ok());
    ends("_SERVICE_HOST")
        || ends("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (ends("_PORT") && value.contains("://"))
        || name
            .split("_PORT_")
            .skip(1)
            .any(|rest| number(rest) && (rest.contains("_TCP") || rest.contains("_UDP") || rest.contains("_SCTP")))
}

/// The path that a variable means, with names as `root` spells them, and what its value is.
fn resolve(segments: &[String], root: &Node) -> Option<(Vec<String>, Kind)> {
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let ["exporters", name, rest @ ..] = words.as_slice() {
        let name = exporter(name, root)?;
        let kind = name.split('/').next().unwrap_or_default();
        let (kind, names) = lookup(&[&["exporters", kind], rest].concat())?;
        let mut path = vec!["exporters".to_owned(), name];
        path.extend(names.into_iter().skip(2));
        return Some((path, kind));
    }
    lookup(&words).map(|(kind, names)| (names, kind))
}

/// The row of `words`, or the row of free names above it.
fn lookup(words: &[&str]) -> Option<(Kind, Vec<String>)> {
    let names = words.iter().map(|word| (*word).to_owned()).collect();
    if let Some(key) = key::find(words) {
        return Some((key.kind, names));
    }
    let (_, above) = words.split_last()?;
    match key::find(above)?.kind {
        Kind::Texts | Kind::Listener => Some((Kind::Text, names)),
        _ => None,
    }
}

/// The exporter that `word` means: one that is there, or a new one of a known kind.
fn exporter(word: &str, root: &Node) -> Option<String> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['/', '-', '.'], "_");
    if let Some(Value::Mapping(pairs)) = child(root, "exporters").map(|node| &node.value) {
        let mut names = pairs.iter().filter_map(|(key, _)| text(key));
        if let Some(name) = names.find(|name| plain(name) == plain(word)) {
            return Some(name.to_owned());
        }
    }
    let kind = Store::NAMES.into_iter().find(|kind| word.starts_with(kind))?;
    match word[kind.len()..].strip_prefix(['_', '/']) {
        Some(own) if !own.is_empty() => Some(format!("{kind}/{own}")),
        _ => (word == kind).then(|| kind.to_owned()),
    }
}

fn unknown(segments: &[String]) -> String {
    let written = segments.join(".");
    let spelt = |path: &str| format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase());
    let known: Vec<String> = KEYS
        .iter()
        .flat_map(|key| match key.path.strip_prefix("exporters.*") {
            Some(rest) => Store::NAMES.iter().map(|kind| format!("exporters.{kind}{rest}")).collect(),
            None => vec![key.path.to_owned()],
        })
        .collect();
    match yaml::nearest(&written, known.iter().map(String::as_str)) {
        Some(near) => format!("no key `{written}`, did you mean {}?", spelt(near)),
        None => format!("no key `{written}`, config/reference.yaml lists them all; unset the variable"),
    }
}

/// `value` as a node of that kind.
fn read(value: &str, kind: Kind) -> Result<Node, yaml::Problem> {
    let trimmed = value.trim();
    let flow = (trimmed.starts_with('[') && trimmed.ends_with(']')) || trimmed.starts_with('{');
    let scalar = |text: &str| match text.trim() {
        "null" | "~" => Node::NULL,
        _ => Node { place: Place::NOWHERE, value: Value::Scalar { text: text.to_owned(), plain: true } },
    };
    match kind {
        Kind::List | Kind::Listener if !flow => {
            let mut items: Vec<Node> = trimmed.split(',').map(|item| scalar(item.trim())).collect();
            let single = items.len() == 1 && kind == Kind::Listener;
            let list = |items| Node { place: Place::NOWHERE, value: Value::Sequence(items) };
            Ok(if single { items.remove(0) } else { list(items) })
        }
        Kind::List | Kind::Listener | Kind::Texts | Kind::Section => yaml::parse(trimmed),
        Kind::Secret => {
            Ok(Node { place: Place::NOWHERE, value: Value::Scalar { text: value.to_owned(), plain: false } })
        }
        _ => Ok(scalar(trimmed)),
    }
}

/// Gives all of `node` one place.
fn settle(node: &mut Node, place: Place) {
    node.place = place;
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().for_each(|item| settle(item, place)),
        Value::Mapping(pairs) => pairs.iter_mut().for_each(|(key, value)| {
            settle(key, place);
            settle(value, place);
        }),
        Value::Null | Value::Scalar { .. } => {}
    }
}

/// Puts `node` at `path`, making the mappings above it.
fn put(root: &mut Node, path: &[String], node: Node) {
    let Some((first, rest)) = path.split_first() else {
        *root = node;
        return;
    };
    if !matches!(root.value, Value::Mapping(_)) {
        *root = Node { place: node.place, value: Value::Mapping(Vec::new()) };
    }
    let Value::Mapping(pairs) = &mut root.value else { return };
    let same = |(key, _): &(Node, Node)| text(key).is_some_and(|text| text.eq_ignore_ascii_case(first));
    let at = pairs.iter().position(same).unwrap_or_else(|| {
        let key = Node { place: node.place, value: Value::Scalar { text: first.clone(), plain: true } };
        pairs.push((key, Node { place: node.place, value: Value::Null }));
        pairs.len() - 1
    });
    put(&mut pairs[at].1, rest, node);
}

fn text(node: &Node) -> Option<&str> {
    if let Value::Scalar { text, .. } = &node.value { Some(text) } else { None }
}

/// The value of `key` in a mapping.
pub(super) fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Value::Mapping(pairs) = &node.value else { return None };
    pairs.iter().find(|(name, _)| text(name) == Some(key)).map(|(_, value)| value)
}
