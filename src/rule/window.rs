//! The samples of one series that some rule still needs, contiguous and ascending.

use crate::model::sample::Sample;
use crate::model::time::Millis;

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It is the newest.
    Appended,
    /// It came late and was put in its place.
    Inserted,
    /// Its timestamp has a sample of the same value: nothing to do.
    Repeated,
    /// Its timestamp has a sample of another value, which stays.
    Duplicate,
    /// It is older than the newest by more than the out-of-order window.
    TooOld,
    /// No reader needs one that old.
    OutsideWindow,
}

impl Pushed {
    /// Whether the window changed.
    #[must_use]
    pub(super) const fn changed(self) -> bool {
        matches!(self, Self::Appended | Self::Inserted)
    }
}

/// A window: samples behind `start` are trimmed and their room is reused once they are the larger part.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    samples: Vec<Sample>,
    start: usize,
    /// The last sample is provisional: the next one replaces it.
    provisional: bool,
}

impl Window {
    /// Every sample, ascending, a provisional one last.
    pub(super) fn samples(&self) -> &[Sample] {
        &self.samples[self.start..]
    }

    /// The samples without a provisional one.
    pub(super) fn settled(&self) -> &[Sample] {
        &self.samples[self.start..self.samples.len() - usize::from(self.provisional)]
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len() - self.start
    }

    pub(super) fn newest(&self) -> Option<&Sample> {
        self.samples().last()
    }

    /// Adds a sample. `floor`: samples at or before it are of no use. `late_ms`: how much older than
    /// the newest one may be.
    pub(super) fn push(&mut self, sample: Sample, floor: Millis, late_ms: i64) -> Pushed {
        self.drop_provisional();
        if sample.timestamp_ms <= floor {
            return Pushed::OutsideWindow;
        }
        let newest = self.newest().map(|newest| newest.timestamp_ms);
        match newest {
            Some(newest) if sample.timestamp_ms <= newest => self.insert(sample, newest, late_ms),
            _ => {
                self.trim(floor);
                self.samples.push(sample);
                Pushed::Appended
            }
        }
    }

    fn insert(&mut self, sample: Sample, newest: Millis, late_ms: i64) -> Pushed {
        let live = self.samples();
        let at = live.partition_point(|kept| kept.timestamp_ms < sample.timestamp_ms);
        match live.get(at) {
            Some(kept) if kept.timestamp_ms == sample.timestamp_ms => {
                if kept.value.to_bits() == sample.value.to_bits() { Pushed::Repeated } else { Pushed::Duplicate }
            }
            _ if sample.timestamp_ms < newest.saturating_sub(late_ms) => Pushed::TooOld,
            _ => {
                self.samples.insert(self.start + at, sample);
                Pushed::Inserted
            }
        }
    }

    /// Shows `sample` as the newest until the next one comes. False if nothing changed but the time.
    pub(super) fn set_provisional(&mut self, sample: Sample) -> bool {
        let before = self.newest().map(|newest| newest.value.to_bits());
        self.drop_provisional();
        if self.newest().is_some_and(|newest| newest.timestamp_ms >= sample.timestamp_ms) {
            return false;
        }
        self.samples.push(sample);
        self.provisional = true;
        before != Some(sample.value.to_bits())
    }

    pub(super) fn drop_provisional(&mut self) {
        if std::mem::take(&mut self.provisional) {
            self.samples.pop();
        }
    }

    /// Forgets samples at or before `floor`; answers how many.
    pub(super) fn trim(&mut self, floor: Millis) -> usize {
        let before = self.start;
        while self.samples.get(self.start).is_some_and(|sample| sample.timestamp_ms <= floor) {
            self.start += 1;
        }
        let trimmed = self.start - before;
        self.reclaim();
        trimmed
    }

    /// Forgets the oldest sample: the bytes of all windows are used up.
    pub(super) fn drop_oldest(&mut self) {
        if self.len() > 0 {
            self.start += 1;
            self.reclaim();
        }
    }

    fn reclaim(&mut self) {
        if self.start >= self.samples.len() {
            self.samples.clear();
            self.start = 0;
            self.provisional = false;
        } else if self.start > 8 && self.start * 2 >= self.samples.len() {
            self.samples.drain(..self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(timestamp_ms: i64, value: f64) -> Sample {
        Sample { timestamp_ms, value }
    }

    #[test]
    fn late_samples_find_their_place_and_the_first_of_a_timestamp_stays() {
        let mut window = Window::default();
        let cases = [
            (at(1000, 1.0), Pushed::Appended),
            (at(3000, 3.0), Pushed::Appended),
            (at(2000, 2.0), Pushed::Inserted),
            (at(2000, 9.0), Pushed::Duplicate),
            (at(2000, 2.0), Pushed::Repeated),
            (at(500, 0.0), Pushed::OutsideWindow),
            (at(400_000, 4.0), Pushed::Appended),
            (at(99_999, 0.0), Pushed::TooOld),
            (at(100_000, 3.5), Pushed::Inserted),
        ];
        for (sample, pushed) in cases {
            assert_eq!(window.push(sample, 500, 300_000), pushed, "{sample:?}");
        }
        let values: Vec<f64> = window.samples().iter().map(|sample| sample.value).collect();
        assert_eq!(values, [1.0, 2.0, 3.0, 3.5, 4.0]);
    }

    #[test]
    fn trims_from_the_front_and_reuses_the_room() {
        let mut window = Window::default();
        for second in 1..=1000 {
            window.push(at(second * 1000, 0.0), (second - 20) * 1000, 0);
        }
        assert_eq!(window.len(), 20);
        assert!(window.samples.capacity() <= 64, "{}", window.samples.capacity());
        window.trim(2_000_000);
        assert_eq!(window.samples(), []);
    }

    #[test]
    fn a_provisional_sample_is_replaced_and_never_kept() {
        let mut window = Window::default();
        window.push(at(1000, 1.0), 0, 0);
        assert!(window.set_provisional(at(1500, 7.0)));
        assert!(!window.set_provisional(at(1600, 7.0)));
        assert_eq!(window.samples(), [at(1000, 1.0), at(1600, 7.0)]);
        assert_eq!(window.settled(), [at(1000, 1.0)]);
        window.push(at(2000, 2.0), 0, 0);
        assert_eq!(window.samples(), [at(1000, 1.0), at(2000, 2.0)]);
    }
}
