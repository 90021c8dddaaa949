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
}

impl Entry {
    /// An entry for `content`.
    #[must_use]
    pub fn new(content: Content, sent_at: Millis, expires_at: Millis) -> Self {
        Self { sent_at, expires_at, firing: content.firing, resolved: content.resolved }
    }
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
        let expires_at = sent_at.saturating_add(repeat.saturating_mul(2).min(RETENTION_MS));
        let known_later = self.0.get(&key).is_some_and(|entry| entry.sent_at > sent_at);
        if !known_later {
            self.0.insert(key, Entry::new(content, sent_at, expires_at));
        }
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
        if self.0.get(key).is_some_and(|entry| entry.firing.is_empty()) {
            self.0.remove(key);
        }
    }

    /// Every entry.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&String, &Entry)> {
        self.0.iter()
    }
}
