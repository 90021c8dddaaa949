//! How far one exporter is in one log, and what became of what it went past.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::counts::{Counters, Counts, DropReason};
use super::frame::Frame;
use super::handle::Journal;
use super::position::Position;
use super::slot::{SLOT_BYTES, Slot};
use crate::limits::CURSOR_RANGES_MAX;
use crate::model::time::Millis;

/// Where a cursor that has no file yet begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the oldest frame that is still there.
    #[default]
    Earliest,
    /// Behind the newest frame.
    Latest,
    /// At the oldest frame received in the last so many milliseconds.
    Ago(Millis),
}

/// What opening a cursor came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// There was no file: it begins where [`Start`] says.
    New,
    /// It goes on where it stood.
    Exactly,
    /// What it wanted next is gone; that much is counted as dropped.
    Missed {
        /// Items gone.
        items: u64,
    },
    /// It stood beyond the tail, which a crash had cut: it goes on at the tail.
    BeyondTail,
    /// The log is another than the one it stood in, or both slots of its file are damaged: it
    /// begins at the oldest frame, and what was delivered may be delivered again.
    Restarted,
}

/// A stretch of the log acknowledged while something before it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub from: Position,
    pub to: Position,
    pub counts: Counts,
}

/// See the module. One owner at a time; the file is written by [`save`](Self::save) only.
pub struct Cursor {
    file: File,
    journal: Journal,
    generation: u64,
    resumed: Resumed,
    /// Items of the log before the cursor began; wraps below zero where a wiped log counts anew.
    start_ordinal: u64,
    position: Position,
    /// Of everything before `position`.
    contiguous: Counts,
    /// Of everything acknowledged.
    counters: Counters,
    /// Beyond `position`, apart from each other, in order.
    ranges: Vec<Range>,
}

impl Cursor {
    /// Opens the cursor in file `path`, or begins one there at `start`.
    ///
    /// # Errors
    /// If the file cannot be read or made.
    pub fn open(path: &Path, start: Start, journal: &Journal, now: Millis) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let (slot, is_new) = read_slots(&file)?;
        let mut cursor = Self {
            file,
            journal: journal.clone(),
            generation: slot.as_ref().map_or(0, |slot| slot.generation),
            resumed: Resumed::New,
            start_ordinal: 0,
            position: Position::ORIGIN,
            contiguous: Counts::default(),
            counters: Counts::default(),
            ranges: Vec::new(),
        };
        match slot {
            Some(slot) => cursor.resume(slot),
            None => {
                cursor.resumed = if is_new { Resumed::New } else { Resumed::Restarted };
                cursor.begin(if is_new { start } else { Start::Earliest }, now);
            }
        }
        cursor.save()?;
        Ok(cursor)
    }

    fn begin(&mut self, start: Start, now: Millis) {
        self.position = match start {
            Start::Earliest => self.journal.head(),
            Start::Latest => self.journal.tail(),
            Start::Ago(span) => self.journal.seek_time(now.saturating_sub(span)),
        };
        // Where reading fails, it fails for the exporter as well, which says so.
        let first = self.journal.reader(self.position).next().ok().flatten();
        self.start_ordinal = first.map_or_else(|| self.journal.items(), |frame| frame.ordinal);
        self.contiguous = Counts::default();
        self.counters = Counts::default();
        self.ranges.clear();
    }

    fn resume(&mut self, slot: Slot) {
        self.start_ordinal = slot.start_ordinal;
        self.position = slot.position;
        self.contiguous = slot.counts;
        // What was acknowledged and then lost to a power cut is not there to be accounted for.
        self.ranges = slot.ranges.into_iter().filter(|range| self.journal.reaches(range.to)).collect();
        self.counters = self.ranges.iter().fold(self.contiguous, |sum, range| sum + range.counts);
        self.resumed = Resumed::Exactly;
        let same_log = self.journal.segment_id(self.position.sequence);
        let is_other_log = slot.segment_id != 0 && same_log.is_some_and(|id| id != slot.segment_id);
        let (head, tail) = (self.journal.head(), self.journal.tail());
        if is_other_log || self.ordinal() > self.journal.items() {
            // Items are counted on for ever: fewer than were delivered is another log's count, or
            // that of a tail cut by a crash.
            self.resumed = if is_other_log { Resumed::Restarted } else { Resumed::BeyondTail };
            self.position = if is_other_log { head } else { self.position.min(tail).max(head) };
            self.ranges.clear();
            self.counters = self.contiguous;
            let ordinal = if is_other_log { self.journal.head_items() } else { self.journal.items() };
            self.start_ordinal = ordinal.wrapping_sub(self.contiguous.total());
        } else if self.position > tail {
            self.resumed = Resumed::BeyondTail;
            self.position = tail;
            self.ranges.clear();
            self.counters = self.contiguous;
        } else if self.position < head {
            self.skip_to(head);
        }
    }

    /// Counts what was retired before `head` as dropped.
    fn skip_to(&mut self, head: Position) {
        let before = self.contiguous;
        let ordinal = self.ordinal();
        let passed: Counts = self
            .ranges
            .iter()
            .filter(|range| range.to <= head)
            .fold(Counts::default(), |sum, range| sum + range.counts);
        let gone = self.journal.head_items().saturating_sub(ordinal);
        let items = gone.saturating_sub(passed.total());
        self.ranges.retain(|range| range.to > head);
        self.contiguous = before + passed + Counts::dropped(DropReason::Detached, items);
        self.position = head;
        self.counters = self.ranges.iter().fold(self.contiguous, |sum, range| sum + range.counts);
        if items > 0 {
            self.resumed = Resumed::Missed { items };
        }
        self.join();
    }

    /// Everything before it is acknowledged.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Items of the log before [`position`](Self::position), ever.
    #[must_use]
    pub fn ordinal(&self) -> u64 {
        self.start_ordinal.wrapping_add(self.contiguous.total())
    }

    /// Items of the log before this cursor began; wraps below zero where a wiped log counts anew.
    #[must_use]
    pub const fn start_ordinal(&self) -> u64 {
        self.start_ordinal
    }

    /// Items acknowledged beyond [`position`](Self::position).
    #[must_use]
    pub fn ahead(&self) -> u64 {
        self.counters.total() - self.contiguous.total()
    }

    /// Items of the log that this cursor has not accounted for yet.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.journal.items().saturating_sub(self.start_ordinal.wrapping_add(self.counters.total()))
    }

    /// What opening came upon.
    #[must_use]
    pub const fn resumed(&self) -> Resumed {
        self.resumed
    }

    /// What became of everything acknowledged since the cursor began.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether `frame` was acknowledged already, be it beyond the contiguous position.
    #[must_use]
    pub fn has_acknowledged(&self, frame: &Frame) -> bool {
        let begin = Position::new(frame.next.sequence, frame.offset);
        frame.next <= self.position || self.ranges.iter().any(|range| range.from <= begin && frame.next <= range.to)
    }

    /// Notes that the frames whose spans make up `from..to` ([`Frame::position`] of the first,
    /// [`Frame::next`] of the last) are done with. In any order; every span once. For the sums to
    /// hold, `counts` accounts for every item of these frames and for what they [missed](Frame::missed).
    pub fn acknowledge(&mut self, from: Position, to: Position, counts: Counts) {
        self.counters += counts;
        let at = self.ranges.partition_point(|range| range.from < from);
        self.ranges.insert(at, Range { from, to, counts });
        self.join();
    }

    /// Joins ranges that touch, first of all with the contiguous position.
    fn join(&mut self) {
        let mut joined: Vec<Range> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges.drain(..) {
            if range.from <= self.position {
                self.position = self.position.max(range.to);
                self.contiguous += range.counts;
                continue;
            }
            match joined.last_mut() {
                Some(last) if range.from <= last.to => {
                    last.to = last.to.max(range.to);
                    last.counts += range.counts;
                }
                _ => joined.push(range),
            }
        }
        self.ranges = joined;
    }

    /// Writes the state to the slot that is not the latest. Ranges beyond
    /// [`CURSOR_RANGES_MAX`] are left out, with their counts: they would be delivered again.
    ///
    /// # Errors
    /// If the disk refuses; what was saved before stays readable.
    pub fn save(&mut self) -> io::Result<()> {
        let slot = Slot {
            generation: self.generation + 1,
            segment_id: self.journal.segment_id(self.position.sequence).unwrap_or(0),
            position: self.position,
            start_ordinal: self.start_ordinal,
            counts: self.contiguous,
            ranges: self.ranges.iter().take(CURSOR_RANGES_MAX).copied().collect(),
        };
        let offset = (slot.generation % 2) * SLOT_BYTES as u64;
        self.file.write_all_at(&slot.encode(), offset)?;
        self.generation = slot.generation;
        Ok(())
    }

    /// Waits until the disk has what was saved.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// The newer intact slot, and whether the file is new.
fn read_slots(file: &File) -> io::Result<(Option<Slot>, bool)> {
    let bytes_max = file.metadata()?.len().min(2 * SLOT_BYTES as u64);
    let mut bytes = vec![0; bytes_max as usize];
    file.read_exact_at(&mut bytes, 0)?;
    let (first, second) = bytes.split_at(bytes.len().min(SLOT_BYTES));
    let slots = [first, second].into_iter().filter_map(Slot::decode);
    Ok((slots.max_by_key(|slot| slot.generation), bytes.is_empty()))
}
