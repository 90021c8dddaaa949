//! One mapping, key by key: what nobody asks for is unknown, and the nearest known key is named.

use super::duration::Millis;
use super::{Node, Place, Problems, Value};

/// One pair of a free-form mapping.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a str,
    /// Where the key stands.
    pub place: Place,
    /// The value, possibly null.
    pub value: &'a Node,
}

/// A mapping that is being read. Ask for every key there is, then [`Map::finish`].
#[derive(Debug)]
pub struct Map<'a> {
    path: String,
    place: Place,
    entries: Vec<Entry<'a>>,
    asked: Vec<String>,
}

impl<'a> Map<'a> {
    /// The pairs of a mapping; duplicate keys and keys that are no text become problems.
    pub(super) fn new(path: &str, place: Place, pairs: &'a [(Node, Node)], problems: &mut Problems) -> Self {
        let mut entries: Vec<Entry<'a>> = Vec::with_capacity(pairs.len());
        let mut seen = std::collections::HashMap::with_capacity(pairs.len());
        for (key, value) in pairs {
            let Value::Scalar { text, .. } = &key.value else {
                problems.push(key.place, format!("a key must be text, found {}", key.value.describe()));
                continue;
            };
            if let Some(first) = seen.insert(text.as_str(), key.place) {
                problems.push(key.place, format!("duplicate key `{text}`, first at line {}: remove one", first.line));
                continue;
            }
            entries.push(Entry { key: text, place: key.place, value });
        }
        Self { path: path.to_owned(), place, entries, asked: Vec::new() }
    }

    /// Where the mapping begins.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The path of `key` for messages: `groups[0].interval`.
    #[must_use]
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of `key`; `None` if it is absent or null.
    pub fn take(&mut self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|entry| entry.value).filter(|value| !value.is_null())
    }

    /// The pair of `key`, even if its value is null: for where the key stands.
    pub fn entry(&mut self, key: &str) -> Option<Entry<'a>> {
        if !self.asked.iter().any(|asked| asked == key) {
            self.asked.push(key.to_owned());
        }
        self.entries.iter().find(|entry| entry.key == key).copied()
    }

    /// The value of `key`, whose absence is a problem.
    pub fn require(&mut self, key: &str, problems: &mut Problems) -> Option<&'a Node> {
        let value = self.take(key);
        if value.is_none() {
            problems.push(self.place, format!("`{}` is missing, write `{key}: …`", self.path(key)));
        }
        value
    }

    /// The mapping under `key`.
    pub fn map(&mut self, key: &str, problems: &mut Problems) -> Option<Map<'a>> {
        self.take(key)?.map(&self.path(key), problems)
    }

    /// The list under `key`; absent, null or wrong: empty.
    pub fn list(&mut self, key: &str, problems: &mut Problems) -> &'a [Node] {
        self.take(key).and_then(|node| node.list(&self.path(key), problems)).unwrap_or_default()
    }

    /// The text under `key`.
    pub fn text(&mut self, key: &str, problems: &mut Problems) -> Option<&'a str> {
        self.take(key)?.text(&self.path(key), problems)
    }

    /// The boolean under `key`.
    pub fn bool(&mut self, key: &str, problems: &mut Problems) -> Option<bool> {
        self.take(key)?.bool(&self.path(key), problems)
    }

    /// The whole number under `key`.
    pub fn uint(&mut self, key: &str, problems: &mut Problems) -> Option<u64> {
        self.take(key)?.uint(&self.path(key), problems)
    }

    /// The duration under `key`.
    pub fn duration(&mut self, key: &str, problems: &mut Problems) -> Option<Millis> {
        self.take(key)?.duration(&self.path(key), problems)
    }

    /// The size under `key`.
    pub fn bytes(&mut self, key: &str, problems: &mut Problems) -> Option<u64> {
        self.take(key)?.bytes(&self.path(key), problems)
    }

    /// Puts what `read` makes of `key` into `slot`; absent or wrong: `slot` stays as it is.
    pub fn set<T>(
        &mut self,
        key: &str,
        slot: &mut T,
        read: impl FnOnce(&'a Node, &str, &mut Problems) -> Option<T>,
        problems: &mut Problems,
    ) {
        let value = self.take(key).and_then(|node| read(node, &self.path(key), problems));
        if let Some(value) = value {
            *slot = value;
        }
    }

    /// Refuses `key`, which belongs to what is not built yet.
    pub fn later(&mut self, key: &str, problems: &mut Problems) {
        if let Some(entry) = self.entry(key) {
            problems.push(entry.place, format!("`{}` is not yet supported, remove it", self.path(key)));
        }
    }

    /// All pairs in the order written, of a mapping whose keys are free (`labels:`). Such a one needs no
    /// [`Map::finish`].
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        self.entries.clone().into_iter()
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self, problems: &mut Problems) {
        for entry in &self.entries {
            if self.asked.iter().any(|asked| asked == entry.key) {
                continue;
            }
            let inside = if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path) };
            let instead = match nearest(entry.key, self.asked.iter().map(String::as_str)) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known are {}", self.asked.join(", ")),
            };
            problems
                .push(entry.place, format!("unknown key `{}`{inside}, {instead}", super::scalar::shorten(entry.key)));
        }
    }
}

/// The one of `known` that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(word.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
