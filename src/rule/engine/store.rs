//! The engine's memory of series: what it has seen, who reads it, and the samples that are read.

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::model::time::Millis;
use crate::rule::window::{Pushed, Window};

/// How much older than a series' newest sample one may be that is still taken.
pub(super) const LATE_MS: i64 = 5 * 60 * 1000;

/// A series that no rule reads is forgotten after this long without a sample; knowing it saves no
/// more than reading its labels once.
const UNREAD_AGE_S: u32 = 30 * 60;

/// Bytes that a read series costs beside its samples and labels, for the bound on windows.
const SERIES_BYTES: usize = 256;

/// A place where a series is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) partition: u32,
    pub(super) selector: u16,
    /// How long after its timestamp a sample is seen: `offset` and the group's `query_offset`.
    pub(super) lag_ms: i64,
}

/// A series that some rule reads.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) hash: u64,
    pub(super) window: Window,
    /// How far back from an evaluation its readers look.
    pub(super) need_ms: i64,
    pub(super) slots: Vec<Slot>,
    /// The partition of the rule that records it.
    pub(super) producer: Option<u32>,
}

/// What is known of a series hash: 16 bytes with the hash itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) id: u32,
    pub(super) seen_s: u32,
}

/// The `id` of a series that no rule reads.
pub(super) const UNREAD: u32 = u32::MAX;

/// Hashes are hashes already.
#[derive(Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// All series.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) by_hash: HashMap<u64, Known, BuildHasherDefault<AsIs>>,
    pub(super) series: Vec<Option<Series>>,
    free: Vec<u32>,
    samples: usize,
    read: usize,
}

impl Store {
    /// Bytes of windows, by estimate.
    pub(super) const fn bytes(&self) -> usize {
        self.samples * size_of::<Sample>() + self.read * SERIES_BYTES
    }

    /// How many series are read by rules, and how many are known at all.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.read, self.by_hash.len())
    }

    pub(super) fn get(&self, id: u32) -> Option<&Series> {
        self.series.get(id as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Series> {
        self.series.get_mut(id as usize)?.as_mut()
    }

    /// Remembers a series that is read; the caller adds its slots.
    pub(super) fn add(&mut self, labels: Labels, hash: u64, seen_s: u32) -> u32 {
        let series = Series { labels, hash, window: Window::default(), need_ms: 0, slots: Vec::new(), producer: None };
        let id = self.free.pop().unwrap_or_else(|| {
            self.series.push(None);
            u32::try_from(self.series.len() - 1).unwrap_or(UNREAD)
        });
        self.series[id as usize] = Some(series);
        self.read += 1;
        self.by_hash.insert(hash, Known { id, seen_s });
        id
    }

    /// Forgets a series that is read; the caller has cleared its slots from their partitions.
    pub(super) fn remove(&mut self, id: u32) -> Option<Series> {
        let series = self.series.get_mut(id as usize)?.take()?;
        self.free.push(id);
        self.samples -= series.window.len();
        self.read -= 1;
        self.by_hash.remove(&series.hash);
        Some(series)
    }

    /// Adds a sample. `clock`: no evaluation happens before it. Beyond `bytes_max` the series' oldest
    /// sample goes.
    pub(super) fn push(&mut self, id: u32, sample: Sample, clock: Millis, bytes_max: usize) -> (Pushed, bool) {
        let full = self.bytes() >= bytes_max;
        let Some(series) = self.series.get_mut(id as usize).and_then(Option::as_mut) else {
            return (Pushed::OutsideWindow, false);
        };
        let before = series.window.len();
        let pushed = series.window.push(sample, clock.saturating_sub(series.need_ms), LATE_MS);
        let shortened = full && series.window.len() > before;
        if shortened {
            series.window.drop_oldest();
        }
        self.samples = self.samples + series.window.len() - before;
        (pushed, shortened)
    }

    /// Shows a provisional sample; answers whether its value is new.
    pub(super) fn show(&mut self, id: u32, sample: Sample) -> bool {
        let Some(series) = self.series.get_mut(id as usize).and_then(Option::as_mut) else { return false };
        let before = series.window.len();
        let new = series.window.set_provisional(sample);
        self.samples = self.samples + series.window.len() - before;
        new
    }

    /// Trims a series to what its readers need from `clock` on; answers whether nothing is left.
    pub(super) fn trim(&mut self, id: u32, clock: Millis) -> bool {
        let Some(series) = self.series.get_mut(id as usize).and_then(Option::as_mut) else { return false };
        let before = series.window.len();
        series.window.trim(clock.saturating_sub(series.need_ms));
        self.samples -= before - series.window.len();
        series.window.len() == 0
    }

    /// Forgets the series that no rule reads and that have been silent.
    pub(super) fn age(&mut self, now_s: u32) {
        self.by_hash.retain(|_, known| known.id != UNREAD || now_s.saturating_sub(known.seen_s) < UNREAD_AGE_S);
    }

    /// Forgets every series that no rule reads: the rules have changed.
    pub(super) fn forget_unread(&mut self) {
        self.by_hash.retain(|_, known| known.id != UNREAD);
    }

    /// The numbers of all series that are read.
    pub(super) fn ids(&self) -> Vec<u32> {
        (0..).zip(&self.series).filter(|(_, series)| series.is_some()).map(|(id, _)| id).collect()
    }
}
