//! The machine: alerts in, notifications out when they are due, nothing said twice or not at all.
//!
//! A caller feeds [`Dispatcher::on_alert`], asks [`Dispatcher::next_due`], sends what
//! [`Dispatcher::due`] hands out and reports each with [`Dispatcher::sent`], **exactly once**.
//! While notifications of a group are on their way the group hands out no more, so that a target
//! hears of a group in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::config::{Config, Receiver, Webhook};
use super::decision::{Content, Reason, decide};
use super::group::{Batch, Group, GroupId};
use super::log::{self, Entry, Log};
use super::route::{Options, Route};
use super::saved::{SavedAlert, SavedEntry, SavedGroup, State};
use crate::limits::ALERT_GROUPS_MAX;
use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;
use crate::model::time::Millis;

/// A notification is tried at least this long, however short `group_interval` is.
const TRIED_AT_LEAST_MS: Millis = 10_000;

/// How often entries of the log are looked through for old ones.
const PURGE_EVERY_MS: Millis = 15 * 60_000;

/// One message to one target, ready to be sent.
#[derive(Clone, Debug)]
pub struct Notification {
    /// For [`Dispatcher::sent`].
    pub id: u64,
    /// The receiver's name.
    pub receiver: Arc<str>,
    /// Which of the receiver's webhooks.
    pub index: usize,
    /// Where to.
    pub webhook: Arc<Webhook>,
    /// Why now.
    pub reason: Reason,
    /// Alertmanager's group key.
    pub group_key: Arc<str>,
    /// The group's labels.
    pub group_labels: Labels,
    /// The alerts in the order of payloads; resolved ones only if the webhook wants them.
    pub alerts: Vec<Arc<Alert>>,
    /// Try no longer than until then; the group is due again by itself.
    pub deadline: Millis,
    /// The earliest request that caused something new in it.
    pub received_at: Option<Millis>,
}

/// A notification on its way: what to log when it has arrived.
#[derive(Clone, Debug)]
struct Pending {
    group: GroupId,
    log_key: String,
    content: Content,
    flushed_at: Millis,
    repeat: Millis,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Dispatcher {
    config: Config,
    groups: BTreeMap<GroupId, Group>,
    timers: BTreeSet<(Millis, GroupId)>,
    log: Log,
    pending: BTreeMap<u64, Pending>,
    last_id: u64,
    next_purge: Millis,
    refused: u64,
    decisions: BTreeMap<Reason, u64>,
}

impl Dispatcher {
    /// A dispatcher that knows no alert.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// Takes an alert's latest state; the same one again changes nothing.
    pub fn on_alert(&mut self, alert: &Alert, now: Millis) {
        self.take(&Arc::new(alert.clone()), now, false);
    }

    /// With `held`, the alert was in a group before a reload or restart and is in one after it.
    fn take(&mut self, alert: &Arc<Alert>, now: Millis, held: bool) {
        let config = std::mem::take(&mut self.config);
        for route in config.route.matching(&alert.labels) {
            if config.receiver(&route.options.receiver).is_some_and(|receiver| !receiver.webhooks.is_empty()) {
                self.place(route, &config, alert, now, held);
            }
        }
        self.config = config;
    }

    /// Makes the alerts that fire exactly those of `active`: at start and after a reload of rules.
    pub fn reconcile(&mut self, active: &[Alert], now: Millis) {
        let known: BTreeSet<&Labels> = active.iter().map(|alert| &alert.labels).collect();
        let gone: BTreeMap<Labels, Arc<Alert>> = (self.groups.values().flat_map(Group::alerts))
            .filter(|alert| alert.state == AlertState::Firing && !known.contains(&alert.labels))
            .map(|alert| (alert.labels.clone(), Arc::clone(alert)))
            .collect();
        for alert in gone.values() {
            self.on_alert(&resolved(alert, now), now);
        }
        for alert in active {
            self.on_alert(alert, now);
        }
    }

    /// When [`due`](Self::due) has something to look at.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The notifications that are due; each must be reported to [`sent`](Self::sent).
    pub fn due(&mut self, now: Millis) -> Vec<Notification> {
        self.purge(now);
        let mut out = Vec::new();
        while self.next_due().is_some_and(|at| at <= now) {
            if let Some((_, id)) = self.timers.pop_first() {
                self.flush(&id, now, &mut out);
            }
        }
        out
    }

    /// Reports that notification `id` arrived (`ok`), or that nobody tries it any more.
    pub fn sent(&mut self, id: u64, now: Millis, ok: bool) {
        let Some(pending) = self.pending.remove(&id) else { return };
        if ok {
            self.log.record(pending.log_key, pending.content, pending.flushed_at, pending.repeat);
        }
        if let Some(group) = self.groups.get_mut(&pending.group) {
            group.in_flight = group.in_flight.saturating_sub(1);
            group.failed |= !ok;
            if group.in_flight == 0 {
                self.settle(&pending.group, now);
            }
        }
    }

    /// Goes on with another configuration: alerts are routed anew; groups that stay keep their
    /// time, and what was said stays said.
    pub fn reload(&mut self, config: Config, now: Millis) {
        self.config = config;
        self.timers.clear();
        let old = std::mem::take(&mut self.groups);
        for group in old.values() {
            group.alerts().for_each(|alert| self.take(alert, now, true));
        }
        for (id, old) in &old {
            if let Some(group) = self.groups.get_mut(id) {
                group.inherit(old);
                let latest = now.saturating_add(group.options.group_interval);
                self.schedule(id, old.next_flush.min(latest));
            }
        }
    }

    /// Everything that a restart must not forget.
    #[must_use]
    pub fn state(&self) -> State {
        let groups = self.groups.iter().map(|(id, group)| SavedGroup {
            receiver: id.receiver.to_string(),
            key: id.key.to_string(),
            next_flush: if group.in_flight > 0 { 0 } else { group.next_flush },
            alerts: group.alerts().map(|alert| SavedAlert::from(&**alert)).collect(),
        });
        let mut log: BTreeMap<String, Entry> =
            self.log.iter().map(|(key, entry)| (key.clone(), entry.clone())).collect();
        for Pending { log_key, content, flushed_at, repeat, .. } in self.pending.values() {
            log.insert(log_key.clone(), self.log.undecided(log_key, content, *flushed_at, *repeat));
        }
        let log = log.into_iter().map(|(key, entry)| SavedEntry { key, entry });
        State { groups: groups.collect(), log: log.collect() }
    }

    /// Puts [`state`](Self::state) back. Follow with [`reconcile`](Self::reconcile).
    pub fn restore(&mut self, state: State, now: Millis) {
        for SavedEntry { key, entry } in state.log {
            self.log.restore(key, entry);
        }
        let mut times = Vec::with_capacity(state.groups.len());
        for saved in state.groups {
            times.push((GroupId { receiver: saved.receiver.into(), key: saved.key.into() }, saved.next_flush));
            for alert in saved.alerts {
                self.take(&Arc::new(alert.into()), now, true);
            }
        }
        for (id, next_flush) in times {
            self.schedule(&id, next_flush.max(now));
        }
    }

    /// Groups alive.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// How often each reason was the outcome of looking at a target of a due group.
    #[must_use]
    pub fn decisions(&self) -> &BTreeMap<Reason, u64> {
        &self.decisions
    }

    /// Groups refused because of [`ALERT_GROUPS_MAX`].
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn place(&mut self, route: &Route, config: &Config, alert: &Arc<Alert>, now: Millis, was_held: bool) {
        let labels = route.options.group_labels(&alert.labels);
        let id = GroupId { receiver: Arc::clone(&route.options.receiver), key: route.group_key(&labels) };
        let held = self.groups.get(&id).and_then(|group| group.get(&alert.labels)).cloned();
        let alert = match (alert.state, &held) {
            (AlertState::Firing, _) => Arc::clone(alert),
            (AlertState::Pending, Some(held)) if held.state == AlertState::Firing => Arc::new(resolved(held, now)),
            (AlertState::Pending, _) => return,
            (AlertState::Resolved, Some(_)) => Arc::clone(alert),
            (AlertState::Resolved, None) if was_held || self.was_told(&id, config, &alert.labels) => Arc::clone(alert),
            (AlertState::Resolved, None) => return,
        };
        if !self.groups.contains_key(&id) && !self.open(&id, &route.options, labels, &alert, now) {
            return;
        }
        if let Some(group) = self.groups.get_mut(&id) {
            group.insert(alert);
        }
    }

    /// Opens a group for its first alert; an alert older than `group_wait` does not wait again.
    fn open(&mut self, id: &GroupId, options: &Arc<Options>, labels: Labels, alert: &Alert, now: Millis) -> bool {
        if self.groups.len() >= ALERT_GROUPS_MAX {
            self.refused += 1;
            return false;
        }
        let waited = alert.fired_at.is_some_and(|at| at.saturating_add(options.group_wait) < now);
        let next_flush = if waited { now } else { now.saturating_add(options.group_wait) };
        self.groups.insert(id.clone(), Group::new(Arc::clone(options), labels, next_flush));
        self.timers.insert((next_flush, id.clone()));
        true
    }

    /// Whether some target of the group believes that the alert fires.
    fn was_told(&self, id: &GroupId, config: &Config, labels: &Labels) -> bool {
        let fingerprint = labels.fingerprint();
        let targets = config.receiver(&id.receiver).map_or(0, |receiver| receiver.webhooks.len());
        (0..targets).any(|index| {
            let entry = self.log.get(&log::key(&id.key, &id.receiver, index));
            entry.is_some_and(|entry| entry.may_fire_with(fingerprint))
        })
    }

    fn schedule(&mut self, id: &GroupId, at: Millis) {
        if let Some(group) = self.groups.get_mut(id) {
            self.timers.remove(&(group.next_flush, id.clone()));
            group.next_flush = at;
            self.timers.insert((at, id.clone()));
        }
    }

    fn flush(&mut self, id: &GroupId, now: Millis, out: &mut Vec<Notification>) {
        let Some(group) = self.groups.get_mut(id) else { return };
        if group.in_flight > 0 {
            group.overdue = true;
            return;
        }
        let batch = group.batch(now);
        let (options, labels) = (Arc::clone(&group.options), group.labels.clone());
        self.schedule(id, now.saturating_add(options.group_interval.max(1)));
        let config = std::mem::take(&mut self.config);
        let webhooks = config.receiver(&id.receiver).map_or(&[][..], |receiver: &Receiver| &receiver.webhooks);
        for (index, webhook) in webhooks.iter().enumerate() {
            let Some((reason, pending)) = self.look(id, &options, &batch, index, webhook, now) else { continue };
            let received_at = self.newest_cause(&pending.log_key, &batch);
            self.last_id += 1;
            self.pending.insert(self.last_id, pending);
            out.push(Notification {
                id: self.last_id,
                receiver: Arc::clone(&id.receiver),
                index,
                webhook: Arc::clone(webhook),
                reason,
                group_key: Arc::clone(&id.key),
                group_labels: labels.clone(),
                alerts: wanted(&batch.alerts, webhook.send_resolved),
                deadline: now.saturating_add(options.group_interval.max(TRIED_AT_LEAST_MS)),
                received_at,
            });
            if let Some(group) = self.groups.get_mut(id) {
                group.in_flight += 1;
            }
        }
        self.config = config;
        if self.groups.get(id).is_some_and(|group| group.in_flight == 0) {
            self.settle(id, now);
        }
    }

    /// Decides about one target. "All resolved" to one that does not want to hear it is only logged.
    fn look(
        &mut self,
        id: &GroupId,
        options: &Options,
        batch: &Batch,
        index: usize,
        webhook: &Webhook,
        now: Millis,
    ) -> Option<(Reason, Pending)> {
        let log_key = log::key(&id.key, &id.receiver, index);
        let repeat = options.repeat_interval;
        let reason = decide(self.log.get(&log_key), &batch.content, webhook.send_resolved, repeat, now);
        *self.decisions.entry(reason).or_default() += 1;
        if !reason.notifies() {
            return None;
        }
        let content = batch.content.clone();
        if content.firing.is_empty() && !webhook.send_resolved {
            self.log.record(log_key, content, now, repeat);
            return None;
        }
        Some((reason, Pending { group: id.clone(), log_key, content, flushed_at: now, repeat }))
    }

    /// The earliest request behind what the target has not been told yet.
    fn newest_cause(&self, log_key: &str, batch: &Batch) -> Option<Millis> {
        let last = self.log.get(log_key);
        let is_new = |alert: &&Arc<Alert>| {
            let told = |entry: &Entry| match alert.state {
                AlertState::Resolved => entry.resolved.contains(&alert.labels.fingerprint()),
                _ => entry.firing.contains(&alert.labels.fingerprint()),
            };
            !last.is_some_and(told)
        };
        batch.alerts.iter().filter(is_new).filter_map(|alert| alert.received_at).min()
    }

    fn settle(&mut self, id: &GroupId, now: Millis) {
        let Some(group) = self.groups.get_mut(id) else { return };
        group.settle();
        if group.is_empty() {
            let targets = self.config.receiver(&id.receiver).map_or(0, |receiver| receiver.webhooks.len());
            self.timers.remove(&(group.next_flush, id.clone()));
            self.groups.remove(id);
            (0..targets).for_each(|index| self.log.forget_if_quiet(&log::key(&id.key, &id.receiver, index)));
        } else if std::mem::take(&mut group.overdue) {
            self.schedule(id, now);
        }
    }

    fn purge(&mut self, now: Millis) {
        if now < self.next_purge {
            return;
        }
        self.next_purge = now.saturating_add(PURGE_EVERY_MS);
        let alive: BTreeSet<String> =
            self.groups.keys().map(|id| format!("{}:{}/webhook/", id.key, id.receiver)).collect();
        self.log.purge(now, |key| {
            let group = key.trim_end_matches(|c: char| c.is_ascii_digit());
            alive.contains(group)
        });
    }
}

fn wanted(alerts: &[Arc<Alert>], send_resolved: bool) -> Vec<Arc<Alert>> {
    alerts.iter().filter(|alert| send_resolved || alert.state != AlertState::Resolved).cloned().collect()
}

fn resolved(alert: &Alert, now: Millis) -> Alert {
    Alert { state: AlertState::Resolved, resolved_at: Some(now), received_at: None, ..alert.clone() }
}
