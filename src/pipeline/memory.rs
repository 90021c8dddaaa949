//! The memory budget: bytes of bodies, decompressed bodies and staged samples in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A shared budget of bytes; cloning is cheap.
#[derive(Clone, Debug)]
pub struct Memory {
    used: Arc<AtomicU64>,
    max: u64,
}

/// Bytes taken out of the budget; given back on drop.
#[derive(Debug)]
pub struct Reservation {
    memory: Memory,
    bytes: u64,
}

/// The budget is spent; the sender should come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory budget of {max} bytes is in use (limits.memory_bytes)")]
pub struct Exhausted {
    /// The whole budget.
    pub max: u64,
}

impl Memory {
    /// A budget of `max` bytes.
    #[must_use]
    pub fn new(max: u64) -> Self {
        Self { used: Arc::default(), max }
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// An empty reservation, to be grown as bytes arrive.
    #[must_use]
    pub fn reservation(&self) -> Reservation {
        Reservation { memory: self.clone(), bytes: 0 }
    }
}

impl Reservation {
    /// Takes `more` bytes. One that needs more than the whole budget gets it while it is alone.
    ///
    /// # Errors
    /// [`Exhausted`] when others hold what is missing; nothing is taken then.
    pub fn grow(&mut self, more: u64) -> Result<(), Exhausted> {
        let Memory { used, max } = &self.memory;
        let own = self.bytes;
        let fits = |used: u64| {
            let after = used.saturating_add(more);
            (after <= *max || used == own).then_some(after)
        };
        match used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits) {
            Ok(_) => {
                self.bytes += more;
                Ok(())
            }
            Err(_) => Err(Exhausted { max: *max }),
        }
    }

    /// Moves `bytes` of it, or all, into a reservation of their own.
    #[must_use]
    pub fn split(&mut self, bytes: u64) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self { memory: self.memory.clone(), bytes }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_others_hold_and_gives_back_on_drop() {
        let memory = Memory::new(100);
        let mut first = memory.reservation();
        let mut second = memory.reservation();
        assert_eq!(first.grow(60), Ok(()));
        assert_eq!(second.grow(60), Err(Exhausted { max: 100 }));
        assert_eq!(memory.used(), 60);
        drop(first);
        assert_eq!(second.grow(60), Ok(()));
    }

    #[test]
    fn a_part_is_given_back_by_itself() {
        let memory = Memory::new(100);
        let mut whole = memory.reservation();
        assert_eq!(whole.grow(80), Ok(()));
        let part = whole.split(30);
        assert_eq!((whole.bytes(), part.bytes(), memory.used()), (50, 30, 80));
        drop(whole);
        assert_eq!(memory.used(), 30);
        drop(part);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn admits_one_larger_than_the_budget_only_when_alone() {
        let memory = Memory::new(100);
        let mut large = memory.reservation();
        assert_eq!(large.grow(80), Ok(()));
        assert_eq!(large.grow(80), Ok(()), "alone, it may pass the budget");
        let mut small = memory.reservation();
        assert_eq!(small.grow(1), Err(Exhausted { max: 100 }));
        drop(large);
        assert_eq!(small.grow(1), Ok(()));
        assert_eq!(memory.used(), 1);
    }
}
