//! The alert state machine of one partition: inactive → pending → firing → resolved, step for step
//! what Prometheus' `AlertingRule.Eval` does at each instant at which it is asked.

use std::collections::BTreeMap;

use crate::model::alert::AlertState;
use crate::model::labels::Labels;
use crate::model::time::Millis;

/// How long a resolved alert is kept, and resent, after it was resolved: so that no notifier misses it.
pub(super) const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;

/// An element that the expression yielded, with the labels of its alert.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// The alert's labels, `alertname` among them.
    pub(super) labels: Labels,
    /// The element's own labels, for templates.
    pub(super) element: Labels,
    pub(super) value: f64,
    /// Annotations that had to be expanded at once.
    pub(super) annotations: Option<Labels>,
}

/// One alert.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Active {
    pub(super) labels: Labels,
    pub(super) element: Labels,
    pub(super) value: f64,
    /// Annotations that were expanded at the evaluation, because they ask something.
    pub(super) annotations: Option<Labels>,
    pub(super) state: AlertState,
    pub(super) active_at: Millis,
    pub(super) fired_at: Option<Millis>,
    pub(super) resolved_at: Option<Millis>,
    pub(super) keep_firing_since: Option<Millis>,
    /// When the request that caused the latest change was received.
    pub(super) received_at: Option<Millis>,
    /// The instant of the value.
    pub(super) evaluated_at: Millis,
    /// Restored after the gateway was down: until then a missing result does not resolve it, since the
    /// senders may not have reported yet.
    pub(super) held_until: Option<Millis>,
    /// The state that was last told.
    pub(super) announced: Option<AlertState>,
    /// The step that is being taken has a result for it.
    pub(super) seen: bool,
}

/// The durations of a rule and the instant at which its alerts step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) at: Millis,
    pub(super) hold: Millis,
    pub(super) keep_firing: Millis,
    /// When the request behind fresh data was received.
    pub(super) received_at: Option<Millis>,
}

/// The alerts of one partition, by their labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Alerts(BTreeMap<Labels, Active>);

impl Alerts {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Active> {
        self.0.values()
    }

    pub(super) fn insert(&mut self, alert: Active) {
        self.0.insert(alert.labels.clone(), alert);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = Active> + use<> {
        std::mem::take(&mut self.0).into_values()
    }

    /// Lets restored alerts resolve by the usual rules: their series have reported.
    pub(super) fn release(&mut self) {
        self.0.values_mut().for_each(|alert| alert.held_until = None);
    }

    /// How many are pending or firing.
    pub(super) fn active(&self) -> usize {
        self.0.values().filter(|alert| alert.state != AlertState::Resolved).count()
    }

    /// When the passing of time alone changes an alert: the end of a `for` or `keep_firing_for`.
    pub(super) fn next_due(&self, hold: Millis, keep_firing: Millis) -> Option<Millis> {
        let due = |alert: &Active| match (alert.state, alert.keep_firing_since) {
            (AlertState::Pending, _) => Some(alert.active_at.saturating_add(hold)),
            (AlertState::Firing, Some(since)) => Some(since.saturating_add(keep_firing)),
            (AlertState::Firing, None) => alert.held_until,
            (AlertState::Resolved, _) => None,
        };
        self.0.values().filter_map(due).min()
    }

    /// Takes the results of one instant; calls `changed` for every alert whose state changed. `found`
    /// holds no labels twice.
    pub(super) fn step(&mut self, found: Vec<Found>, step: Step, mut changed: impl FnMut(&Active)) {
        if self.0.is_empty() && found.is_empty() {
            return;
        }
        for found in found {
            self.see(found, step);
        }
        self.0.retain(|_, alert| alert.step(step));
        for alert in self.0.values_mut() {
            if alert.announced.replace(alert.state) != Some(alert.state) {
                alert.received_at = step.received_at;
                changed(alert);
            }
        }
    }

    fn see(&mut self, found: Found, step: Step) {
        match self.0.get_mut(&found.labels) {
            Some(alert) if alert.state != AlertState::Resolved => {
                (alert.value, alert.element, alert.evaluated_at) = (found.value, found.element, step.at);
                (alert.held_until, alert.seen, alert.annotations) = (None, true, found.annotations);
            }
            _ => self.insert(Active {
                labels: found.labels,
                element: found.element,
                value: found.value,
                annotations: found.annotations,
                state: AlertState::Pending,
                active_at: step.at,
                fired_at: None,
                resolved_at: None,
                keep_firing_since: None,
                received_at: step.received_at,
                evaluated_at: step.at,
                held_until: None,
                announced: None,
                seen: true,
            }),
        }
    }
}

impl Active {
    /// One step; answers whether the alert still exists.
    fn step(&mut self, step: Step) -> bool {
        let at = step.at;
        if std::mem::take(&mut self.seen) {
            self.keep_firing_since = None;
        } else if self.held_until.is_some_and(|until| at < until) {
            return true;
        } else {
            self.held_until = None;
            let keep = self.state == AlertState::Firing && step.keep_firing > 0 && {
                at - *self.keep_firing_since.get_or_insert(at) < step.keep_firing
            };
            let expired = self.resolved_at.is_some_and(|resolved| at - resolved > RESOLVED_RETENTION_MS);
            if self.state == AlertState::Pending || expired {
                return false;
            }
            if !keep {
                if self.state != AlertState::Resolved {
                    self.state = AlertState::Resolved;
                    self.resolved_at = Some(at);
                }
                return true;
            }
        }
        self.hold(step);
        true
    }

    /// Pending to firing once `for` has passed, and back when a reload made `for` longer.
    fn hold(&mut self, step: Step) {
        let held = step.at - self.active_at >= step.hold;
        match self.state {
            AlertState::Pending if held => {
                self.state = AlertState::Firing;
                self.fired_at = Some(step.at);
            }
            AlertState::Firing if !held => {
                self.state = AlertState::Pending;
                self.fired_at = None;
                self.keep_firing_since = None;
            }
            _ => {}
        }
    }
}
