//! Scalars that must also lie within bounds, or be one of a few words.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::duration::Millis;
use super::{Node, Problems, duration, scalar};

impl Node {
    /// This node as a duration longer than nothing.
    pub fn duration_above_zero(&self, path: &str, problems: &mut Problems) -> Option<Millis> {
        let read = |text: &str| duration::parse_duration(text).filter(|millis| *millis > 0);
        self.scalar(path, "a duration above 0", "one such as 500ms, 15s, 1h30m", read, problems)
    }

    /// [`Node::duration_above_zero`] for what waits instead of computing with times.
    pub fn wait(&self, path: &str, problems: &mut Problems) -> Option<Duration> {
        self.duration_above_zero(path, problems).map(|millis| Duration::from_millis(millis.unsigned_abs()))
    }

    /// This node as a size of at least one byte.
    pub fn bytes_above_zero(&self, path: &str, problems: &mut Problems) -> Option<u64> {
        let read = |text: &str| scalar::parse_bytes(text).filter(|bytes| *bytes > 0);
        self.scalar(path, "a size above 0", "bytes or a unit such as 64MiB, 2GiB, 10MB", read, problems)
    }

    /// This node as a whole number within `range`.
    pub fn uint_within(&self, path: &str, range: RangeInclusive<u64>, problems: &mut Problems) -> Option<u64> {
        let number = self.uint(path, problems)?;
        if range.contains(&number) {
            return Some(number);
        }
        let (from, to) = range.into_inner();
        let what = format!("a whole number of {from} to {to}");
        self.refuse(path, &what, "one within these bounds", problems)
    }

    /// This node as one of a few words.
    pub fn choice<T: Clone>(&self, path: &str, choices: &[(&str, T)], problems: &mut Problems) -> Option<T> {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        let read = |text: &str| choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| choice.clone());
        self.scalar(path, &words.join(" or "), if words.len() == 1 { "that" } else { "one of them" }, read, problems)
    }
}
