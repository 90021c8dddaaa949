//! Every sample of a test, input and made by rules, for expressions to read.

use std::collections::BTreeMap;

use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::rule::promql::{Inputs, Selector, SeriesView};

/// Series with their samples, ascending.
#[derive(Debug, Default)]
pub(super) struct History(BTreeMap<Labels, Vec<Sample>>);

impl History {
    /// Adds a sample, as Prometheus' database does: in order, the first of a timestamp stays.
    ///
    /// # Errors
    /// Prometheus' words for a sample that it refuses.
    pub(super) fn add(&mut self, labels: &Labels, sample: Sample) -> Result<(), &'static str> {
        let samples = match self.0.get_mut(labels) {
            Some(samples) => samples,
            None => self.0.entry(labels.clone()).or_default(),
        };
        match samples.last() {
            Some(last) if last.timestamp_ms > sample.timestamp_ms => Err("out of order sample"),
            Some(last) if last.timestamp_ms == sample.timestamp_ms => {
                let same = last.value.to_bits() == sample.value.to_bits();
                if same { Ok(()) } else { Err("duplicate sample for timestamp") }
            }
            _ => {
                samples.push(sample);
                Ok(())
            }
        }
    }
}

/// The history as an expression reads it.
pub(super) struct View<'a> {
    pub(super) history: &'a History,
    pub(super) selectors: &'a [Selector],
}

impl Inputs for View<'_> {
    fn each(&self, selector: usize, visit: &mut dyn FnMut(SeriesView<'_>)) {
        for (labels, samples) in self.history.0.iter().filter(|(labels, _)| self.selectors[selector].matches(labels)) {
            visit(SeriesView { labels, samples });
        }
    }
}
