//! Samples in: into windows, and the partitions that read them are marked.

use super::Engine;
use super::partition::Due;
use super::store::{Known, Slot, UNREAD};
use crate::model::labels::Labels;
use crate::model::sample::{Sample, StagedSamples, StagedSeries};
use crate::model::time::Millis;
use crate::rule::window::Pushed;

/// When samples are seen, and since when they are here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The instant at which they are evaluated at the earliest; `None`: they only fill windows.
    pub(super) now: Option<Millis>,
    /// When their request was received.
    pub(super) received_at: Option<Millis>,
}

impl Engine {
    /// Takes the samples of a request that was received at `received_at`; [`Engine::run`] evaluates
    /// what they change. `labels_of` is asked only for series not seen before.
    pub fn observe(
        &mut self,
        now: Millis,
        received_at: Millis,
        staged: &StagedSamples,
        labels_of: &mut dyn FnMut(&StagedSeries) -> Labels,
    ) {
        self.advance(now);
        let arrival = Arrival { now: Some(now.max(self.clock)), received_at: Some(received_at) };
        self.take(now, staged, labels_of, arrival);
    }

    /// Fills windows with the samples of a request that was evaluated before a restart.
    pub fn replay(&mut self, now: Millis, staged: &StagedSamples, labels_of: &mut dyn FnMut(&StagedSeries) -> Labels) {
        self.advance(now);
        self.take(now, staged, labels_of, Arrival { now: None, received_at: None });
    }

    /// Takes Watchgate's own metrics as of `now`.
    pub fn observe_own(&mut self, now: Millis, samples: impl IntoIterator<Item = (Labels, f64)>) {
        self.advance(now);
        let arrival = Arrival { now: Some(now.max(self.clock)), received_at: None };
        for (labels, value) in samples {
            let hash = labels.hash();
            let known = match self.store.by_hash.get(&hash) {
                Some(known) => known.id,
                None if self.is_full() => continue,
                None => self.meet(labels, hash, seconds(now)),
            };
            self.stats.samples += 1;
            if known != UNREAD {
                self.feed(known, &[Sample { timestamp_ms: now, value }], arrival);
            }
        }
    }

    fn take(
        &mut self,
        now: Millis,
        staged: &StagedSamples,
        labels_of: &mut dyn FnMut(&StagedSeries) -> Labels,
        arrival: Arrival,
    ) {
        let seen_s = seconds(now);
        self.stats.samples += staged.samples.len() as u64;
        for (series, samples) in staged.iter() {
            let known = self.store.by_hash.get_mut(&series.labels_hash).map(|known| {
                known.seen_s = seen_s;
                known.id
            });
            let known = match known {
                Some(known) => known,
                None if self.is_full() => {
                    self.stats.dropped_series_max += samples.len() as u64;
                    continue;
                }
                None => self.meet(labels_of(series), series.labels_hash, seen_s),
            };
            if known != UNREAD {
                self.feed(known, samples, arrival);
            }
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.store.by_hash.len() as u64 >= self.settings.series_max
    }

    /// Matches a new series against all rules, once.
    pub(super) fn meet(&mut self, labels: Labels, hash: u64, seen_s: u32) -> u32 {
        let mut readers = Vec::new();
        self.index.readers(&labels, |reader| readers.push(reader));
        if readers.is_empty() {
            self.store.by_hash.insert(hash, Known { id: UNREAD, seen_s });
            return UNREAD;
        }
        let id = self.store.add(labels.clone(), hash, seen_s);
        self.attach(id, &labels, &readers);
        id
    }

    /// Makes a series an input of the partitions of its readers.
    pub(super) fn attach(&mut self, id: u32, labels: &Labels, readers: &[crate::rule::index::Reader]) {
        for reader in readers {
            let definition = self.rule(reader.rule);
            let selector = &definition.rule.expr.selectors[reader.selector as usize];
            let partition = self.partition_of(reader.rule, definition.rule.key.project(labels));
            let lag_ms = selector.lag_ms().saturating_add(definition.query_offset);
            if let Some(partition) = self.partitions.get_mut(partition) {
                partition.inputs[reader.selector as usize].push(id);
            }
            if let Some(series) = self.store.get_mut(id) {
                let need = selector.window_ms().saturating_add(definition.query_offset);
                series.need_ms = series.need_ms.max(need);
                series.slots.push(Slot { partition, selector: reader.selector, lag_ms });
            }
        }
    }

    /// The partition of a rule for a key; made if there is none.
    pub(super) fn partition_of(&mut self, rule: u32, key: Labels) -> u32 {
        let run = &mut self.rules[rule as usize];
        if let Some(id) = run.partitions.get(&key) {
            return *id;
        }
        let selectors = run.definition.rule.expr.selectors.len();
        let id = self.partitions.add(super::partition::Partition::new(rule, key.clone(), selectors));
        run.partitions.insert(key, id);
        id
    }

    fn feed(&mut self, id: u32, samples: &[Sample], arrival: Arrival) {
        let bytes_max = usize::try_from(self.settings.window_bytes_max).unwrap_or(usize::MAX);
        let mut earliest: Option<Millis> = None;
        for sample in samples {
            let (pushed, shortened) = self.store.push(id, *sample, self.clock, bytes_max);
            self.stats.dropped_window_bytes += u64::from(shortened);
            match pushed {
                Pushed::Appended | Pushed::Inserted => {
                    self.stats.samples_kept += 1;
                    earliest = Some(earliest.map_or(sample.timestamp_ms, |at| at.min(sample.timestamp_ms)));
                }
                Pushed::Duplicate => self.stats.dropped_duplicate += 1,
                Pushed::TooOld => self.stats.dropped_too_old += 1,
                Pushed::Repeated | Pushed::OutsideWindow => {}
            }
        }
        if let (Some(earliest), Some(now)) = (earliest, arrival.now) {
            self.mark_readers(id, earliest, now, arrival.received_at, None);
        }
    }

    /// Marks the partitions that read a series with a fresh sample of `timestamp_ms`. `producer`: the
    /// rule that made the sample.
    pub(super) fn mark_readers(
        &mut self,
        id: u32,
        timestamp_ms: Millis,
        now: Millis,
        received_at: Option<Millis>,
        producer: Option<u32>,
    ) {
        let Some(series) = self.store.get(id) else { return };
        for slot in &series.slots {
            let Some(partition) = self.partitions.get_mut(slot.partition) else { continue };
            let definition = &self.rules[partition.rule as usize].definition;
            if !definition.between_ticks || producer.is_some_and(|rule| definition.behind.contains(&rule)) {
                continue;
            }
            let seen = timestamp_ms.saturating_add(slot.lag_ms);
            let mut due = seen;
            if seen <= now {
                partition.received_at = received_at.max(partition.received_at);
                let since = *partition.fresh_since.get_or_insert(now);
                due = if definition.at_once { now } else { since.saturating_add(self.settings.settle).max(now) };
            }
            let due = due.max(partition.not_before);
            if partition.data_due.is_none_or(|known| due < known) {
                partition.data_due = Some(due);
                self.queue.push(due, Due::Data { rank: definition.rank, partition: slot.partition });
            }
        }
    }
}

/// Seconds since the epoch, for ages.
pub(super) fn seconds(now: Millis) -> u32 {
    u32::try_from(now.max(0) / 1000).unwrap_or(u32::MAX)
}
