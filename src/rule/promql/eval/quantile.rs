//! Quantiles of plain values.

use std::cmp::Ordering;

/// NaN before everything, then by value: Prometheus' order.
pub(super) fn ascending(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// The φ-quantile by linear interpolation between the two nearest values; sorts `values`.
pub(super) fn quantile(phi: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| ascending(*a, *b));
    let last = values.len() as f64 - 1.0;
    let rank = phi * last;
    let lower = rank.floor().max(0.0);
    let upper = last.min(lower + 1.0);
    let weight = rank - rank.floor();
    values[lower as usize] * (1.0 - weight) + values[upper as usize] * weight
}
