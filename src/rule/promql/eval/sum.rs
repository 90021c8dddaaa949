//! Sums that keep what rounding drops (Kahan, improved by Neumaier), and means on top of them.

/// A running sum with its compensation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) sum: f64,
    pub(super) lost: f64,
}

impl Sum {
    pub(super) const fn of(sum: f64) -> Self {
        Self { sum, lost: 0.0 }
    }

    pub(super) fn add(&mut self, term: f64) {
        let total = self.sum + term;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= term.abs() {
            self.lost += (self.sum - total) + term;
        } else {
            self.lost += (term - total) + self.sum;
        }
        self.sum = total;
    }

    pub(super) fn value(self) -> f64 {
        self.sum + self.lost
    }
}

/// A running mean: the sum divided at the end, as long as the sum does not overflow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean {
    count: f64,
    sum: Sum,
    /// The mean itself, once the sum would have overflown.
    incremental: Option<f64>,
}

impl Mean {
    pub(super) const fn of(first: f64) -> Self {
        Self { count: 1.0, sum: Sum::of(first), incremental: None }
    }

    pub(super) fn add(&mut self, term: f64) {
        self.count += 1.0;
        let mean = match self.incremental {
            Some(mean) => mean,
            None => {
                let mut next = self.sum;
                next.add(term);
                if !next.sum.is_infinite() {
                    self.sum = next;
                    return;
                }
                self.sum.lost /= self.count - 1.0;
                self.sum.sum / (self.count - 1.0)
            }
        };
        let kept = (self.count - 1.0) / self.count;
        let mut next = Sum { sum: kept * mean, lost: kept * self.sum.lost };
        next.add(term / self.count);
        self.incremental = Some(next.sum);
        self.sum.lost = next.lost;
    }

    pub(super) fn value(self) -> f64 {
        match self.incremental {
            Some(mean) => mean + self.sum.lost,
            None => self.sum.sum / self.count + self.sum.lost / self.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Mean, Sum};

    #[test]
    fn keeps_what_rounding_drops() {
        let mut sum = Sum::default();
        [1.0, 1e100, 1.0, -1e100].into_iter().for_each(|term| sum.add(term));
        assert_eq!(sum.value(), 2.0);
    }

    #[test]
    fn a_mean_survives_a_sum_that_overflows() {
        let mut mean = Mean::of(f64::MAX);
        mean.add(f64::MAX);
        assert_eq!(mean.value(), f64::MAX);
        let mut mean = Mean::of(f64::INFINITY);
        mean.add(1.0);
        assert_eq!(mean.value(), f64::INFINITY);
    }
}
