//! Groups and rules as they run: the definition from the file, and what is known since.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::output::{ALERTS, ALERTS_FOR_STATE};
use super::settings::{Evaluations, Settings};
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::time::Millis;
use crate::rule::file::{Evaluate, Group, Rule, RuleSet, What};
use crate::rule::tick::Ticks;

/// A group that runs.
#[derive(Debug)]
pub(super) struct GroupRun {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) interval: Millis,
    pub(super) limit: usize,
    pub(super) ticks: Ticks,
    /// Its rules in the engine, in order.
    pub(super) rules: std::ops::Range<u32>,
    pub(super) last_evaluation: Option<Millis>,
    pub(super) evaluation_nanos: u64,
}

/// What of a rule never changes while it runs.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) rule: Rule,
    pub(super) group: u32,
    /// Its place in the file among rules of the same identity.
    pub(super) nth: usize,
    pub(super) query_offset: Millis,
    pub(super) limit: usize,
    /// Evaluated between ticks.
    pub(super) between_ticks: bool,
    /// Fresh data is evaluated without settling.
    pub(super) at_once: bool,
    /// How many rules stand between it and rules that read samples alone.
    pub(super) rank: u32,
    /// Rules whose series it sees as of their last tick only: itself, later ones of its group, those
    /// in a cycle with it.
    pub(super) behind: Vec<u32>,
    /// Whether it reads recorded series at all.
    pub(super) reads_rules: bool,
}

/// A rule that runs.
#[derive(Debug)]
pub(super) struct RuleRun {
    pub(super) definition: Arc<Definition>,
    pub(super) partitions: HashMap<Labels, u32>,
    /// For each match of the expression the partitions whose `many` side has an element.
    pub(super) many: Vec<u32>,
    pub(super) last_error: Option<String>,
    pub(super) last_evaluation: Option<Millis>,
    /// Of the last tick, all partitions together.
    pub(super) evaluation_nanos: u64,
    pub(super) evaluations: Evaluations,
}

/// Makes groups and rules of a rule set run.
pub(super) fn compile(set: RuleSet, settings: &Settings) -> (Vec<GroupRun>, Vec<RuleRun>) {
    let all: Vec<(usize, &Rule)> =
        set.groups.iter().enumerate().flat_map(|(at, group)| group.rules.iter().map(move |rule| (at, rule))).collect();
    let order = Order::of(&all);
    let (mut groups, mut rules) = (Vec::new(), Vec::new());
    for (at, group) in set.groups.iter().enumerate() {
        let interval = group.interval.unwrap_or(settings.evaluation_interval);
        let start = number(rules.len());
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for rule in &group.rules {
            let nth = seen.entry(rule.identity()).or_default();
            rules.push(run(rule, at, *nth, group, settings, &order, rules.len()));
            *nth += 1;
        }
        groups.push(GroupRun {
            file: group.file.clone(),
            name: group.name.clone(),
            interval,
            limit: group.limit,
            ticks: Ticks::new(&group.file, &group.name, interval),
            rules: start..number(rules.len()),
            last_evaluation: None,
            evaluation_nanos: 0,
        });
    }
    (groups, rules)
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn run(rule: &Rule, at: usize, nth: usize, group: &Group, settings: &Settings, order: &Order, me: usize) -> RuleRun {
    let on_data = group.evaluate.unwrap_or(settings.evaluate) == Evaluate::OnData;
    let read = rule.what != What::Record || order.readers[me];
    let definition = Definition {
        rule: rule.clone(),
        group: number(at),
        nth,
        query_offset: group.query_offset,
        limit: group.limit,
        between_ticks: on_data && read,
        at_once: rule.expr.single_series() || order.rules_only[me],
        rank: order.rank[me],
        behind: order.behind[me].clone(),
        reads_rules: order.reads_rules[me],
    };
    RuleRun {
        many: vec![0; rule.expr.joins],
        definition: Arc::new(definition),
        partitions: HashMap::new(),
        last_error: None,
        last_evaluation: None,
        evaluation_nanos: 0,
        evaluations: Evaluations::default(),
    }
}

/// Who reads whom, rule by rule.
struct Order {
    rank: Vec<u32>,
    behind: Vec<Vec<u32>>,
    reads_rules: Vec<bool>,
    /// Whether it reads series of rules and nothing else.
    rules_only: Vec<bool>,
    /// Whether its series are read between ticks.
    readers: Vec<bool>,
}

impl Order {
    fn of(all: &[(usize, &Rule)]) -> Self {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (me, (_, rule)) in all.iter().enumerate().filter(|(_, (_, rule))| rule.what == What::Record) {
            by_name.entry(&rule.name).or_default().push(me);
        }
        let alerts = all.iter().enumerate().filter(|(_, (_, rule))| rule.what != What::Record);
        let alerts: Vec<(usize, &str)> = alerts.map(|(me, (_, rule))| (me, rule.name.as_str())).collect();
        let sources: Vec<Vec<usize>> = all.iter().map(|(_, rule)| sources(rule, &by_name, &alerts)).collect();
        let records = |sources: &Vec<usize>| sources.iter().any(|source| all[*source].1.what == What::Record);
        let exact = |rule: &Rule| {
            let mut selectors = rule.expr.selectors.iter().peekable();
            selectors.peek().is_some()
                && selectors.all(|selector| selector.metric().is_some_and(|metric| by_name.contains_key(metric)))
        };
        let mut order = Self {
            rank: vec![0; all.len()],
            behind: vec![Vec::new(); all.len()],
            reads_rules: sources.iter().map(records).collect(),
            rules_only: all.iter().map(|(_, rule)| exact(rule)).collect(),
            readers: vec![false; all.len()],
        };
        // Edges backwards in a group, and those that close a cycle, are seen as of the last tick.
        let mut state = vec![Visit::New; all.len()];
        for me in 0..all.len() {
            order.visit(me, all, &sources, &mut state);
        }
        order
    }

    /// Depth first from `root`; a rule is finished after everything that it reads.
    fn visit(&mut self, root: usize, all: &[(usize, &Rule)], sources: &[Vec<usize>], state: &mut [Visit]) {
        if state[root] != Visit::New {
            return;
        }
        state[root] = Visit::Open;
        let mut stack = vec![(root, 0)];
        while let Some((me, next)) = stack.last_mut() {
            let me = *me;
            let Some(&source) = sources[me].get(*next) else {
                self.finish(me, &sources[me]);
                state[me] = Visit::Done;
                stack.pop();
                continue;
            };
            *next += 1;
            let backwards = all[source].0 == all[me].0 && source >= me;
            if backwards || state[source] == Visit::Open {
                self.behind[me].push(number(source));
            } else if state[source] == Visit::New {
                state[source] = Visit::Open;
                stack.push((source, 0));
            }
        }
    }

    fn finish(&mut self, me: usize, sources: &[usize]) {
        for &source in sources.iter().filter(|source| !self.behind[me].contains(&number(**source))) {
            self.rank[me] = self.rank[me].max(self.rank[source] + 1);
            self.readers[source] = true;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    Open,
    Done,
}

/// The rules whose series `rule` may read: recording rules by name, alerting rules by `ALERTS`.
fn sources(rule: &Rule, by_name: &HashMap<&str, Vec<usize>>, alerts: &[(usize, &str)]) -> Vec<usize> {
    let mut found = Vec::new();
    for selector in &rule.expr.selectors {
        let fits = |label: &str, value: &str| {
            selector.matchers.iter().filter(|matcher| matcher.name == label).all(|matcher| matcher.matches(value))
        };
        match selector.metric() {
            Some(metric) => found.extend(by_name.get(metric).into_iter().flatten()),
            None => {
                found.extend(by_name.iter().filter(|(name, _)| fits(METRIC_NAME, name)).flat_map(|(_, rules)| rules))
            }
        }
        if fits(METRIC_NAME, ALERTS) || fits(METRIC_NAME, ALERTS_FOR_STATE) {
            found.extend(alerts.iter().filter(|(_, name)| fits("alertname", name)).map(|(index, _)| *index));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
