//! Selectors: which samples an instant or a window sees.

use super::super::matcher::Selector;
use super::super::value::SeriesView;
use super::Evaluation;
use super::item::Item;
use crate::model::sample::{Sample, is_stale};
use crate::model::time::Millis;

/// The samples of a window `(end - depth, end]`, staleness markers still among them.
pub(in super::super) fn window<'a>(samples: &'a [Sample], selector: &Selector, at: Millis) -> &'a [Sample] {
    let end = at.saturating_sub(selector.offset_ms);
    let start = end.saturating_sub(selector.depth_ms());
    let past_end = samples.partition_point(|sample| sample.timestamp_ms <= end);
    let first = samples[..past_end].partition_point(|sample| sample.timestamp_ms <= start);
    &samples[first..past_end]
}

/// The sample an instant selector sees: the newest within the lookback, unless it marks the end.
pub(in super::super) fn newest(samples: &[Sample], selector: &Selector, at: Millis) -> Option<Sample> {
    window(samples, selector, at).last().copied().filter(|sample| !is_stale(sample.value))
}

/// The samples of a window without staleness markers; `scratch` is used only where there are some.
fn fresh<'a>(samples: &'a [Sample], scratch: &'a mut Vec<Sample>) -> &'a [Sample] {
    if !samples.iter().any(|sample| is_stale(sample.value)) {
        return samples;
    }
    scratch.clear();
    scratch.extend(samples.iter().filter(|sample| !is_stale(sample.value)));
    scratch
}

impl Evaluation<'_> {
    pub(super) fn instant(&self, number: usize) -> Vec<Item> {
        self.newest_of_each(number, |sample| sample.value)
    }

    /// One element per series that has a sample, its value made of that sample.
    pub(super) fn newest_of_each(&self, number: usize, value: impl Fn(Sample) -> f64) -> Vec<Item> {
        let selector = &self.expr.selectors[number];
        let mut items = Vec::new();
        self.inputs.each(number, &mut |series: SeriesView<'_>| {
            if let Some(sample) = newest(series.samples, selector, self.at) {
                items.push(Item { labels: series.labels.clone(), bare: false, value: value(sample) });
            }
        });
        items
    }

    /// One element per series whose window is not empty and for which `value` finds one.
    pub(super) fn window_of_each(
        &self,
        number: usize,
        bare: bool,
        mut value: impl FnMut(&[Sample]) -> Option<f64>,
    ) -> Vec<Item> {
        let selector = &self.expr.selectors[number];
        let mut items = Vec::new();
        let mut scratch = Vec::new();
        self.inputs.each(number, &mut |series: SeriesView<'_>| {
            let samples = fresh(window(series.samples, selector, self.at), &mut scratch);
            if samples.is_empty() {
                return;
            }
            if let Some(value) = value(samples) {
                items.push(Item { labels: series.labels.clone(), bare, value });
            }
        });
        items
    }
}
