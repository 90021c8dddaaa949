//! Classic histograms: series with an `le` label, one per bucket.

use hashbrown::HashMap;

use super::super::value::EvalError;
use super::item::{Item, check_unique, is_metadata};
use crate::model::labels::{Labels, labels_hash};

/// Differences between neighbouring buckets below this part of them are noise of the arithmetic.
const SMALL_DELTA: f64 = 1e-12;

const BUCKET_LABEL: &str = "le";

/// One bucket: how many observations up to a bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    bound: f64,
    count: f64,
}

/// Gathers elements into histograms and makes one element of each. An element whose `le` is no
/// number is left out.
pub(super) fn each(items: &[Item], value: impl Fn(&mut Vec<Bucket>) -> f64) -> Result<Vec<Item>, EvalError> {
    let mut by_labels: HashMap<u64, usize> = HashMap::new();
    let mut histograms: Vec<(Labels, Vec<Bucket>)> = Vec::new();
    for item in items {
        let Ok(bound) = item.get(BUCKET_LABEL).parse::<f64>() else {
            continue;
        };
        let hash = labels_hash(item.iter().filter(|(name, _)| *name != BUCKET_LABEL));
        let at = *by_labels.entry(hash).or_insert_with(|| {
            let kept = item.iter().filter(|(name, _)| *name != BUCKET_LABEL && !is_metadata(name));
            histograms.push((Labels::from_pairs(kept), Vec::new()));
            histograms.len() - 1
        });
        histograms[at].1.push(Bucket { bound, count: item.value });
    }
    let item = |(labels, mut buckets): (Labels, Vec<Bucket>)| Item { labels, bare: false, value: value(&mut buckets) };
    let found: Vec<Item> = histograms.into_iter().map(item).collect();
    check_unique(&found)?;
    Ok(found)
}

/// Sorts by bound and joins buckets of one bound; false without a bucket up to +Inf.
fn tidy(buckets: &mut Vec<Bucket>) -> bool {
    buckets.sort_by(|a, b| a.bound.partial_cmp(&b.bound).unwrap_or(std::cmp::Ordering::Equal));
    buckets.dedup_by(|later, kept| {
        let same = later.bound == kept.bound;
        if same {
            kept.count += later.count;
        }
        same
    });
    buckets.last().is_some_and(|last| last.bound == f64::INFINITY)
}

/// Whether two counts differ by no more than rounding.
fn almost_equal(a: f64, b: f64) -> bool {
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if (a.is_nan() && b.is_nan()) || a == b {
        true
    } else if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        difference < SMALL_DELTA * f64::MIN_POSITIVE
    } else {
        difference / sum.min(f64::MAX) < SMALL_DELTA
    }
}

/// Counts never fall from one bucket to the next: noise and decreases take the count before.
fn make_monotonic(buckets: &mut [Bucket]) {
    let mut previous = buckets.first().map_or(0.0, |bucket| bucket.count);
    for bucket in buckets.iter_mut().skip(1) {
        if bucket.count == previous {
            continue;
        }
        if almost_equal(previous, bucket.count) || bucket.count < previous {
            bucket.count = previous;
        } else {
            previous = bucket.count;
        }
    }
}

/// The φ-quantile, by linear interpolation inside the bucket it falls into.
pub(super) fn quantile(phi: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    if !tidy(buckets) {
        return f64::NAN;
    }
    make_monotonic(buckets);
    let [inner @ .., last] = buckets.as_slice() else {
        return f64::NAN;
    };
    let (Some(highest), true) = (inner.last(), last.count != 0.0) else {
        return f64::NAN;
    };
    let mut rank = phi * last.count;
    let at = first_reaching(inner, rank);
    if at == inner.len() {
        return highest.bound;
    }
    if at == 0 && inner[0].bound <= 0.0 {
        return inner[0].bound;
    }
    let (mut start, mut count) = (0.0, inner[at].count);
    if at > 0 {
        let before = inner[at - 1];
        start = before.bound;
        count -= before.count;
        rank -= before.count;
    }
    start + (inner[at].bound - start) * (rank / count)
}

/// The first bucket that holds `rank` observations, by bisection as Go does it: NaN counts decide nothing.
fn first_reaching(buckets: &[Bucket], rank: f64) -> usize {
    let (mut low, mut high) = (0, buckets.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if buckets[middle].count >= rank { high = middle } else { low = middle + 1 }
    }
    low
}

/// Which part of the observations lies between two values.
pub(super) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !tidy(buckets) {
        return f64::NAN;
    }
    let count = buckets.last().map_or(0.0, |last| last.count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets, count) - rank_of(lower, buckets, count)) / count
}

/// How many observations lie below `value`.
fn rank_of(value: f64, buckets: &[Bucket], count: f64) -> f64 {
    let mut rank = 0.0;
    let mut start = if buckets[0].bound <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    for bucket in buckets {
        if start >= value {
            return if rank > count { count } else { rank };
        }
        if bucket.bound > value {
            let inside = if start == f64::NEG_INFINITY {
                bucket.count
            } else {
                rank + (bucket.count - rank) * (value - start) / (bucket.bound - start)
            };
            return if inside > count { count } else { inside };
        }
        rank = bucket.count;
        start = bucket.bound;
    }
    count
}
