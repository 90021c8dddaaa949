//! Subqueries: an instant vector at every step of a range, by series.

use std::cell::{Cell, RefCell};
use std::ptr::from_ref;
use std::rc::Rc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::super::tree::{Node, Subquery};
use super::super::value::{EvalError, SeriesView};
use super::Evaluation;
use super::item::Item;
use super::select::Span;
use crate::limits::QUERY_POINTS_MAX;
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::model::time::Millis;

/// Results by subquery and step.
type Steps = HashMap<(usize, Millis), Rc<[Item]>>;

/// What one query remembers over its instants and over the steps of its subqueries.
#[derive(Default)]
pub(super) struct Memo {
    /// What a subquery yielded at a step: the windows of neighbouring instants overlap.
    steps: RefCell<Steps>,
    /// For nodes whose results must differ over a whole range: result to origin.
    origins: RefCell<HashMap<(usize, u64), u64>>,
    points: Cell<usize>,
}

impl Memo {
    /// Accounts for points, of which a query may make only so many.
    fn spend(&self, points: usize) -> Result<(), EvalError> {
        let spent = self.points.get() + points;
        self.points.set(spent);
        if spent > QUERY_POINTS_MAX { Err(EvalError::TooManySamples) } else { Ok(()) }
    }
}

/// One series of a subquery.
pub(super) struct Track {
    pub(super) labels: Labels,
    pub(super) samples: Vec<Sample>,
}

impl Evaluation<'_> {
    /// The series of a subquery in `span`, none of them empty.
    pub(super) fn tracks(&self, subquery: &Subquery, span: Span) -> Result<Vec<Track>, EvalError> {
        // Steps are multiples of the step, whatever the instant.
        let step_ms = subquery.step_ms;
        let first = (span.start - span.start.rem_euclid(step_ms)).saturating_add(step_ms);
        let steps = (first..=span.end).step_by(usize::try_from(step_ms).unwrap_or(usize::MAX));
        if let Node::Instant(number) = subquery.body {
            return self.tracks_of_selector(number, steps);
        }
        let mut found: HashMap<u64, usize> = HashMap::new();
        let mut tracks: Vec<Track> = Vec::new();
        for at in steps {
            let items = self.step(subquery, at)?;
            self.memo.spend(items.len() + 1)?;
            for item in items.iter() {
                let at_index = *found.entry(item.hash()).or_insert_with(|| {
                    tracks.push(Track { labels: item.settle(), samples: Vec::new() });
                    tracks.len() - 1
                });
                tracks[at_index].samples.push(Sample { timestamp_ms: at, value: item.value });
            }
        }
        Ok(tracks)
    }

    /// What is in a subquery, at one step.
    fn step(&self, subquery: &Subquery, at: Millis) -> Result<Rc<[Item]>, EvalError> {
        let evaluate = || Self { at, in_subquery: true, ..*self }.vector(&subquery.body).map(Rc::from);
        // Asked for again only if this subquery is evaluated at more than one instant.
        if !self.in_subquery && self.first == self.last {
            return evaluate();
        }
        let key = (subquery.number, at);
        if let Some(known) = self.memo.steps.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let items: Rc<[Item]> = evaluate()?;
        self.memo.steps.borrow_mut().insert(key, Rc::clone(&items));
        Ok(items)
    }

    /// The same for a plain selector, series by series.
    fn tracks_of_selector(
        &self,
        number: usize,
        steps: impl Iterator<Item = Millis> + Clone,
    ) -> Result<Vec<Track>, EvalError> {
        let selector = &self.expr.selectors[number];
        let mut tracks = Vec::new();
        let mut spent = Ok(());
        self.inputs.each(number, &mut |series: SeriesView<'_>| {
            let mut samples = Vec::new();
            for at in steps.clone() {
                let step = Self { at, in_subquery: true, ..*self };
                if let Some(sample) = step.span(selector).newest(series.samples) {
                    samples.push(Sample { timestamp_ms: at, value: sample.value });
                }
            }
            if spent.is_ok() {
                spent = self.memo.spend(samples.len() + 1);
            }
            if !samples.is_empty() && spent.is_ok() {
                tracks.push(Track { labels: series.labels.clone(), samples });
            }
        });
        spent.map(|()| tracks)
    }

    /// Refuses results of one node that are alike but come of different series, be it at different
    /// steps: a range holds each series once.
    pub(super) fn check_unique_over_steps(&self, node: &Node, items: &[Item]) -> Result<(), EvalError> {
        if !self.in_subquery && self.first == self.last {
            return Ok(());
        }
        let mut origins = self.memo.origins.borrow_mut();
        for item in items.iter().filter(|item| item.bare) {
            let origin = item.labels.hash();
            match origins.entry((from_ref(node).addr(), item.hash())) {
                Entry::Vacant(free) => {
                    free.insert(origin);
                }
                Entry::Occupied(known) if *known.get() != origin => return Err(EvalError::DuplicateLabels),
                Entry::Occupied(_) => {}
            }
        }
        Ok(())
    }
}
