//! How much a series changed over a window: extrapolated, and between its last two samples.

use super::super::duration::seconds;
use super::super::function::WindowFn;
use super::select::Span;
use crate::model::sample::Sample;

/// Milliseconds as seconds, as Prometheus divides timestamps.
pub(super) fn from_millis(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// What a counter or gauge did in its window, before extrapolation.
fn observed(samples: &[Sample], first: Sample, last: Sample, counter: bool) -> f64 {
    let mut change = last.value - first.value;
    if counter {
        for pair in samples.windows(2) {
            if pair[1].value < pair[0].value {
                change += pair[0].value;
            }
        }
    }
    change
}

/// `rate`, `increase` and `delta`: the change between the first and the last sample, extrapolated to
/// the window's bounds where the samples reach close to them, and never below a counter's zero.
pub(super) fn extrapolated(function: WindowFn, samples: &[Sample], span: Span) -> Option<f64> {
    let (&[first, ..], &[_, .., last]) = (samples, samples) else {
        return None;
    };
    let counter = function != WindowFn::Delta;
    let change = observed(samples, first, last, counter);

    let Span { start, end } = span;
    let mut to_start = from_millis(first.timestamp_ms - start);
    let mut to_end = from_millis(end - last.timestamp_ms);
    let sampled = from_millis(last.timestamp_ms - first.timestamp_ms);
    let average_step = sampled / (samples.len() - 1) as f64;

    let threshold = average_step * 1.1;
    if to_start >= threshold {
        to_start = average_step / 2.0;
    }
    if counter && change > 0.0 && first.value >= 0.0 {
        let to_zero = sampled * (first.value / change);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= threshold {
        to_end = average_step / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if function == WindowFn::Rate {
        factor /= seconds(end - start);
    }
    Some(change * factor)
}

/// `irate` and `idelta`: the change between the last two samples.
pub(super) fn instant(function: WindowFn, samples: &[Sample]) -> Option<f64> {
    let &[.., before, last] = samples else {
        return None;
    };
    let elapsed = last.timestamp_ms - before.timestamp_ms;
    if elapsed == 0 {
        return None;
    }
    let per_second = function == WindowFn::Irate;
    let change = if per_second && last.value < before.value { last.value } else { last.value - before.value };
    Some(if per_second { change / from_millis(elapsed) } else { change })
}
