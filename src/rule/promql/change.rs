//! When a result can change although no sample arrives.

use super::expr::Expr;
use super::matcher::Selector;
use super::value::Inputs;
use crate::model::sample::{Sample, is_stale};
use crate::model::time::Millis;

impl Expr {
    /// The earliest instant after `at` at which the result can differ without new data: a sample
    /// leaves a window or the lookback, or one dated ahead (or shifted by an offset) comes into
    /// sight. `None` if there is none. What only follows the clock (`time()`, `hour()`,
    /// `predict_linear`, the extrapolation of `rate`) is left to the ticks.
    #[must_use]
    pub fn next_change(&self, inputs: &dyn Inputs, at: Millis) -> Option<Millis> {
        let mut next: Option<Millis> = None;
        for (number, selector) in self.selectors.iter().enumerate() {
            inputs.each(number, &mut |series| {
                let found = of_series(selector, series.samples, at);
                next = next.into_iter().chain(found).min();
            });
        }
        next
    }
}

/// The same for one series of one selector.
fn of_series(selector: &Selector, samples: &[Sample], at: Millis) -> Option<Millis> {
    let reach = &selector.reach;
    let newest = samples.last()?;
    let of_steps = || reach.grids.iter().map(|grid| grid.next(at)).min();
    if reach.fixed.is_some() {
        return of_steps();
    }
    if reach.at_steps {
        return if newest.timestamp_ms > at.saturating_add(reach.from_ms) { of_steps() } else { None };
    }
    directly(selector, samples, at).into_iter().chain(of_steps()).min()
}

/// The same without subqueries.
fn directly(selector: &Selector, samples: &[Sample], at: Millis) -> Option<Millis> {
    // A sample of time t is seen at instants in [t + offset, t + offset + depth).
    let appears = |sample: &Sample| sample.timestamp_ms.saturating_add(selector.lag_ms());
    let leaves = |sample: &Sample| appears(sample).saturating_add(selector.depth_ms());
    let ahead = samples.partition_point(|sample| appears(sample) <= at);
    let seen = &samples[..ahead];
    let leaving = match selector.range_ms {
        // Only the newest is seen, and an end marker shows nothing that could go.
        None => seen.last().filter(|newest| !is_stale(newest.value)),
        Some(_) => seen.get(seen.partition_point(|sample| leaves(sample) <= at)),
    };
    let leaving = leaving.map(leaves).filter(|time| *time > at);
    samples.get(ahead).map(appears).into_iter().chain(leaving).min()
}
