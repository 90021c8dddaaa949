//! Rules in and out: what goes on unchanged keeps its state.
//!
//! State follows file, group, kind, name and labels of a rule, the n-th of duplicates. A changed
//! expression keeps it; what nothing claims ends: its firing alerts are resolved, its series go stale.

use std::collections::HashMap;

use super::Engine;
use super::evaluate::told_alert;
use super::output::{ALERTS, ALERTS_FOR_STATE};
use super::partition::Due;
use super::rules::{Definition, GroupRun, RuleRun, compile};
use super::settings::Evaluations;
use super::store::{Known, UNREAD};
use crate::model::alert::AlertState;
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::time::Millis;
use crate::rule::alerting::Active;
use crate::rule::file::RuleSet;
use crate::rule::index::{Index, Reader};

/// What of a rule outlives a reload.
struct Kept {
    alerts: Vec<Active>,
    outputs: Vec<Labels>,
    last_error: Option<String>,
    last_evaluation: Option<Millis>,
    evaluation_nanos: u64,
    evaluations: Evaluations,
    definition: std::sync::Arc<Definition>,
    group: String,
    interval: Millis,
}

/// What a rule's state is known by: file, group, rule, and which of several alike.
pub(super) type Identity = (String, String, String, usize);

impl Engine {
    /// Replaces all rules. Windows of series that are still read stay; alerts and series of rules that
    /// are still there go on.
    pub fn load(&mut self, rules: RuleSet, now: Millis) {
        self.advance(now);
        let mut kept = self.unload();
        let (groups, runs) = compile(rules, &self.settings);
        (self.groups, self.rules) = (groups, runs);
        self.reindex();
        for rule in 0..self.rules.len() {
            let definition = std::sync::Arc::clone(&self.rules[rule].definition);
            let rule = u32::try_from(rule).unwrap_or(u32::MAX);
            if definition.rule.expr.always_yields() {
                self.partition_of(rule, Labels::default());
            }
            if let Some(kept) = kept.remove(&identity(&self.groups[definition.group as usize], &definition)) {
                self.resume(rule, kept);
            }
        }
        self.resume_ticks(now);
        for ((file, group, ..), kept) in kept {
            self.drop_rule(&file, &group, kept, now);
        }
        self.resume_timers();
    }

    /// Takes the state of all rules out and forgets the rules.
    fn unload(&mut self) -> HashMap<Identity, Kept> {
        self.queue.clear();
        let mut kept = HashMap::new();
        for run in std::mem::take(&mut self.rules) {
            let group = &self.groups[run.definition.group as usize];
            let mut state = Kept::of(&run, group);
            if let Some(aside) = run.aside {
                self.partitions.remove(aside);
            }
            for partition in run.partitions.into_values().filter_map(|id| self.partitions.remove(id)) {
                let mut partition = partition;
                state.alerts.extend(partition.alerts.take());
                state.outputs.extend(std::mem::take(&mut partition.outputs));
            }
            kept.insert(identity(group, &run.definition), state);
        }
        kept
    }

    /// Matches every series against the new rules.
    fn reindex(&mut self) {
        let readers = (0..).zip(&self.rules).flat_map(|(rule, run)| {
            let selectors = run.definition.selectors();
            (0..).zip(selectors).map(move |(selector, found)| (Reader { rule, selector }, found))
        });
        self.index = Index::build(readers);
        self.alerts_read = self.index.may_read(ALERTS) || self.index.may_read(ALERTS_FOR_STATE);
        self.store.forget_unread();
        for id in self.store.ids() {
            let Some(series) = self.store.get_mut(id) else { continue };
            series.slots.clear();
            (series.need_ms, series.producer) = (0, None);
            let (labels, hash) = (series.labels.clone(), series.hash);
            let mut readers = Vec::new();
            self.index.readers(&labels, |reader| readers.push(reader));
            if readers.is_empty() {
                let seen_s = self.store.by_hash.get(&hash).map_or(0, |known| known.seen_s);
                self.store.remove(id);
                self.store.by_hash.insert(hash, Known { id: UNREAD, seen_s });
            } else {
                self.attach(id, &labels, &readers);
            }
        }
    }

    /// Gives a rule the state that it, or its earlier version, had.
    fn resume(&mut self, rule: u32, kept: Kept) {
        let run = &mut self.rules[rule as usize];
        (run.last_error, run.last_evaluation) = (kept.last_error, kept.last_evaluation);
        (run.evaluation_nanos, run.evaluations) = (kept.evaluation_nanos, kept.evaluations);
        for alert in kept.alerts {
            self.put_alert(rule, alert);
        }
        let key = self.rule(rule).rule.key.clone();
        for labels in kept.outputs {
            let partition = self.partition_of(rule, key.project(&labels).without(|name| name == METRIC_NAME));
            let id = self.store.by_hash.get(&labels.hash()).map(|known| known.id);
            if let Some(series) = id.and_then(|id| self.store.get_mut(id)) {
                series.producer = Some(partition);
            }
            if let Some(partition) = self.partitions.get_mut(partition) {
                partition.outputs.insert(labels);
            }
        }
    }

    /// Puts an alert into the partition that its labels belong to: no label that the rule sets is in a key.
    pub(super) fn put_alert(&mut self, rule: u32, alert: Active) {
        let key = self.rule(rule).rule.key.project(&alert.labels);
        let partition = self.partition_of(rule, key);
        if let Some(partition) = self.partitions.get_mut(partition) {
            partition.alerts.insert(alert);
        }
    }

    fn resume_ticks(&mut self, now: Millis) {
        for (group, run) in (0..).zip(&self.groups) {
            self.queue.push(run.ticks.next(now.max(self.clock)), Due::Tick(group));
        }
    }

    /// Makes the ends of `for` and `keep_firing_for` due; all else waits for data or the next tick.
    pub(super) fn resume_timers(&mut self) {
        let rules: Vec<_> = self.rules.iter().map(|run| (run.definition.clone(), run.partitions.clone())).collect();
        for (definition, partitions) in rules {
            for id in partitions.into_values() {
                let due = self.alerts_due(id, &definition).map(|due| due.max(self.clock));
                if due.is_some() {
                    self.set_timer(id, due);
                }
            }
        }
    }

    /// Ends what a rule that is gone has made.
    fn drop_rule(&mut self, file: &str, group: &str, kept: Kept, now: Millis) {
        let around = &self.settings.surroundings;
        for mut alert in kept.alerts.into_iter().filter(|alert| alert.state == AlertState::Firing) {
            (alert.state, alert.resolved_at, alert.received_at) = (AlertState::Resolved, Some(now), None);
            self.outbox.push(told_alert(&kept.definition, &kept.group, &alert, around));
        }
        let runs = self.groups.iter().any(|run| run.file == file && run.name == group);
        let when = if runs { now } else { now.saturating_add(2 * kept.interval) };
        let forward = kept.definition.forward;
        self.orphans.extend(kept.outputs.into_iter().map(|labels| (when, labels, forward)));
    }
}

impl Kept {
    fn of(run: &RuleRun, group: &GroupRun) -> Self {
        Self {
            alerts: Vec::new(),
            outputs: Vec::new(),
            last_error: run.last_error.clone(),
            last_evaluation: run.last_evaluation,
            evaluation_nanos: run.evaluation_nanos,
            evaluations: run.evaluations,
            definition: std::sync::Arc::clone(&run.definition),
            group: group.name.clone(),
            interval: group.interval,
        }
    }
}

/// What the state of a rule is known by.
pub(super) fn identity(group: &GroupRun, definition: &Definition) -> Identity {
    (group.file.clone(), group.name.clone(), definition.rule.identity(), definition.nth)
}
