//! A point's labels: its translated attributes, what is merged, and what the resource adds.

use std::cmp::Ordering;
use std::ops::Range;

use super::context::Context;
use super::settings::Settings;
use super::{label, text};
use crate::codec::any_value::AnyValue;
use crate::limits::Limits;
use crate::model::labels::METRIC_NAME;

/// Labels that a series has beside its base: its name and `le` or `quantile`.
const EXTRA_LABELS: usize = 2;

/// Labels sorted by name, each once, none empty. One set serves all points of a request in turn.
#[derive(Debug, Default)]
pub(super) struct Base {
    text: Vec<u8>,
    labels: Vec<(Range<usize>, Range<usize>)>,
}

impl Base {
    /// Name and value of each label, sorted by name.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.labels.iter().map(|(name, value)| (&self.text[name.clone()], &self.text[value.clone()]))
    }

    /// Becomes the labels of a point with these attributes, of those but the ones that `ignored` names.
    ///
    /// # Errors
    /// If a key leaves no name or a bound of `limits` is crossed.
    pub(super) fn build(
        &mut self,
        attributes: &mut [(&str, AnyValue<'_>)],
        ignored: &[&str],
        context: &Context,
        settings: &Settings,
        limits: &Limits,
    ) -> Result<(), String> {
        self.text.clear();
        self.labels.clear();
        if !attributes.is_sorted_by_key(|(key, _)| *key) {
            attributes.sort_by_key(|(key, _)| *key);
        }
        let mut sorted = true;
        for (key, value) in attributes.iter().filter(|(key, _)| !ignored.contains(key)) {
            let start = self.text.len();
            label::write(key, settings, &mut self.text)?;
            let end = self.text.len();
            text::write(*value, &mut self.text);
            let name = start..end;
            if let Some((last, _)) = self.labels.last() {
                sorted &= self.text[last.clone()] < self.text[name.clone()];
            }
            self.labels.push((name, end..self.text.len()));
        }
        if !sorted {
            self.merge();
        }
        self.labels.retain(|(_, value)| !value.is_empty());
        for (name, value) in context.defaults() {
            if let Err(at) = self.find(name) {
                self.insert(at, name, value);
            }
        }
        for (name, value) in context.overrides() {
            self.set(name, value);
        }
        self.check(limits)
    }

    /// Sorts by name; values under one name, which are in order of their keys, are joined by semicolons.
    fn merge(&mut self) {
        let Self { text, labels } = self;
        labels.sort_by(|(a, _), (b, _)| text[a.clone()].cmp(&text[b.clone()]));
        let mut kept = 0usize;
        for at in 0..labels.len() {
            let (name, value) = labels[at].clone();
            match kept.checked_sub(1).map(|last| labels[last].clone()) {
                Some((last, before)) if text[last.clone()] == text[name.clone()] => {
                    labels[kept - 1].1 = if before.is_empty() {
                        value
                    } else {
                        let start = text.len();
                        text.extend_from_within(before);
                        text.push(b';');
                        text.extend_from_within(value);
                        start..text.len()
                    };
                }
                _ => {
                    labels[kept] = (name, value);
                    kept += 1;
                }
            }
        }
        labels.truncate(kept);
    }

    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        self.labels.binary_search_by(|(range, _)| self.text[range.clone()].cmp(name))
    }

    fn insert(&mut self, at: usize, name: &[u8], value: &[u8]) {
        let name = self.append(name);
        let value = self.append(value);
        self.labels.insert(at, (name, value));
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        start..self.text.len()
    }

    /// Puts a label over one of the same name; an empty value removes it.
    fn set(&mut self, name: &[u8], value: &[u8]) {
        match (self.find(name), value.is_empty()) {
            (Ok(at), true) => {
                self.labels.remove(at);
            }
            (Ok(at), false) => self.labels[at].1 = self.append(value),
            (Err(_), true) => {}
            (Err(at), false) => self.insert(at, name, value),
        }
    }

    fn check(&self, limits: &Limits) -> Result<(), String> {
        if self.labels.len() + EXTRA_LABELS > limits.labels_max {
            let most = limits.labels_max.saturating_sub(EXTRA_LABELS);
            return Err(format!("{} labels, at most {most} beside the name", self.labels.len()));
        }
        let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).into_owned();
        for (name, value) in self.iter() {
            if name.len() > limits.label_name_bytes_max {
                let most = limits.label_name_bytes_max;
                return Err(format!("label name {:?}… of {} bytes, at most {most}", shown(name), name.len()));
            }
            if value.len() > limits.label_value_bytes_max {
                let most = limits.label_value_bytes_max;
                return Err(format!("value of label {:?} has {} bytes, at most {most}", shown(name), value.len()));
            }
        }
        Ok(())
    }

    /// Calls `put` for each label with the extras, sorted by name themselves, put over them.
    #[inline]
    pub(super) fn with(&self, extras: &[(&str, &[u8])], mut put: impl FnMut(&[u8], &[u8])) {
        let mut extras = extras.iter();
        let mut next = extras.next();
        for (name, value) in self.iter() {
            let mut covered = false;
            while let Some((extra, text)) = next {
                match extra.as_bytes().cmp(name) {
                    Ordering::Greater => break,
                    order => covered |= order == Ordering::Equal,
                }
                put(extra.as_bytes(), text);
                next = extras.next();
            }
            if !covered {
                put(name, value);
            }
        }
        next.into_iter().chain(extras).for_each(|(extra, text)| put(extra.as_bytes(), text));
    }

    /// Whether there is a label of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name.as_bytes()).is_ok()
    }
}

/// The attribute that no label is made of: the metric has a name of its own.
pub(super) const IGNORED: [&str; 1] = [METRIC_NAME];
