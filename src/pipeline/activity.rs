//! What one exporter is at, shared by its deliveries, its worker and whoever looks on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::slots::Slots;
use crate::limits::{PARKED_BATCHES_MAX, PARKED_BYTES_MAX};

/// See the module.
#[derive(Debug)]
pub struct Activity {
    /// Requests on their way.
    pub slots: Slots,
    /// Batches set aside because of an index that refuses us: others overtake them.
    parked: Mutex<Parked>,
    parking: Notify,
    /// Deliveries that wait because the store refuses us.
    paused: AtomicU64,
    /// Requests that a store took.
    successes: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Parked {
    batches: usize,
    bytes: usize,
}

impl Activity {
    /// Of an exporter with at most `in_flight_max` requests on their way.
    #[must_use]
    pub fn new(in_flight_max: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: Slots::new(in_flight_max),
            parked: Mutex::default(),
            parking: Notify::new(),
            paused: AtomicU64::new(0),
            successes: AtomicU64::new(0),
        })
    }

    /// Sets a batch aside that holds `bytes`; none when there is no room, and it stays in the way.
    pub(super) fn park(&self, bytes: usize) -> Option<Aside<'_>> {
        let mut parked = self.parked.lock();
        if parked.batches >= PARKED_BATCHES_MAX || parked.bytes + bytes > PARKED_BYTES_MAX {
            return None;
        }
        parked.batches += 1;
        parked.bytes += bytes;
        drop(parked);
        self.parking.notify_one();
        Some(Aside { activity: self, bytes })
    }

    /// Batches set aside.
    #[must_use]
    pub fn parked(&self) -> usize {
        self.parked.lock().batches
    }

    /// The next change of [`parked`](Self::parked).
    pub(super) fn parking(&self) -> &Notify {
        &self.parking
    }

    /// A delivery waits because the store refuses us, until the guard goes.
    pub(super) fn pause(&self) -> Paused<'_> {
        self.paused.fetch_add(1, Ordering::Relaxed);
        Paused(self)
    }

    /// Deliveries that wait because the store refuses us.
    #[must_use]
    pub fn paused(&self) -> u64 {
        self.paused.load(Ordering::Relaxed)
    }

    pub(super) fn succeeded(&self) {
        self.successes.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that the store took.
    #[must_use]
    pub fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }
}

/// A batch that is set aside.
pub(super) struct Aside<'a> {
    activity: &'a Activity,
    bytes: usize,
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        let mut parked = self.activity.parked.lock();
        parked.batches -= 1;
        parked.bytes -= self.bytes;
    }
}

/// A delivery that waits because the store refuses us.
pub(super) struct Paused<'a>(&'a Activity);

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.paused.fetch_sub(1, Ordering::Relaxed);
    }
}
