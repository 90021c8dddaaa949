//! An alert as rules make it and everything after them reads it.

use serde::{Deserialize, Serialize};

use super::labels::Labels;
use super::time::Millis;

/// Where an alert is in its life. Inactive alerts do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// The expression holds, `for` has not passed yet.
    Pending,
    /// It has held for `for`.
    Firing,
    /// It fired and holds no more.
    Resolved,
}

impl AlertState {
    /// The state's name in APIs and in `ALERTS{alertstate=…}`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert: one output element of one alerting rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Labels of the element, the rule and its group, and `alertname`.
    pub labels: Labels,
    /// Expanded annotations.
    pub annotations: Labels,
    /// The rule's group.
    pub group: String,
    /// The rule's expression as written, for links.
    pub expr: String,
    /// The state.
    pub state: AlertState,
    /// The element's value at the last evaluation that yielded it.
    pub value: f64,
    /// When the expression first held.
    pub active_at: Millis,
    /// When it began to fire; `startsAt` of notifications.
    pub fired_at: Option<Millis>,
    /// When it was resolved.
    pub resolved_at: Option<Millis>,
    /// Since when the expression holds no more, while `keep_firing_for` keeps it firing.
    pub keep_firing_since: Option<Millis>,
    /// When the request that caused the latest state change was received, if one did: the start of
    /// the request-to-notification latency.
    pub received_at: Option<Millis>,
}
