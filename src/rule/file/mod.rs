//! Prometheus rule files, read as Prometheus reads them, with every problem of a file at once.
//!
//! [`load_rules`] turns texts into a [`RuleSet`]; expressions and templates are compiled here, so
//! that nothing can be refused later. The keys that Watchgate adds and does not do yet are refused
//! by name.

mod place;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::model::time::Millis;
use crate::rule::promql::Dialect;
use crate::yaml::{Map, Node, Problem, Problems, parse};

pub(in crate::rule) use rule::{Rule, What};

/// When rules are evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evaluate {
    /// At every tick, and between ticks as soon as fresh data or the passing of time can change a result.
    #[default]
    OnData,
    /// At ticks only: Prometheus' cadence exactly.
    OnTick,
}

/// Every rule of a set of files, compiled.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    pub(in crate::rule) groups: Vec<Group>,
    /// What is doubtful, by file: the rules are used.
    pub warnings: Vec<(String, Problem)>,
}

impl RuleSet {
    /// How many groups and how many rules there are.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        (self.groups.len(), self.groups.iter().map(|group| group.rules.len()).sum())
    }

    /// Whether there is no group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// A group of rules, evaluated in order.
#[derive(Clone, Debug)]
pub(in crate::rule) struct Group {
    pub(in crate::rule) file: String,
    pub(in crate::rule) name: String,
    pub(in crate::rule) interval: Option<Millis>,
    pub(in crate::rule) query_offset: Millis,
    pub(in crate::rule) limit: usize,
    pub(in crate::rule) evaluate: Option<Evaluate>,
    pub(in crate::rule) rules: Vec<Rule>,
}

/// Reads and compiles rule files, given by name and text.
///
/// # Errors
/// Every error of every file, with its file; warnings too if there is an error.
pub fn load_rules(files: &[(String, String)]) -> Result<RuleSet, Vec<(String, Problem)>> {
    load_rules_as(files, Dialect::default())
}

/// The same with settings that expressions depend on.
///
/// # Errors
/// Every error of every file, with its file; warnings too if there is an error.
pub fn load_rules_as(files: &[(String, String)], dialect: Dialect) -> Result<RuleSet, Vec<(String, Problem)>> {
    let mut set = RuleSet::default();
    let mut failed = false;
    for (file, text) in files {
        let mut problems = Problems::new();
        match parse(text) {
            Ok(root) => set.groups.extend(Reader { file, text, dialect, problems: &mut problems }.file(&root)),
            Err(problem) => problems.extend([problem]),
        }
        failed |= problems.has_errors();
        set.warnings.extend(problems.into_sorted().into_iter().map(|problem| (file.clone(), problem)));
    }
    if failed { Err(set.warnings) } else { Ok(set) }
}

/// One file that is being read.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    dialect: Dialect,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn file(&mut self, root: &Node) -> Vec<Group> {
        let Some(mut map) = root.map("", self.problems) else { return Vec::new() };
        let mut names = HashSet::new();
        let mut groups = Vec::new();
        for (index, node) in map.list("groups", self.problems).iter().enumerate() {
            groups.extend(self.group(node, index, &mut names));
        }
        self.not_yet(&mut map, "time_intervals");
        map.finish(self.problems);
        groups
    }

    fn group(&mut self, node: &Node, index: usize, names: &mut HashSet<String>) -> Option<Group> {
        let mut map = node.map(&format!("groups[{index}]"), self.problems)?;
        let named = map.take("name");
        let name = named.and_then(|name| name.text(&map.path("name"), self.problems)).unwrap_or_default().to_owned();
        let place = named.map_or(node.place, |name| name.place);
        if name.is_empty() {
            self.problems.push(place, "groupname must not be empty, write `name: …`");
        } else if !names.insert(name.clone()) {
            let message = format!("groupname: {name:?} is repeated in the same file, give each group its own name");
            self.problems.push(place, message);
        }
        let interval = map.duration("interval", self.problems).filter(|interval| *interval > 0);
        let query_offset = map.duration("query_offset", self.problems).unwrap_or(0);
        let limit = map.uint("limit", self.problems).unwrap_or(0);
        let evaluate = self.evaluate(&mut map);
        let labels = self.labels(&mut map, "labels", "label");
        if map.bool("forward", self.problems) == Some(true) {
            let place = map.entry("forward").map_or(node.place, |entry| entry.place);
            self.problems.push(place, "`forward: true` is not yet supported, remove it");
        }
        self.not_yet(&mut map, "metrics");
        let rules = map.list("rules", self.problems);
        let mut group = Group {
            file: self.file.to_owned(),
            name,
            interval,
            query_offset,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            evaluate,
            rules: Vec::with_capacity(rules.len()),
        };
        for (number, rule) in rules.iter().enumerate() {
            let path = format!("groups[{index}].rules[{number}]");
            group.rules.extend(self.rule(rule, &path, &labels, group.limit));
        }
        map.finish(self.problems);
        self.repeated(&group);
        Some(group)
    }

    fn evaluate(&mut self, map: &mut Map<'_>) -> Option<Evaluate> {
        let node = map.take("evaluate")?;
        match node.text(&map.path("evaluate"), self.problems)? {
            "on_data" => Some(Evaluate::OnData),
            "on_tick" => Some(Evaluate::OnTick),
            _ => node.refuse(&map.path("evaluate"), "a way to evaluate", "on_data or on_tick", self.problems),
        }
    }

    /// Refuses a key that the blueprint has and we do not do yet.
    fn not_yet(&mut self, map: &mut Map<'_>, key: &str) {
        if let Some(entry) = map.entry(key) {
            self.problems.push(entry.place, format!("`{key}` is not yet supported, remove it"));
        }
    }

    /// Two rules of the same name and labels load in Prometheus too, but are hardly meant.
    fn repeated(&mut self, group: &Group) {
        let mut seen = HashSet::new();
        for rule in &group.rules {
            if !seen.insert(rule.identity()) {
                let message = format!(
                    "rule {:?} stands more than once in group {:?} with the same labels, remove one or give it labels \
                     of its own",
                    rule.name, group.name
                );
                self.problems.warn(rule.place, message);
            }
        }
    }
}
