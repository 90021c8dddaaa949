//! Selectors: which samples an instant or a window sees.

use super::super::matcher::Selector;
use super::super::reach::At;
use super::super::tree::Node;
use super::super::value::{EvalError, SeriesView};
use super::Evaluation;
use super::item::Item;
use crate::model::sample::{Sample, is_stale};
use crate::model::time::Millis;

/// A range of time, open on the left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: Millis,
    pub(super) end: Millis,
}

impl Span {
    pub(super) fn before(end: Millis, length_ms: i64) -> Self {
        Self { start: end.saturating_sub(length_ms), end }
    }

    /// The samples inside, staleness markers still among them.
    pub(super) fn of(self, samples: &[Sample]) -> &[Sample] {
        let past_end = samples.partition_point(|sample| sample.timestamp_ms <= self.end);
        let first = samples[..past_end].partition_point(|sample| sample.timestamp_ms <= self.start);
        &samples[first..past_end]
    }

    /// The newest sample inside, unless it marks the end of its series.
    pub(super) fn newest(self, samples: &[Sample]) -> Option<Sample> {
        self.of(samples).last().copied().filter(|sample| !is_stale(sample.value))
    }
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
        let span = self.span(&self.expr.selectors[number]);
        let mut items = Vec::new();
        self.inputs.each(number, &mut |series: SeriesView<'_>| {
            if let Some(sample) = span.newest(series.samples) {
                items.push(Item { labels: series.labels.clone(), bare: false, value: value(sample) });
            }
        });
        items
    }

    /// One element per series whose window is not empty and for which `value` finds one; `range` is a
    /// range selector or a subquery.
    pub(super) fn window_of_each(
        &self,
        range: &Node,
        bare: bool,
        mut value: impl FnMut(&[Sample], Span) -> Option<f64>,
    ) -> Result<Vec<Item>, EvalError> {
        let mut items = Vec::new();
        match range {
            Node::Window(number) => {
                let span = self.span(&self.expr.selectors[*number]);
                let mut scratch = Vec::new();
                self.inputs.each(*number, &mut |series: SeriesView<'_>| {
                    let samples = fresh(span.of(series.samples), &mut scratch);
                    if samples.is_empty() {
                        return;
                    }
                    if let Some(value) = value(samples, span) {
                        items.push(Item { labels: series.labels.clone(), bare, value });
                    }
                });
            }
            Node::Subquery(subquery) => {
                let span = Span::before(self.instant_of(subquery.at, subquery.offset_ms), subquery.range_ms);
                for track in self.tracks(subquery, span)? {
                    if let Some(value) = value(&track.samples, span) {
                        items.push(Item { labels: track.labels, bare, value });
                    }
                }
            }
            _ => {}
        }
        Ok(items)
    }

    /// The instant that an operand with these modifiers looks from.
    pub(super) fn instant_of(&self, at: Option<At>, offset_ms: i64) -> Millis {
        let at = match at {
            None => self.at,
            Some(At::Start) => self.first,
            Some(At::End) => self.last,
            Some(At::Time(time)) => time,
        };
        at.saturating_sub(offset_ms)
    }

    pub(super) fn span(&self, selector: &Selector) -> Span {
        Span::before(self.instant_of(selector.at, selector.offset_ms), selector.depth_ms())
    }
}
