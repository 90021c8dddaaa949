//! The notification log: what each target was last told about each group.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::decision::Content;
use crate::model::time::Millis;

/// No entry is kept longer than this without its group (Alertmanager's `--data.retention`).
pub const RETENTION_MS: Millis = 120 * 3_600_000;

/// The last notification to one target about one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When the group was flushed for it.
    pub sent_at: Millis,
    /// After this it is forgotten, unless its group lives.
    pub expires_at: Millis,
    /// Fingerprints it named as firing.
    pub firing: BTreeSet<u64>,
    /// Fingerprints it named as resolved.
    pub resolved: BTreeSet<u64>,
    /// Fingerprints of which a crash hid whether the target believes that they fire: said again as if
    /// it did not, and taken back as if it did.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub maybe_firing: BTreeSet<u64>,
}

impl Entry {
    /// An entry for `content`.
    #[must_use]
    pub fn new(content: Content, sent_at: Millis, expires_at: Millis) -> Self {
        Self { sent_at, expires_at, firing: content.firing, resolved: content.resolved, maybe_firing: BTreeSet::new() }
    }

    /// Whether the target may believe that something fires.
    #[must_use]
    pub fn may_fire(&self) -> bool {
        !(self.firing.is_empty() && self.maybe_firing.is_empty())
    }

    /// Whether the target may believe that this alert fires.
    #[must_use]
    pub fn may_fire_with(&self, fingerprint: u64) -> bool {
        self.firing.contains(&fingerprint) || self.maybe_firing.contains(&fingerprint)
    }
}

fn expires_at(sent_at: Millis, repeat: Millis) -> Millis {
    sent_at.saturating_add(repeat.saturating_mul(2).min(RETENTION_MS))
}

/// All entries by key, see [`key`].
#[derive(Clone, Debug, Default)]
pub struct Log(BTreeMap<String, Entry>);

/// The key of target `index` of `receiver` for a group.
#[must_use]
pub fn key(group_key: &str, receiver: &str, index: usize) -> String {
    format!("{group_key}:{receiver}/webhook/{index}")
}

impl Log {
    /// What a target was last told.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.0.get(key)
    }

    /// Notes that `content` was said, unless something later was.
    pub fn record(&mut self, key: String, content: Content, sent_at: Millis, repeat: Millis) {
        let expires_at = expires_at(sent_at, repeat);
        let known_later = self.0.get(&key).is_some_and(|entry| entry.sent_at > sent_at);
        if !known_later {
            self.0.insert(key, Entry::new(content, sent_at, expires_at));
        }
    }

    /// What is saved of a target while `content` is on its way to it.
    #[must_use]
    pub fn undecided(&self, key: &str, content: &Content, flushed_at: Millis, repeat: Millis) -> Entry {
        let unsaid = || Entry::new(Content::default(), flushed_at, expires_at(flushed_at, repeat));
        let mut entry = self.0.get(key).cloned().unwrap_or_else(unsaid);
        entry.maybe_firing.extend(entry.firing.union(&content.firing));
        // Certain is only what it believes whether this arrives or not.
        entry.firing.retain(|fingerprint| content.firing.contains(fingerprint));
        entry
    }

    /// Puts an entry back.
    pub fn restore(&mut self, key: String, entry: Entry) {
        self.0.insert(key, entry);
    }

    /// Forgets entries whose time is over and of which `lives` says that no group has them.
    pub fn purge(&mut self, now: Millis, lives: impl Fn(&str) -> bool) {
        self.0.retain(|key, entry| entry.expires_at > now || lives(key));
    }

    /// Forgets an entry that says that nothing fires: having said nothing means the same.
    pub fn forget_if_quiet(&mut self, key: &str) {
        if self.0.get(key).is_some_and(|entry| !entry.may_fire()) {
            self.0.remove(key);
        }
    }

    /// Every entry.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&String, &Entry)> {
        self.0.iter()
    }
}
