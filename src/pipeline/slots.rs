//! How many requests an exporter has on their way: the bound follows what the store bears.
//!
//! AIMD, as TCP does it: while the bound is used up, each success adds a fraction, so that a round of
//! successes adds one; an overloaded store (429, 5xx, no answer in time) halves it, once a round.

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What an attempt says about the store's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressure {
    /// It took the request in its time.
    None,
    /// It had too much to do.
    Overload,
    /// Nothing is known: nobody was there, or we are refused.
    Unknown,
}

/// The pure rule.
#[derive(Clone, Copy, Debug)]
struct Bound {
    max: usize,
    allowed: f64,
    in_use: usize,
    /// The next attempt's number.
    next: u64,
    /// Attempts before this one belong to a round that was cut already.
    cut_at: u64,
    /// Attempts before this one were on their way when the bound was used up.
    full_before: u64,
}

impl Bound {
    fn allowed(&self) -> usize {
        // 1 ≤ allowed ≤ max
        (self.allowed as usize).clamp(1, self.max)
    }

    fn begin(&mut self) -> Option<u64> {
        if self.in_use >= self.allowed() {
            return None;
        }
        self.in_use += 1;
        self.next += 1;
        if self.in_use >= self.allowed() {
            self.full_before = self.next;
        }
        Some(self.next - 1)
    }

    fn end(&mut self, number: u64, pressure: Pressure) {
        self.in_use -= 1;
        match pressure {
            Pressure::None if number < self.full_before => {
                self.allowed = (self.allowed + 1.0 / self.allowed).min(self.max as f64)
            }
            Pressure::Overload if number >= self.cut_at => {
                self.allowed = (self.allowed / 2.0).max(1.0);
                self.cut_at = self.next;
            }
            _ => {}
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Slots {
    bound: Mutex<Bound>,
    freed: Notify,
}

impl Slots {
    /// At most `max` at once; it begins there, or at 2 if that is less.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        let bound = Bound { max, allowed: max.min(2) as f64, in_use: 0, next: 0, cut_at: 0, full_before: 0 };
        Self { bound: Mutex::new(bound), freed: Notify::new() }
    }

    /// Requests that may be on their way now.
    #[must_use]
    pub fn allowed(&self) -> usize {
        self.bound.lock().allowed()
    }

    /// Requests on their way.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.bound.lock().in_use
    }

    /// Waits for a place.
    pub async fn enter(&self) -> Slot<'_> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            let entered = self.bound.lock().begin();
            match entered {
                Some(number) => return Slot { slots: self, number, pressure: Pressure::Unknown },
                None => freed.await,
            }
        }
    }
}

/// A place; it is free again when dropped.
#[derive(Debug)]
pub struct Slot<'a> {
    slots: &'a Slots,
    number: u64,
    pressure: Pressure,
}

impl Slot<'_> {
    /// Leaves, with what the attempt has shown.
    pub fn leave(mut self, pressure: Pressure) {
        self.pressure = pressure;
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.slots.bound.lock().end(self.number, self.pressure);
        self.slots.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(bound: &mut Bound, pressure: Pressure) -> usize {
        let numbers: Vec<u64> = std::iter::from_fn(|| bound.begin()).collect();
        for number in &numbers {
            bound.end(*number, pressure);
        }
        numbers.len()
    }

    #[test]
    fn grows_by_about_one_a_round_and_halves_once_a_round() {
        let mut bound = Bound { max: 16, allowed: 2.0, in_use: 0, next: 0, cut_at: 0, full_before: 0 };
        let rounds: Vec<usize> = (0..80).map(|_| round(&mut bound, Pressure::None)).collect();
        assert_eq!(rounds[..2], [2, 2]);
        assert!(rounds.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] - pair[0] <= 1), "{rounds:?}");
        assert_eq!(rounds.last(), Some(&16), "{rounds:?}");
        assert_eq!(round(&mut bound, Pressure::Overload), 16);
        assert_eq!(bound.allowed(), 8, "sixteen failures of one round count once");
        assert_eq!((0..5).map(|_| round(&mut bound, Pressure::Overload)).collect::<Vec<_>>(), [8, 4, 2, 1, 1]);
        assert_eq!(round(&mut bound, Pressure::Unknown), 1);
    }

    #[test]
    fn a_bound_that_is_not_used_up_does_not_grow() {
        let mut bound = Bound { max: 8, allowed: 4.0, in_use: 0, next: 0, cut_at: 0, full_before: 0 };
        for _ in 0..100 {
            let number = bound.begin().expect("a place");
            bound.end(number, Pressure::None);
        }
        assert_eq!(bound.allowed(), 4);
    }
}
