//! The route tree: which receivers an alert goes to, and how its notifications are grouped there.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::matcher::Matchers;
use super::text::label_set;
use crate::model::labels::Labels;
use crate::model::time::Millis;

/// Alertmanager's default `group_wait`.
pub const GROUP_WAIT_MS: Millis = 30_000;
/// Alertmanager's default `group_interval`.
pub const GROUP_INTERVAL_MS: Millis = 5 * 60_000;
/// Alertmanager's default `repeat_interval`.
pub const REPEAT_INTERVAL_MS: Millis = 4 * 3_600_000;

/// Which labels make a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// `group_by: ['...']`: every alert is a group of its own.
    All,
    /// Alerts that agree on these labels are one group.
    Labels(BTreeSet<String>),
}

/// What a route says about its alerts; children inherit what they do not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The receiver's name.
    pub receiver: Arc<str>,
    /// What makes a group.
    pub group_by: GroupBy,
    /// Wait before a new group's first notification, for more of its alerts to come.
    pub group_wait: Millis,
    /// Wait between notifications of one group.
    pub group_interval: Millis,
    /// Wait before an unchanged group is notified again.
    pub repeat_interval: Millis,
}

impl Options {
    /// Alertmanager's defaults for `receiver`.
    #[must_use]
    pub fn new(receiver: impl Into<Arc<str>>) -> Self {
        Self {
            receiver: receiver.into(),
            group_by: GroupBy::Labels(BTreeSet::new()),
            group_wait: GROUP_WAIT_MS,
            group_interval: GROUP_INTERVAL_MS,
            repeat_interval: REPEAT_INTERVAL_MS,
        }
    }

    /// The labels that name the group of an alert with `labels`.
    #[must_use]
    pub fn group_labels(&self, labels: &Labels) -> Labels {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => labels.without(|name| !names.contains(name)),
        }
    }
}

/// A node of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its path of matchers from the root, as in Alertmanager's group keys.
    pub key: Arc<str>,
    /// Its options, inherited ones filled in.
    pub options: Arc<Options>,
    /// What it takes.
    pub matchers: Matchers,
    /// Whether siblings after it are tried although it took an alert.
    pub continues: bool,
    /// Its children, first match first.
    pub routes: Vec<Route>,
}

impl Route {
    /// A root that takes everything.
    #[must_use]
    pub fn root(options: Options) -> Self {
        let matchers = Matchers::default();
        let key = matchers.to_string().into();
        Self { key, options: Arc::new(options), matchers, continues: false, routes: Vec::new() }
    }

    /// The nodes that take an alert with `labels`: depth first, the deepest of each branch.
    #[must_use]
    pub fn matching(&self, labels: &Labels) -> Vec<&Self> {
        let mut found = Vec::new();
        self.collect(labels, &mut found);
        found
    }

    fn collect<'a>(&'a self, labels: &Labels, found: &mut Vec<&'a Self>) -> bool {
        if !self.matchers.matches(labels) {
            return false;
        }
        let before = found.len();
        for child in &self.routes {
            if child.collect(labels, found) && !child.continues {
                break;
            }
        }
        if found.len() == before {
            found.push(self);
        }
        true
    }

    /// Alertmanager's group key: the route's path and the group's labels.
    #[must_use]
    pub fn group_key(&self, group_labels: &Labels) -> Arc<str> {
        format!("{}:{}", self.key, label_set(group_labels)).into()
    }
}
