//! What the API shows: groups, rules and alerts as `/api/v1/rules` and `/api/v1/alerts` have them.

use super::Engine;
use super::evaluate::told_alert;
use super::rules::{GroupRun, RuleRun};
use super::settings::Evaluations;
use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;
use crate::model::time::Millis;
use crate::rule::file::What;
use crate::rule::template::{Surroundings, Template};

/// Whether a rule's last evaluation had a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It had.
    Ok,
    /// It had not: see the rule's error.
    Err,
    /// It was never evaluated.
    Unknown,
}

impl Health {
    /// The name in Prometheus' API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Err => "err",
            Self::Unknown => "unknown",
        }
    }
}

/// The highest state of a rule's alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleState {
    /// Never evaluated.
    Unknown,
    /// No alert is active.
    Inactive,
    /// Some is pending, none firing.
    Pending,
    /// Some is firing.
    Firing,
}

impl RuleState {
    /// The name in Prometheus' API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// What a rule makes, with what only rules of that kind have.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleKind {
    /// Alerts.
    Alerting {
        /// `for`, in milliseconds.
        hold: Millis,
        /// `keep_firing_for`, in milliseconds.
        keep_firing: Millis,
        /// Templates as written.
        annotations: Labels,
        /// The highest state.
        state: RuleState,
        /// Pending and firing alerts, without external labels.
        alerts: Vec<Alert>,
    },
    /// Series.
    Recording,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleView {
    /// The alert's or series' name.
    pub name: String,
    /// The expression as written.
    pub query: String,
    /// Labels of group and rule, templates as written.
    pub labels: Labels,
    /// What it makes.
    pub kind: RuleKind,
    /// Whether it works.
    pub health: Health,
    /// Why not.
    pub last_error: Option<String>,
    /// The last tick's instant.
    pub last_evaluation: Option<Millis>,
    /// What the last tick cost, in seconds.
    pub evaluation_time: f64,
    /// How often and why it was evaluated.
    pub evaluations: Evaluations,
    /// How many parts it is evaluated in.
    pub partitions: usize,
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupView {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Time between ticks, in milliseconds.
    pub interval: Millis,
    /// `limit`, 0 for none.
    pub limit: usize,
    /// Its rules in order.
    pub rules: Vec<RuleView>,
    /// The last tick's instant.
    pub last_evaluation: Option<Millis>,
    /// What the last tick cost, in seconds.
    pub evaluation_time: f64,
}

impl Engine {
    /// Every alert that is pending or firing, or was resolved within the last 15 minutes, as of its
    /// last evaluation; with external labels.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        let around = &self.settings.surroundings;
        self.rules.iter().flat_map(|run| self.alerts_of(run, around)).collect()
    }

    /// Every group with its rules, in the order of files.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupView> {
        self.groups.iter().map(|group| self.group_view(group)).collect()
    }

    fn group_view(&self, group: &GroupRun) -> GroupView {
        let rules = &self.rules[group.rules.start as usize..group.rules.end as usize];
        GroupView {
            name: group.name.clone(),
            file: group.file.clone(),
            interval: group.interval,
            limit: group.limit,
            rules: rules.iter().map(|run| self.rule_view(run)).collect(),
            last_evaluation: group.last_evaluation,
            evaluation_time: seconds(group.evaluation_nanos),
        }
    }

    fn rule_view(&self, run: &RuleRun) -> RuleView {
        let rule = &run.definition.rule;
        let evaluated = run.last_evaluation.is_some() || run.evaluations.total() > 0;
        let kind = match rule.what {
            What::Record => RuleKind::Recording,
            What::Alert { hold, keep_firing } => {
                let around = Surroundings { external_labels: Labels::default(), ..self.settings.surroundings.clone() };
                let mut alerts = self.alerts_of(run, &around);
                alerts.retain(|alert| alert.state != AlertState::Resolved);
                let state = match () {
                    () if !evaluated => RuleState::Unknown,
                    () if alerts.iter().any(|alert| alert.state == AlertState::Firing) => RuleState::Firing,
                    () if alerts.is_empty() => RuleState::Inactive,
                    () => RuleState::Pending,
                };
                RuleKind::Alerting { hold, keep_firing, annotations: as_written(&rule.annotations), state, alerts }
            }
        };
        RuleView {
            name: rule.name.clone(),
            query: rule.text.clone(),
            labels: as_written(&rule.labels),
            kind,
            health: match (&run.last_error, evaluated) {
                (Some(_), _) => Health::Err,
                (None, true) => Health::Ok,
                (None, false) => Health::Unknown,
            },
            last_error: run.last_error.clone(),
            last_evaluation: run.last_evaluation,
            evaluation_time: seconds(run.evaluation_nanos),
            evaluations: run.evaluations,
            partitions: run.partitions.len(),
        }
    }

    fn alerts_of(&self, run: &RuleRun, around: &Surroundings) -> Vec<Alert> {
        let group = &self.groups[run.definition.group as usize].name;
        let partitions = run.partitions.values().filter_map(|id| self.partitions.get(*id));
        let mut alerts: Vec<Alert> = partitions
            .flat_map(|partition| partition.alerts.iter())
            .map(|alert| told_alert(&run.definition, group, alert, around))
            .collect();
        alerts.sort_by(|a, b| a.labels.cmp(&b.labels));
        alerts
    }
}

fn as_written(named: &[(String, Template)]) -> Labels {
    Labels::from_pairs(named.iter().map(|(name, template)| (name.clone(), template.source())))
}

#[expect(clippy::cast_precision_loss, reason = "durations of evaluations")]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
