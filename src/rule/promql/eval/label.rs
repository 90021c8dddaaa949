//! `label_replace` and `label_join`.

use regex::Captures;

use super::super::tree::{LabelJoin, LabelReplace};
use super::super::value::EvalError;
use super::item::{Item, check_unique};

/// Sets one label.
fn set(item: &mut Item, name: &str, value: &str) {
    item.labels = item.settle().with([(name, value)]);
    item.bare = false;
}

pub(super) fn replace(call: &LabelReplace, mut items: Vec<Item>) -> Result<Vec<Item>, EvalError> {
    for item in &mut items {
        let replaced = call.pattern.captures(item.get(&call.source)).map(|found| expand(&call.replacement, &found));
        if let Some(replaced) = replaced {
            set(item, &call.target, &replaced);
        }
    }
    check_unique(&items)?;
    Ok(items)
}

pub(super) fn join(call: &LabelJoin, mut items: Vec<Item>) -> Result<Vec<Item>, EvalError> {
    for item in &mut items {
        let joined = call.sources.iter().map(|source| item.get(source)).collect::<Vec<_>>().join(&call.separator);
        set(item, &call.target, &joined);
    }
    check_unique(&items)?;
    Ok(items)
}

/// Fills Go's template: `$1`, `${1}`, `$name`, `${name}`, `$$`; any other `$` stays as it is.
fn expand(template: &str, found: &Captures<'_>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let Some((name, len)) = reference(rest) else {
            out.push('$');
            continue;
        };
        let group = match name.parse::<usize>() {
            Ok(number) if name == "0" || !name.starts_with('0') => found.get(number),
            _ => found.name(name),
        };
        out.push_str(group.map_or("", |group| group.as_str()));
        rest = &rest[len..];
    }
    out + rest
}

/// The name after a `$`, and how many bytes it takes.
fn reference(text: &str) -> Option<(&str, usize)> {
    let braced = text.strip_prefix('{');
    let inside = braced.unwrap_or(text);
    let len = inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len());
    let name = &inside[..len];
    match braced {
        _ if name.is_empty() => None,
        None => Some((name, len)),
        Some(inside) => inside[len..].starts_with('}').then_some((name, len + 2)),
    }
}
