//! One rule of a group: read, checked, compiled.

use super::Reader;
use super::place::inside;
use crate::model::labels::METRIC_NAME;
use crate::model::time::Millis;
use crate::rule::partition::Key;
use crate::rule::promql::{Expr, compile_as};
use crate::rule::template::Template;
use crate::yaml::{Map, Node, Place};

/// What a rule makes of its results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rule) enum What {
    /// Alerts.
    Alert {
        /// `for`.
        hold: Millis,
        /// `keep_firing_for`.
        keep_firing: Millis,
    },
    /// Series.
    Record,
}

/// A compiled rule.
#[derive(Clone, Debug)]
pub(in crate::rule) struct Rule {
    pub(in crate::rule) name: String,
    pub(in crate::rule) what: What,
    pub(in crate::rule) text: String,
    pub(in crate::rule) expr: Expr,
    /// Of the group and the rule, sorted by name.
    pub(in crate::rule) labels: Vec<(String, Template)>,
    /// Sorted by name.
    pub(in crate::rule) annotations: Vec<(String, Template)>,
    /// By which labels its results can be computed apart.
    pub(in crate::rule) key: Key,
    pub(in crate::rule) place: Place,
}

impl Rule {
    /// What state follows over a reload: kind, name and labels as written.
    pub(in crate::rule) fn identity(&self) -> String {
        let kind = if self.what == What::Record { "record" } else { "alert" };
        let labels = self.labels.iter().map(|(name, value)| format!("\u{1}{name}\u{2}{}", value.source()));
        format!("{kind}\u{1}{}{}", self.name, labels.collect::<String>())
    }
}

/// Labels or annotations as read: name, template, place.
pub(super) type Named = Vec<(String, Template)>;

impl Reader<'_> {
    pub(super) fn rule(&mut self, node: &Node, path: &str, group: &Named, limit: usize) -> Option<Rule> {
        let mut map = node.map(path, self.problems)?;
        let record = map.text("record", self.problems).filter(|name| !name.is_empty());
        let alert = map.text("alert", self.problems).filter(|name| !name.is_empty());
        match (alert, record) {
            (Some(_), Some(_)) => {
                self.problems.push(node.place, "only one of 'record' and 'alert' must be set, remove one");
            }
            (None, None) => self.problems.push(node.place, "one of 'record' or 'alert' must be set, name the rule"),
            _ => {}
        }
        let compiled = self.expr(&mut map, node);
        let hold = map.duration("for", self.problems).unwrap_or(0);
        let keep_firing = map.duration("keep_firing_for", self.problems).unwrap_or(0);
        let own = self.labels(&mut map, "labels", "label");
        let annotations = self.labels(&mut map, "annotations", "annotation");
        if let Some(name) = record {
            self.recording(&mut map, name, (hold, keep_firing), annotations.is_empty());
        }
        self.not_yet(&mut map, "active");
        map.finish(self.problems);
        let (text, expr) = compiled?;
        let labels = merge(group, own);
        let name = alert.or(record)?.to_owned();
        let what = if record.is_some() { What::Record } else { What::Alert { hold, keep_firing } };
        let key = if limit > 0 { Key::global() } else { key(&expr, &labels) };
        Some(Rule { name, what, text, expr, labels, annotations, key, place: node.place })
    }

    fn expr(&mut self, map: &mut Map<'_>, rule: &Node) -> Option<(String, Expr)> {
        let node = map.take("expr");
        let text = node.and_then(|node| node.text(&map.path("expr"), self.problems)).unwrap_or_default();
        let Some(node) = node.filter(|_| !text.trim().is_empty()) else {
            self.problems.push(rule.place, "field 'expr' must be set in rule, write `expr: …`");
            return None;
        };
        let at = |byte: usize| inside(self.text, node.place, text, byte);
        match compile_as(text, self.dialect) {
            Ok(expr) => match expr.fixed_at {
                None => Some((text.to_owned(), expr)),
                Some(byte) => {
                    let message = "`@` with a fixed time reads samples that windows do not keep: that needs \
                                   rules.backfill, which is not yet supported, write `offset`, `@ start()` or `@ end()`";
                    self.problems.push(at(byte), message);
                    None
                }
            },
            Err(error) => {
                self.problems.push(at(error.at), format!("could not parse expression: {}", error.message));
                None
            }
        }
    }

    fn recording(&mut self, map: &mut Map<'_>, name: &str, (hold, keep): (Millis, Millis), no_annotations: bool) {
        let mut refuse = |key: &str, message: String| {
            let place = map.entry(key).map_or(Place::NOWHERE, |entry| entry.place);
            self.problems.push(place, message);
        };
        if !no_annotations {
            refuse("annotations", "invalid field 'annotations' in recording rule, remove it".to_owned());
        }
        if hold != 0 {
            refuse("for", "invalid field 'for' in recording rule, remove it".to_owned());
        }
        if keep != 0 {
            refuse("keep_firing_for", "invalid field 'keep_firing_for' in recording rule, remove it".to_owned());
        }
        if name.contains(['{', '}']) {
            refuse("record", format!("braces present in the recording rule name; should it be in expr?: {name}"));
        }
    }

    /// `labels:` or `annotations:`, with their templates checked; sorted by name.
    pub(super) fn labels(&mut self, map: &mut Map<'_>, key: &str, what: &str) -> Named {
        let path = map.path(key);
        let Some(inner) = map.map(key, self.problems) else { return Vec::new() };
        let mut named = Vec::new();
        for entry in inner.entries() {
            if entry.key.is_empty() || (what == "label" && entry.key == METRIC_NAME) {
                self.problems.push(entry.place, format!("invalid {what} name: {:?}, write another", entry.key));
            }
            let value = match entry.value.is_null() {
                true => Some(""),
                false => entry.value.text(&format!("{path}.{}", entry.key), self.problems),
            };
            match value.map(Template::parse) {
                Some(Ok(template)) => named.push((entry.key.to_owned(), template)),
                Some(Err(error)) => self.problems.push(entry.value.place, format!("{what} {:?}: {error}", entry.key)),
                None => {}
            }
        }
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        named
    }
}

/// The partition key: without the labels whose values are the rule's own.
fn key(expr: &Expr, labels: &Named) -> Key {
    Key::of(expr).without(labels.iter().map(|(name, _)| name.as_str()).chain(["alertname", METRIC_NAME]))
}

/// The group's labels with the rule's own over them.
fn merge(group: &Named, own: Named) -> Named {
    let kept = group.iter().filter(|(name, _)| own.iter().all(|(other, _)| other != name));
    let mut merged: Named = kept.cloned().chain(own.iter().cloned()).collect();
    merged.sort_by(|(a, _), (b, _)| a.cmp(b));
    merged
}
