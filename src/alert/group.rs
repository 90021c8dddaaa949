//! One group: the alerts of one receiver that share their group labels, and when they are due.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::decision::Content;
use super::route::Options;
use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;
use crate::model::time::Millis;

/// Resolved alerts that could not be told for this long are given up: a target that refuses
/// everything must not make memory grow for ever.
pub const RESOLVED_KEPT_MS: Millis = 24 * 3_600_000;

/// A group is known by its receiver and its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId {
    /// The receiver's name.
    pub receiver: Arc<str>,
    /// The route's path and the group labels, see [`Route::group_key`](super::route::Route::group_key).
    pub key: Arc<str>,
}

/// What a flush finds.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    /// The alerts in the order of payloads.
    pub(super) alerts: Vec<Arc<Alert>>,
    /// Their fingerprints by state.
    pub(super) content: Content,
}

/// The alerts of a group and what is under way for it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) options: Arc<Options>,
    pub(super) labels: Labels,
    alerts: BTreeMap<Labels, Arc<Alert>>,
    /// When it is flushed next.
    pub(super) next_flush: Millis,
    /// Notifications on their way.
    pub(super) in_flight: usize,
    /// One of them failed.
    pub(super) failed: bool,
    /// It came due while some were on their way.
    pub(super) overdue: bool,
    /// What the notifications on their way say is resolved, and when it was.
    told_resolved: Vec<(Labels, Option<Millis>)>,
}

impl Group {
    pub(super) fn new(options: Arc<Options>, labels: Labels, next_flush: Millis) -> Self {
        Self {
            options,
            labels,
            alerts: BTreeMap::new(),
            next_flush,
            in_flight: 0,
            failed: false,
            overdue: false,
            told_resolved: Vec::new(),
        }
    }

    pub(super) fn get(&self, labels: &Labels) -> Option<&Arc<Alert>> {
        self.alerts.get(labels)
    }

    pub(super) fn insert(&mut self, alert: Arc<Alert>) {
        self.alerts.insert(alert.labels.clone(), alert);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    pub(super) fn alerts(&self) -> impl ExactSizeIterator<Item = &Arc<Alert>> {
        self.alerts.values()
    }

    /// Takes over what was under way before a reload.
    pub(super) fn inherit(&mut self, old: &Self) {
        self.in_flight = old.in_flight;
        self.failed = old.failed;
        self.overdue = old.overdue;
        self.told_resolved.clone_from(&old.told_resolved);
    }

    /// What to tell now; remembers what of it is resolved.
    pub(super) fn batch(&mut self, now: Millis) -> Batch {
        self.alerts.retain(|_, alert| alert.resolved_at.is_none_or(|at| now - at <= RESOLVED_KEPT_MS));
        let mut batch = Batch { alerts: self.alerts.values().cloned().collect(), content: Content::default() };
        batch.alerts.sort_by(|a, b| payload_order(&a.labels, &b.labels));
        self.told_resolved.clear();
        for alert in &batch.alerts {
            if alert.state == AlertState::Resolved {
                batch.content.resolved.insert(alert.labels.fingerprint());
                self.told_resolved.push((alert.labels.clone(), alert.resolved_at));
            } else {
                batch.content.firing.insert(alert.labels.fingerprint());
            }
        }
        batch
    }

    /// Everything on its way has ended: what was told as resolved, and did not change since, goes.
    pub(super) fn settle(&mut self) {
        let told = std::mem::take(&mut self.told_resolved);
        if std::mem::take(&mut self.failed) {
            return;
        }
        for (labels, resolved_at) in told {
            let unchanged =
                |alert: &Arc<Alert>| alert.state == AlertState::Resolved && alert.resolved_at == resolved_at;
            if self.alerts.get(&labels).is_some_and(unchanged) {
                self.alerts.remove(&labels);
            }
        }
    }
}

/// Alertmanager's order of alerts in a payload: by job, by instance, then fewer labels first.
pub(super) fn payload_order(a: &Labels, b: &Labels) -> Ordering {
    for name in ["job", "instance"] {
        let order = match (a.get(name), b.get(name)) {
            ("", "") => Ordering::Equal,
            (_, "") => Ordering::Less,
            ("", _) => Ordering::Greater,
            (left, right) => left.cmp(right),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len()).then_with(|| {
        let orders = a.iter().zip(b.iter()).map(|((name_a, value_a), (name_b, value_b))| {
            // The set that lacks the smaller name comes first.
            name_b.cmp(name_a).then_with(|| value_a.cmp(value_b))
        });
        orders.fold(Ordering::Equal, Ordering::then)
    })
}
