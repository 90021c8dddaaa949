//! Label sets: owned ones for what lives long, a hash that borrowed and owned ones share.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use xxhash_rust::xxh3::xxh3_64;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// One label of an owned set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// Its name.
    pub name: Box<str>,
    /// Its value, never empty.
    pub value: Box<str>,
}

/// An immutable label set, sorted by name, without empty values; cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[Label]>);

impl Labels {
    /// Sorts `pairs`, drops empty values (a missing label equals the empty string); of one name
    /// given twice the last value stays.
    pub fn from_pairs<N: Into<Box<str>>, V: Into<Box<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut labels: Vec<Label> =
            pairs.into_iter().map(|(name, value)| Label { name: name.into(), value: value.into() }).collect();
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        labels.dedup_by(|later, kept| {
            let same = later.name == kept.name;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        labels.retain(|label| !label.value.is_empty());
        Self(labels.into())
    }

    /// The value of `name`, or the empty string.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.binary_search_by(|label| (*label.name).cmp(name)).map_or("", |at| &self.0[at].value)
    }

    /// The metric name, or the empty string.
    #[must_use]
    pub fn metric(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// The labels, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|label| (&*label.name, &*label.value))
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These labels without those for which `drop` answers true.
    #[must_use]
    pub fn without(&self, drop: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|label| !drop(&label.name)).cloned().collect())
    }

    /// These labels with `overrides` put over them; an empty value removes a label.
    #[must_use]
    pub fn with<'a>(&'a self, overrides: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::from_pairs(self.iter().chain(overrides))
    }

    /// [`labels_hash`] of this set.
    #[must_use]
    pub fn hash(&self) -> u64 {
        labels_hash(self.iter())
    }

    /// Alertmanager's fingerprint: FNV-1a over `name 0xff value 0xff` in order of names.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let add = |hash: u64, text: &str| {
            text.bytes().chain([0xff]).fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
        };
        self.iter().fold(OFFSET, |hash, (name, value)| add(add(hash, name), value))
    }
}

/// A stable hash of labels **in the order given**: xxh3 over them as remote write has them on the
/// wire, so that a received series is hashed where it stands.
///
/// Callers pass them sorted by name and without empty values, so that borrowed and owned sets agree.
pub fn labels_hash<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut wire = Wire::default();
    for (name, value) in labels {
        let (name, value) = (name.as_bytes(), value.as_bytes());
        let len = framed_len(name.len()) + framed_len(value.len());
        wire.head(0x0a, len);
        wire.head(0x0a, name.len());
        wire.push(name);
        wire.head(0x12, value.len());
        wire.push(value);
    }
    wire.hash()
}

/// Bytes of a length-delimited field with a one-byte tag.
const fn framed_len(len: usize) -> usize {
    1 + ((len | 1).ilog2() as usize / 7 + 1) + len
}

/// Labels as `prometheus.Label` messages; most sets fit into the stack's buffer.
struct Wire {
    small: [u8; Self::SMALL],
    len: usize,
    large: Vec<u8>,
}

impl Default for Wire {
    fn default() -> Self {
        Self { small: [0; Self::SMALL], len: 0, large: Vec::new() }
    }
}

impl Wire {
    const SMALL: usize = 512;

    /// A field's tag and length.
    fn head(&mut self, tag: u8, mut len: usize) {
        let mut bytes = [0; 11];
        bytes[0] = tag;
        let mut used = 1;
        while len >= 0x80 {
            bytes[used] = len as u8 | 0x80;
            len >>= 7;
            used += 1;
        }
        bytes[used] = len as u8;
        self.push(&bytes[..=used]);
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        if self.large.is_empty() {
            if let Some(room) = self.small[self.len..].get_mut(..bytes.len()) {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
                return;
            }
            self.large.extend_from_slice(&self.small[..self.len]);
        }
        self.large.extend_from_slice(bytes);
    }

    fn hash(&self) -> u64 {
        if self.large.is_empty() { xxh3_64(&self.small[..self.len]) } else { xxh3_64(&self.large) }
    }
}

/// Prometheus' notation: `metric{a="b", c="d"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric())?;
        let mut separator = "{";
        for (name, value) in self.iter().filter(|(name, _)| *name != METRIC_NAME) {
            write!(f, "{separator}{name}={value:?}")?;
            separator = ", ";
        }
        match (separator, self.metric()) {
            ("{", "") => f.write_str("{}"),
            ("{", _) => Ok(()),
            _ => f.write_str("}"),
        }
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> serde::Deserialize<'de> for Labels {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::collections::BTreeMap::<String, String>::deserialize(deserializer).map(Self::from_pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_drops_empty_and_lets_the_last_of_a_name_win() {
        let labels = Labels::from_pairs([("b", "1"), ("a", "x"), ("b", "2"), ("c", "")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "x"), ("b", "2")]);
        assert_eq!(labels.get("c"), "");
        assert_eq!(labels.with([("a", "")]).iter().collect::<Vec<_>>(), [("b", "2")]);
    }

    #[test]
    fn prints_as_prometheus_does() {
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[], "{}"),
            (&[("__name__", "up")], "up"),
            (&[("__name__", "up"), ("job", "a")], r#"up{job="a"}"#),
            (&[("job", "a"), ("x", "q\"")], r#"{job="a", x="q\""}"#),
        ];
        for (pairs, printed) in cases {
            assert_eq!(Labels::from_pairs(pairs.iter().copied()).to_string(), printed);
        }
    }
}
