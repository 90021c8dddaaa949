//! What queries see of the engine: series that rules read, copied out so that no query holds it up.

use super::Engine;
use crate::limits::QUERY_SAMPLES_MAX;
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::model::time::Millis;
use crate::rule::promql::{Expr, Inputs, Selector, SeriesView};

/// The series of each selector of an expression.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    selectors: Vec<Vec<(Labels, Vec<Sample>)>>,
    /// How far back the longest window among them reaches; `None` without any series.
    pub back_ms: Option<Millis>,
}

impl Inputs for Selection {
    fn each(&self, selector: usize, visit: &mut dyn FnMut(SeriesView<'_>)) {
        for (labels, samples) in self.selectors.get(selector).into_iter().flatten() {
            visit(SeriesView { labels, samples });
        }
    }
}

impl Engine {
    /// What `expr` reads at the instants `first` to `last`; `None` if it is more than
    /// [`QUERY_SAMPLES_MAX`] samples.
    #[must_use]
    pub fn select(&self, expr: &Expr, first: Millis, last: Millis) -> Option<Selection> {
        let mut found = Selection::default();
        let mut copied = 0;
        for selector in &expr.selectors {
            let (from, to) = selector.span(first, last);
            let mut matching = Vec::new();
            for series in self.store.series.iter().flatten().filter(|series| selector.matches(&series.labels)) {
                found.back_ms = found.back_ms.max(Some(series.need_ms));
                let samples = between(series.window.samples(), from, to);
                copied += samples.len();
                if copied > QUERY_SAMPLES_MAX {
                    return None;
                }
                if !samples.is_empty() {
                    matching.push((series.labels.clone(), samples.to_vec()));
                }
            }
            found.selectors.push(matching);
        }
        Some(found)
    }

    /// The series with samples from `first` to `last` that any of `selectors` selects; all if there are none.
    #[must_use]
    pub fn series(&self, selectors: &[Selector], first: Millis, last: Millis) -> Vec<Labels> {
        let wanted = |labels: &Labels| selectors.is_empty() || selectors.iter().any(|one| one.matches(labels));
        let all = self.store.series.iter().flatten();
        let live = all.filter(|series| !between(series.window.samples(), first.saturating_sub(1), last).is_empty());
        let mut found: Vec<Labels> =
            live.filter(|series| wanted(&series.labels)).map(|series| series.labels.clone()).collect();
        found.sort();
        found
    }
}

/// The samples in `(from, to]`.
fn between(samples: &[Sample], from: Millis, to: Millis) -> &[Sample] {
    let end = samples.partition_point(|sample| sample.timestamp_ms <= to);
    let start = samples[..end].partition_point(|sample| sample.timestamp_ms <= from);
    &samples[start..end]
}
