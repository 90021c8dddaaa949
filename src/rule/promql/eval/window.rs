//! Functions of one series' window: `*_over_time`, counters, regression.

use super::super::function::WindowFn;
use super::super::tree::Node;
use super::super::value::EvalError;
use super::Evaluation;
use super::item::{Item, check_unique};
use super::quantile::quantile;
use super::rate;
use super::select::Span;
use super::sum::{Mean, Sum};
use crate::model::sample::Sample;
use crate::model::time::Millis;

impl Evaluation<'_> {
    pub(super) fn window(&self, function: WindowFn, arguments: &[Node]) -> Result<Vec<Item>, EvalError> {
        let mut range = None;
        let mut parameters = Vec::new();
        for argument in arguments {
            match argument {
                Node::Window(_) | Node::Subquery(_) => range = Some(argument),
                scalar => parameters.push(self.scalar(scalar)?),
            }
        }
        let parameter = parameters.first().copied().unwrap_or(f64::NAN);
        let Some(range) = range else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        let bare = !matches!(function, WindowFn::Last | WindowFn::First);
        let mut refused = Ok(());
        let items = self.window_of_each(range, bare, |samples, span| {
            if function == WindowFn::Quantile {
                values.clear();
                values.extend(samples.iter().map(|sample| sample.value));
                return Some(quantile(parameter, &mut values));
            }
            if function == WindowFn::DoubleExponentialSmoothing {
                let factors = [parameter, parameters.get(1).copied().unwrap_or(f64::NAN)];
                if refused.is_ok() {
                    refused = check_factors(factors);
                }
                return smoothed(samples, factors);
            }
            of_series(function, parameter, samples, span, self.at)
        })?;
        refused?;
        if bare {
            check_unique(&items)?;
        }
        Ok(items)
    }
}

fn of_series(function: WindowFn, parameter: f64, samples: &[Sample], span: Span, at: Millis) -> Option<f64> {
    let values = || samples.iter().map(|sample| sample.value);
    let changed = |counts: fn(f64, f64) -> bool| {
        samples.windows(2).filter(|pair| counts(pair[0].value, pair[1].value)).count() as f64
    };
    match function {
        WindowFn::Rate | WindowFn::Increase | WindowFn::Delta => rate::extrapolated(function, samples, span),
        WindowFn::Irate | WindowFn::Idelta => rate::instant(function, samples),
        WindowFn::Deriv => {
            let (slope, _) = regression(samples, samples.get(1).and(samples.first())?.timestamp_ms);
            Some(slope)
        }
        WindowFn::PredictLinear => {
            samples.get(1)?;
            let (slope, intercept) = regression(samples, at);
            Some(slope * parameter + intercept)
        }
        WindowFn::Changes => Some(changed(|before, now| before != now && !(before.is_nan() && now.is_nan()))),
        WindowFn::Resets => Some(changed(|before, now| now < before)),
        WindowFn::Avg => {
            let mut mean = Mean::of(samples.first()?.value);
            values().skip(1).for_each(|value| mean.add(value));
            Some(mean.value())
        }
        WindowFn::Sum => {
            let mut sum = Sum::default();
            values().for_each(|value| sum.add(value));
            Some(if sum.sum.is_infinite() { sum.sum } else { sum.value() })
        }
        WindowFn::Min => values().reduce(|least, value| if value < least || least.is_nan() { value } else { least }),
        WindowFn::Max => values().reduce(|most, value| if value > most || most.is_nan() { value } else { most }),
        WindowFn::Count => Some(samples.len() as f64),
        WindowFn::Last => samples.last().map(|sample| sample.value),
        WindowFn::Present => Some(1.0),
        WindowFn::Stddev => Some(variance(samples).sqrt()),
        WindowFn::Stdvar => Some(variance(samples)),
        WindowFn::First => samples.first().map(|sample| sample.value),
        WindowFn::Mad => {
            let mut all: Vec<f64> = values().collect();
            let median = quantile(0.5, &mut all);
            all.iter_mut().for_each(|value| *value = (*value - median).abs());
            Some(quantile(0.5, &mut all))
        }
        WindowFn::TsOfFirst => samples.first().map(|sample| rate::from_millis(sample.timestamp_ms)),
        WindowFn::TsOfLast => samples.last().map(|sample| rate::from_millis(sample.timestamp_ms)),
        WindowFn::TsOfMax => timestamp_of(samples, |value, most| value >= most || most.is_nan()),
        WindowFn::TsOfMin => timestamp_of(samples, |value, least| value <= least || least.is_nan()),
        WindowFn::Quantile | WindowFn::DoubleExponentialSmoothing => None,
    }
}

/// When the last sample was taken that is better than all before.
fn timestamp_of(samples: &[Sample], better: impl Fn(f64, f64) -> bool) -> Option<f64> {
    let best = samples.iter().reduce(|best, sample| if better(sample.value, best.value) { sample } else { best });
    best.map(|sample| rate::from_millis(sample.timestamp_ms))
}

fn check_factors(factors: [f64; 2]) -> Result<(), EvalError> {
    for (name, symbol, factor) in [("smoothing", "sf", factors[0]), ("trend", "tf", factors[1])] {
        if factor <= 0.0 || factor >= 1.0 {
            let message = format!("invalid {name} factor. Expected: 0 < {symbol} < 1, got: {factor:.6}");
            return Err(EvalError::Argument(message));
        }
    }
    Ok(())
}

/// Holt's linear smoothing: the last smoothed value.
fn smoothed(samples: &[Sample], [smoothing, trending]: [f64; 2]) -> Option<f64> {
    let &[first, second, ..] = samples else { return None };
    let (mut before, mut now, mut trend) = (0.0, first.value, second.value - first.value);
    for (index, sample) in samples[1..].iter().enumerate() {
        let scaled = smoothing * sample.value;
        if index > 0 {
            trend = trending * (now - before) + (1.0 - trending) * trend;
        }
        let carried = (1.0 - smoothing) * (now + trend);
        (before, now) = (now, scaled + carried);
    }
    Some(now)
}

/// Population variance (Welford), both running figures compensated.
fn variance(samples: &[Sample]) -> f64 {
    let mut count = 0.0;
    let (mut mean, mut squares) = (Sum::default(), Sum::default());
    for sample in samples {
        count += 1.0;
        let delta = sample.value - mean.value();
        mean.add(delta / count);
        squares.add(delta * (sample.value - mean.value()));
    }
    squares.value() / count
}

/// Least squares: slope per second, and value at `origin`.
fn regression(samples: &[Sample], origin: Millis) -> (f64, f64) {
    let first = samples.first().map_or(f64::NAN, |sample| sample.value);
    if samples.iter().skip(1).all(|sample| sample.value == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let mut count = 0.0;
    let [mut x_sum, mut y_sum, mut xy_sum, mut x2_sum] = [Sum::default(); 4];
    for sample in samples {
        count += 1.0;
        let x = rate::from_millis(sample.timestamp_ms - origin);
        x_sum.add(x);
        y_sum.add(sample.value);
        xy_sum.add(x * sample.value);
        x2_sum.add(x * x);
    }
    let [x_sum, y_sum, xy_sum, x2_sum] = [x_sum, y_sum, xy_sum, x2_sum].map(Sum::value);
    let covariance = xy_sum - x_sum * y_sum / count;
    let variance = x2_sum - x_sum * x_sum / count;
    let slope = covariance / variance;
    (slope, y_sum / count - slope * x_sum / count)
}
