//! A node read as what is expected there. Whatever it is not becomes a problem that says what was
//! expected, what was found and what to write; null is "absent" and no problem.

use super::duration::Millis;
use super::{Map, Node, Problems, Value, duration, scalar};

impl Node {
    /// This node as a mapping; duplicate keys become problems.
    pub fn map<'a>(&'a self, path: &str, problems: &mut Problems) -> Option<Map<'a>> {
        match &self.value {
            Value::Null => None,
            Value::Mapping(pairs) => Some(Map::new(path, self.place, pairs, problems)),
            _ => self.refuse(path, "a mapping", "`key: value` lines", problems),
        }
    }

    /// This node as a list; null is an empty one.
    pub fn list(&self, path: &str, problems: &mut Problems) -> Option<&[Self]> {
        match &self.value {
            Value::Null => Some(&[]),
            Value::Sequence(items) => Some(items),
            _ => self.refuse(path, "a list", "`[a, b]` or lines of `- a`", problems),
        }
    }

    /// This node as text: any scalar as written.
    pub fn text(&self, path: &str, problems: &mut Problems) -> Option<&str> {
        match &self.value {
            Value::Null => None,
            Value::Scalar { text, .. } => Some(text),
            _ => self.refuse(path, "text", "one value, quoted if need be", problems),
        }
    }

    /// This node as a list of texts.
    pub fn texts(&self, path: &str, problems: &mut Problems) -> Option<Vec<&str>> {
        let items = self.list(path, problems)?;
        let read = |(index, item): (usize, &'_ Self)| (format!("{path}[{index}]"), item.place);
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let (path, place) = read((index, item));
            match &item.value {
                Value::Null => problems.push(place, format!("`{path}` is empty, write a value or remove the line")),
                _ => texts.extend(item.text(&path, problems)),
            }
        }
        Some(texts)
    }

    /// This node as a mapping of texts (`labels:`), in the order written; null values are empty texts.
    pub fn text_map(&self, path: &str, problems: &mut Problems) -> Vec<(String, String)> {
        let Some(map) = self.map(path, problems) else { return Vec::new() };
        let mut pairs = Vec::new();
        for entry in map.entries() {
            let value = match entry.value.value {
                Value::Null => Some(""),
                _ => entry.value.text(&map.path(entry.key), problems),
            };
            pairs.extend(value.map(|value| (entry.key.to_owned(), value.to_owned())));
        }
        pairs
    }

    /// This node as a boolean; `yes`, `on` and their like included.
    pub fn bool(&self, path: &str, problems: &mut Problems) -> Option<bool> {
        self.plain(path, "a boolean", "true or false", scalar::parse_bool, problems)
    }

    /// This node as a whole number that is not negative.
    pub fn uint(&self, path: &str, problems: &mut Problems) -> Option<u64> {
        let read = |text: &str| scalar::parse_int(text).or_else(|| whole(text)).and_then(|int| u64::try_from(int).ok());
        self.plain(path, "a whole number of 0 or more", "digits such as 100", read, problems)
    }

    /// This node as a number.
    pub fn float(&self, path: &str, problems: &mut Problems) -> Option<f64> {
        self.plain(path, "a number", "digits such as 0.5", scalar::parse_float, problems)
    }

    /// This node as a Prometheus duration.
    pub fn duration(&self, path: &str, problems: &mut Problems) -> Option<Millis> {
        let what = "a duration";
        let instead = "whole numbers with units ms, s, m, h, d, w, y such as 1h30m";
        self.scalar(path, what, instead, duration::parse_duration, problems)
    }

    /// This node as a size in bytes.
    pub fn bytes(&self, path: &str, problems: &mut Problems) -> Option<u64> {
        self.scalar(path, "a size", "bytes or a unit such as 64MiB, 2GiB, 10MB", scalar::parse_bytes, problems)
    }

    /// This node read by `read`, quoted or not.
    pub fn scalar<T>(
        &self,
        path: &str,
        what: &str,
        instead: &str,
        read: impl FnOnce(&str) -> Option<T>,
        problems: &mut Problems,
    ) -> Option<T> {
        match &self.value {
            Value::Null => None,
            Value::Scalar { text, .. } => read(text).or_else(|| self.refuse(path, what, instead, problems)),
            _ => self.refuse(path, what, instead, problems),
        }
    }

    fn plain<T>(
        &self,
        path: &str,
        what: &str,
        instead: &str,
        read: impl Fn(&str) -> Option<T>,
        problems: &mut Problems,
    ) -> Option<T> {
        match &self.value {
            Value::Scalar { text, plain: false } if read(text).is_some() => {
                let message = format!("`{path}` must be {what}, found the quoted text \"{text}\", remove the quotes");
                problems.push(self.place, message);
                None
            }
            _ => self.scalar(path, what, instead, read, problems),
        }
    }

    /// Reports that this node is not `what`; always `None`.
    pub fn refuse<T>(&self, path: &str, what: &str, instead: &str, problems: &mut Problems) -> Option<T> {
        let name = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
        problems.push(self.place, format!("{name} must be {what}, found {}, write {instead}", self.value.describe()));
        None
    }
}

/// A float that is a whole number (`5.0`, `1e3`), which Go's yaml takes for an integer.
fn whole(text: &str) -> Option<i64> {
    let float = scalar::parse_float(text).filter(|float| float.fract() == 0.0 && float.abs() < 9.0e15)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    Some(float as i64)
}
