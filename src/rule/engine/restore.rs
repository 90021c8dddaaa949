//! The state of alerts over a restart.
//!
//! As Prometheus restores `for` state, with two differences that favour the user: a `for` below ten
//! minutes is restored too, and a firing alert goes on firing. The time that the gateway was down does
//! not count towards `for`; a pending alert is given up after an hour.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Engine;
use super::load::identity;
use crate::model::alert::AlertState;
use crate::model::labels::Labels;
use crate::model::time::Millis;
use crate::rule::alerting::Active;
use crate::rule::file::What;

/// Pending alerts are restored if the gateway was down no longer than this (Prometheus'
/// `rules.alert.for-outage-tolerance`).
const OUTAGE_MAX_MS: i64 = 60 * 60 * 1000;

/// An alert with what identifies its rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedAlert {
    /// The rule file.
    pub file: String,
    /// The group.
    pub group: String,
    /// Kind, name and labels of the rule.
    pub rule: String,
    /// Which of several rules alike.
    pub nth: usize,
    /// The alert's labels, without external ones.
    pub labels: Labels,
    /// The element's labels, for annotations.
    pub element: Labels,
    /// The state.
    pub state: AlertState,
    /// The element's value; absent if it is NaN or infinite.
    pub value: Option<f64>,
    /// When the expression first held.
    pub active_at: Millis,
    /// When it began to fire.
    pub fired_at: Option<Millis>,
    /// When it was resolved.
    pub resolved_at: Option<Millis>,
    /// Since when `keep_firing_for` keeps it firing.
    pub keep_firing_since: Option<Millis>,
    /// When this state held.
    pub saved_at: Millis,
}

impl Engine {
    /// Every alert there is, with what is needed to go on after a restart.
    #[must_use]
    pub fn state(&self) -> Vec<SavedAlert> {
        let mut saved = Vec::new();
        for run in &self.rules {
            let group = &self.groups[run.definition.group as usize];
            for partition in run.partitions.values().filter_map(|id| self.partitions.get(*id)) {
                saved.extend(partition.alerts.iter().map(|alert| SavedAlert {
                    file: group.file.clone(),
                    group: group.name.clone(),
                    rule: run.definition.rule.identity(),
                    nth: run.definition.nth,
                    labels: alert.labels.clone(),
                    element: alert.element.clone(),
                    state: alert.state,
                    value: Some(alert.value).filter(|value| value.is_finite()),
                    active_at: alert.active_at,
                    fired_at: alert.fired_at,
                    resolved_at: alert.resolved_at,
                    keep_firing_since: alert.keep_firing_since,
                    saved_at: self.clock,
                }));
            }
        }
        saved
    }

    /// Puts saved alerts back, after [`Engine::load`]. Those whose rule is gone, and pending ones from
    /// too long ago, are left out; the rest go on without being told again.
    pub fn restore(&mut self, saved: Vec<SavedAlert>, now: Millis) {
        self.advance(now);
        let by_identity: HashMap<_, _> = (0..)
            .zip(&self.rules)
            .filter(|(_, run)| matches!(run.definition.rule.what, What::Alert { .. }))
            .map(|(rule, run)| {
                let group = &self.groups[run.definition.group as usize];
                (identity(group, &run.definition), (rule, group.interval))
            })
            .collect();
        for alert in saved {
            let identity = (alert.file.clone(), alert.group.clone(), alert.rule.clone(), alert.nth);
            if let Some((rule, interval)) = by_identity.get(&identity)
                && let Some(active) = restored(alert, now, *interval)
            {
                self.put_alert(*rule, active);
            }
        }
        self.resume_timers();
    }
}

fn restored(saved: SavedAlert, now: Millis, interval: Millis) -> Option<Active> {
    let down = (now - saved.saved_at).max(0);
    let pending = saved.state == AlertState::Pending;
    if pending && down > OUTAGE_MAX_MS {
        return None;
    }
    // Senders need a moment to report again: until then a missing result resolves nothing.
    let held_until = (down > interval && saved.state != AlertState::Resolved).then(|| now + 2 * interval);
    Some(Active {
        labels: saved.labels,
        element: saved.element,
        value: saved.value.unwrap_or(f64::NAN),
        annotations: None,
        state: saved.state,
        active_at: if pending { saved.active_at + down } else { saved.active_at },
        fired_at: saved.fired_at,
        resolved_at: saved.resolved_at,
        keep_firing_since: saved.keep_firing_since.map(|since| since + down),
        received_at: None,
        evaluated_at: saved.saved_at,
        held_until,
        announced: Some(saved.state),
        seen: false,
    })
}
