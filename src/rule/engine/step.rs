//! Groups evaluated one by one at given instants: what unit tests of rules drive.

use super::Engine;
use super::evaluate::told_alert;
use super::run::Turn;
use crate::model::alert::AlertState;
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::model::time::Millis;

/// A sample that a rule made at a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The rule, by its place among all.
    pub rule: u32,
    /// The series, without external labels.
    pub labels: Labels,
    /// The sample, maybe a staleness marker.
    pub sample: Sample,
    /// Some rule reads the series.
    pub read: bool,
    /// Its group is forwarded to stores.
    pub forward: bool,
}

/// Labels and annotations.
type Told = [Vec<(String, String)>; 2];

impl Engine {
    /// Evaluates a group as of `at`, whatever its interval.
    pub(in crate::rule) fn step(&mut self, group: u32, at: Millis) {
        self.clock = self.clock.max(at);
        let mut out = Vec::new();
        self.evaluate_group(group, at, &mut Turn { stopwatch: &mut || 0, out: &mut out });
        self.sweep();
    }

    /// The rules of a group whose last evaluation failed, and why.
    pub(in crate::rule) fn failures(&self, group: u32) -> impl Iterator<Item = (u32, String)> {
        let rules = self.groups[group as usize].rules.clone();
        rules.filter_map(|rule| Some((rule, self.rules[rule as usize].last_error.clone()?)))
    }

    /// The name of a rule.
    pub(in crate::rule) fn rule_name(&self, rule: u32) -> &str {
        self.rules.get(rule as usize).map_or("", |run| &run.definition.rule.name)
    }

    /// The firing alerts that rules of this name in a group have; empty annotations included.
    pub(in crate::rule) fn firing(&self, group: u32, name: &str) -> impl Iterator<Item = Told> {
        let run = &self.groups[group as usize];
        let rules = &self.rules[run.rules.start as usize..run.rules.end as usize];
        let named = rules.iter().filter(move |run| run.definition.rule.name == name);
        named.flat_map(move |rule| {
            let partitions = rule.partitions.values().filter_map(|id| self.partitions.get(*id));
            let alerts = partitions.flat_map(|partition| partition.alerts.iter());
            let firing = alerts.filter(|alert| alert.state == AlertState::Firing);
            firing.map(move |alert| {
                let told = told_alert(&rule.definition, &run.name, alert, &self.settings.surroundings);
                let annotations = rule.definition.rule.annotations.iter();
                let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
                [
                    alert.labels.iter().map(pair).collect(),
                    annotations.map(|(name, _)| pair((name, told.annotations.get(name)))).collect(),
                ]
            })
        })
    }

    /// What rules made since it was last asked; kept only where the settings say so.
    #[must_use]
    pub fn take_made(&mut self) -> Vec<Made> {
        std::mem::take(&mut self.made)
    }
}
