//! The route tree: options inherited, matchers of all three spellings, keys as Alertmanager's.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Receiver;
use super::read::refuse_unless_empty;
use crate::alert::matcher::{Matcher, Matchers, Op};
use crate::alert::route::{GroupBy, Options, Route};
use crate::model::time::Millis;
use crate::yaml::{Map, Node, Problems, nearest};

/// What reading a route needs beside its node.
struct Reader<'a> {
    receivers: &'a [Receiver],
    problems: &'a mut Problems,
}

/// Reads `route:`.
pub(super) fn read_root(node: &Node, receivers: &[Receiver], problems: &mut Problems) -> Option<Route> {
    let mut map = node.map("route", problems)?;
    for key in ["matchers", "match", "match_re", "mute_time_intervals", "active_time_intervals"] {
        if let Some(entry) = map.entry(key).filter(|entry| !is_empty(entry.value)) {
            problems.push(entry.place, format!("the root route takes every alert, move `{key}` into a child route"));
        }
    }
    if let Some(entry) = map.entry("continue")
        && map.bool("continue", problems) == Some(true)
    {
        problems.push(entry.place, "the root route has no siblings, remove `continue`");
    }
    if map.text("receiver", problems).is_none_or(str::is_empty) {
        problems.push(map.place(), "the root route must name a default receiver, write `receiver: NAME`");
    }
    Reader { receivers, problems }.route(map, None)
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        crate::yaml::Value::Sequence(items) => items.is_empty(),
        crate::yaml::Value::Mapping(pairs) => pairs.is_empty(),
        value => *value == crate::yaml::Value::Null,
    }
}

impl Reader<'_> {
    fn route(&mut self, mut map: Map<'_>, parent: Option<&Route>) -> Option<Route> {
        let receiver = self.receiver(&mut map);
        let mut options = parent.map_or_else(|| Options::new(""), |parent| Options::clone(&parent.options));
        if let Some(receiver) = receiver {
            options.receiver = receiver;
        }
        if let Some(group_by) = self.group_by(&mut map) {
            options.group_by = group_by;
        }
        if let Some(wait) = map.duration("group_wait", self.problems) {
            options.group_wait = wait;
        }
        if let Some(interval) = self.positive(&mut map, "group_interval") {
            options.group_interval = interval;
        }
        if let Some(interval) = self.positive(&mut map, "repeat_interval") {
            options.repeat_interval = interval;
        }
        let matchers = self.matchers(&mut map);
        let continues = map.bool("continue", self.problems).unwrap_or(false);
        let key = parent.map_or_else(|| matchers.to_string(), |parent| format!("{}/{matchers}", parent.key));
        let mut route = Route { key: key.into(), options: Arc::new(options), matchers, continues, routes: Vec::new() };
        let path = map.path("routes");
        for (index, node) in map.list("routes", self.problems).iter().enumerate() {
            if let Some(child) = node.map(&format!("{path}[{index}]"), self.problems) {
                let child = self.route(child, Some(&route));
                route.routes.extend(child);
            }
        }
        for key in ["mute_time_intervals", "active_time_intervals", "labels"] {
            let is_root_interval = parent.is_none() && key != "labels";
            if is_root_interval {
                let _ = map.entry(key);
            } else {
                refuse_unless_empty(&mut map, key, self.problems);
            }
        }
        map.finish(self.problems);
        Some(route)
    }

    fn receiver(&mut self, map: &mut Map<'_>) -> Option<Arc<str>> {
        let at = map.entry("receiver")?.value.place;
        let name = map.text("receiver", self.problems).filter(|name| !name.is_empty())?;
        let known = self.receivers.iter().find(|receiver| *receiver.name == *name);
        if known.is_none() {
            let hint = nearest(name, self.receivers.iter().map(|receiver| &*receiver.name));
            let hint =
                hint.map_or_else(|| "add it to `receivers:`".to_owned(), |near| format!("did you mean `{near}`?"));
            self.problems.push(at, format!("receiver `{name}` is not defined, {hint}"));
        }
        known.map(|receiver| Arc::clone(&receiver.name))
    }

    fn group_by(&mut self, map: &mut Map<'_>) -> Option<GroupBy> {
        let node = map.take("group_by")?;
        let path = map.path("group_by");
        let mut names = BTreeSet::new();
        let mut all = false;
        for item in node.list(&path, self.problems)? {
            let Some(name) = item.text(&path, self.problems) else { continue };
            if name == "..." {
                all = true;
            } else if name.is_empty() {
                self.problems.push(item.place, "a label name in `group_by` may not be empty");
            } else if !names.insert(name.to_owned()) {
                self.problems.push(item.place, format!("label `{name}` stands twice in `group_by`, remove one"));
            }
        }
        if all && !names.is_empty() {
            self.problems.push(node.place, "`...` groups by all labels, write it alone or write labels only");
        }
        Some(if all { GroupBy::All } else { GroupBy::Labels(names) })
    }

    fn positive(&mut self, map: &mut Map<'_>, key: &str) -> Option<Millis> {
        let at = map.entry(key)?.value.place;
        let value = map.duration(key, self.problems)?;
        if value == 0 {
            self.problems.push(at, format!("`{key}` must be longer than 0, write for example 1s"));
            return None;
        }
        Some(value)
    }

    fn matchers(&mut self, map: &mut Map<'_>) -> Matchers {
        let mut found = Vec::new();
        for (key, op) in [("match", Op::Equal), ("match_re", Op::Regex)] {
            let Some(pairs) = map.map(key, self.problems) else { continue };
            for entry in pairs.entries() {
                if !is_label_name(entry.key) {
                    self.problems.push(entry.place, format!("`{}` is not a label name", entry.key));
                }
                let text = if entry.value.is_null() { Some("") } else { entry.value.text(key, self.problems) };
                let Some(text) = text else { continue };
                // Alertmanager anchors the old form once when it reads it and once more when it matches;
                // its group keys show the first pair.
                let value = if op == Op::Regex { format!("^(?:{text})$") } else { text.to_owned() };
                match Matcher::new(entry.key, op, value) {
                    Ok(matcher) => found.push(matcher),
                    Err(error) => self.problems.push(entry.value.place, error),
                }
            }
        }
        let path = map.path("matchers");
        for item in map.list("matchers", self.problems) {
            let Some(text) = item.text(&path, self.problems) else { continue };
            match Matchers::parse(text) {
                Ok(matchers) => found.extend(matchers.into_vec()),
                Err(error) => self.problems.push(item.place, format!("not a matcher: {error}")),
            }
        }
        Matchers::new(found)
    }
}

fn is_label_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
