//! Elements on their way through an evaluation: labels are shared, and dropped names only marked.

use hashbrown::HashSet;

use super::super::value::EvalError;
use crate::model::labels::{Labels, METRIC_NAME, labels_hash};

/// An interim result.
pub(super) enum Interim {
    Scalar(f64),
    Vector(Vec<Item>),
}

/// One element. While `bare`, its metric name, type and unit count as dropped, which costs no copy
/// of the labels until somebody needs one.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) labels: Labels,
    pub(super) bare: bool,
    pub(super) value: f64,
}

/// Labels that describe a metric: whatever changes its meaning drops all three.
pub(super) fn is_metadata(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

impl Item {
    /// An element without labels.
    pub(super) fn unlabelled(value: f64) -> Self {
        Self { labels: Labels::default(), bare: false, value }
    }

    /// The labels that count, sorted by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.labels.iter().filter(|(name, _)| !(self.bare && is_metadata(name)))
    }

    /// The value of a label, or the empty string.
    pub(super) fn get(&self, name: &str) -> &str {
        if self.bare && is_metadata(name) { "" } else { self.labels.get(name) }
    }

    /// The labels that count, as a set of their own.
    pub(super) fn settle(&self) -> Labels {
        if self.bare && self.labels.iter().any(|(name, _)| is_metadata(name)) {
            self.labels.without(is_metadata)
        } else {
            self.labels.clone()
        }
    }

    pub(super) fn hash(&self) -> u64 {
        labels_hash(self.iter())
    }
}

/// Refuses two elements with the same labels, which dropping names may have made of different ones.
pub(super) fn check_unique(items: &[Item]) -> Result<(), EvalError> {
    if items.len() < 2 {
        return Ok(());
    }
    let mut seen = HashSet::with_capacity(items.len());
    if items.iter().all(|item| seen.insert(item.hash())) { Ok(()) } else { Err(EvalError::DuplicateLabels) }
}
