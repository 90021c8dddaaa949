//! Which segments there are and where the log ends, shared by the writer and all readers.

use std::collections::VecDeque;
use std::path::PathBuf;

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::position::Position;
use super::segment::{Name, Summary};
use crate::model::time::Millis;

/// What is known about a segment.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub name: Name,
    pub path: PathBuf,
    /// One past its last frame: readers stop here.
    pub end: u64,
    /// Bytes of the file, head and footer included.
    pub file_bytes: u64,
    pub summary: Summary,
    /// When it was found delivered to all attached exporters.
    pub delivered_at: Option<Millis>,
}

impl Segment {
    pub(super) const fn end_position(&self) -> Position {
        Position::new(self.name.sequence, self.end)
    }
}

/// The segments, oldest first; the last one is being written.
#[derive(Default)]
pub(super) struct Segments {
    list: VecDeque<Segment>,
    bytes: u64,
}

impl Segments {
    /// Written bytes of all segments.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Segment> + ExactSizeIterator {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Segment> {
        self.list.iter_mut()
    }

    pub(super) fn push(&mut self, segment: Segment) {
        self.bytes += segment.file_bytes;
        self.list.push_back(segment);
    }

    /// Takes the oldest segment out.
    pub(super) fn pop(&mut self) -> Option<Segment> {
        let oldest = self.list.pop_front()?;
        self.bytes -= oldest.file_bytes;
        Some(oldest)
    }

    /// Sets where the frames of segment `sequence` and its file end.
    pub(super) fn resize(&mut self, sequence: u64, end: u64, file_bytes: u64, summary: Summary) {
        if let Some(segment) = self.list.iter_mut().rev().find(|segment| segment.name.sequence == sequence) {
            self.bytes = self.bytes - segment.file_bytes + file_bytes;
            *segment = Segment { end, file_bytes, summary, ..segment.clone() };
        }
    }

    /// The first segment with this or a later sequence.
    pub(super) fn at_or_after(&self, sequence: u64) -> Option<&Segment> {
        self.list.get(self.list.partition_point(|segment| segment.name.sequence < sequence))
    }

    pub(super) fn head(&self) -> Position {
        self.list.front().map_or(Position::ORIGIN, |first| Position::new(first.name.sequence, 0))
    }

    pub(super) fn tail(&self) -> Position {
        self.list.back().map_or(Position::ORIGIN, Segment::end_position)
    }

    /// `position`, moved into what is there.
    pub(super) fn clamp(&self, position: Position) -> Position {
        let tail = self.tail();
        position.min(tail).max(self.head().min(tail))
    }

    /// Ends segment `sequence` at `end`, what lies behind having been copied elsewhere.
    pub(super) fn cut(&mut self, sequence: u64, end: u64) {
        let found = self.list.iter().find(|segment| segment.name.sequence == sequence);
        if let Some(summary) = found.map(|segment| segment.summary) {
            self.resize(sequence, end, end, summary);
        }
    }
}

/// See the module.
pub(super) struct Catalog {
    segments: RwLock<Segments>,
}

impl Catalog {
    pub(super) fn new(segments: Segments) -> Self {
        Self { segments: RwLock::new(segments) }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Segments> {
        self.segments.read()
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Segments> {
        self.segments.write()
    }
}
