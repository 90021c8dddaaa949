//! Room: which segments may go, and what happens when none may.
//!
//! A segment is *delivered* when every attached exporter has gone past it. Delivered segments are
//! kept for `retention`, but only while there is room; undelivered ones go only if `on_full` says so.

use std::fs;

use super::catalog::Segment;
use super::error::AppendError;
use super::position::Position;
use super::segment::HEAD_BYTES;
use super::settings::OnFull;
use super::writer::Writer;
use crate::model::time::Millis;

/// Bytes appended between two looks at the free space. Segments are preallocated, so that most of
/// these bytes are ours already.
const CHECK_EVERY_BYTES: u64 = 8 << 20;

/// How far the attached exporters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consumed {
    /// Nobody has said it since the start: nothing counts as delivered.
    Unknown,
    /// There is no exporter: everything counts as delivered.
    Nobody,
    /// The least of their positions.
    Until(Position),
}

/// What `on_full: drop_oldest` has cost since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Segments deleted before they were delivered.
    pub segments: u64,
    /// Items in them, some of which may have been delivered.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What [`retire`](super::Journal::retire) deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    /// Segments deleted.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Writer {
    /// Deletes what is delivered and past its retention, or over `bytes_max`.
    pub(super) fn retire(&mut self, consumed: Option<Position>, now: Millis) -> Retired {
        let first_time = self.consumed == Consumed::Unknown;
        self.consumed = consumed.map_or(Consumed::Nobody, Consumed::Until);
        let (consumed, active) = (self.consumed, self.active.name);
        for segment in self.catalog.write().iter_mut().filter(|segment| segment.name != active) {
            if segment.delivered_at.is_none() && is_delivered(segment, consumed) {
                // When a segment of an earlier run was delivered is not on record.
                let old = first_time || consumed == Consumed::Nobody;
                segment.delivered_at = Some(if old { segment.summary.received_max.min(now) } else { now });
            }
        }
        let mut retired = Retired::default();
        while let Some(bytes) = self.delete_oldest(|segment, bytes, config| {
            let expired = segment.delivered_at.is_some_and(|at| now.saturating_sub(at) > config.retention);
            expired || (segment.delivered_at.is_some() && bytes > config.bytes_max)
        }) {
            retired.segments += 1;
            retired.bytes += bytes;
        }
        retired
    }

    /// Sees to it that `need` more bytes are within every bound.
    pub(super) fn make_room(&mut self, need: u64, now: Millis) -> Result<(), AppendError> {
        self.make_room_within_bytes_max(need, now)?;
        if self.unchecked_bytes < CHECK_EVERY_BYTES {
            return Ok(());
        }
        loop {
            let space = self.storage.space(&self.folder)?;
            let min_free = self.config.min_free.of(space.total);
            if space.free >= min_free {
                self.unchecked_bytes = 0;
                return Ok(());
            }
            let consumed = self.consumed;
            if self.delete_oldest(|segment, _, _| is_delivered(segment, consumed)).is_none() {
                return Err(AppendError::NoSpace { free: space.free, min_free });
            }
        }
    }

    fn make_room_within_bytes_max(&mut self, need: u64, now: Millis) -> Result<(), AppendError> {
        let bytes_max = self.config.bytes_max;
        loop {
            let bytes = self.catalog.read().bytes();
            if bytes + need <= bytes_max {
                return Ok(());
            }
            let consumed = self.consumed;
            if self.delete_oldest(|segment, _, _| is_delivered(segment, consumed)).is_some() {
                continue;
            }
            let drop_oldest = self.config.on_full == OnFull::DropOldest;
            let active_has_frames = self.active.offset > HEAD_BYTES;
            let only_active = self.catalog.read().iter().len() == 1;
            if only_active && active_has_frames && (drop_oldest || self.is_active_delivered()) {
                self.roll(need, now)?;
                continue;
            }
            if !drop_oldest || only_active {
                return Err(AppendError::Full { bytes, bytes_max });
            }
            let oldest = self.catalog.read().iter().next().map(|segment| segment.summary);
            let Some(bytes) = self.delete_oldest(|_, _, _| true) else {
                return Err(AppendError::Full { bytes, bytes_max });
            };
            self.dropped.segments += 1;
            self.dropped.bytes += bytes;
            self.dropped.items += oldest.map_or(0, |summary| summary.next_ordinal - summary.first_ordinal);
        }
    }

    fn is_active_delivered(&self) -> bool {
        self.catalog.read().iter().next_back().is_some_and(|segment| is_delivered(segment, self.consumed))
    }

    /// Deletes the oldest segment if `may_go` and if it is not the active one; answers its bytes.
    fn delete_oldest(&mut self, may_go: impl Fn(&Segment, u64, &super::Config) -> bool) -> Option<u64> {
        let gone = {
            let mut segments = self.catalog.write();
            let bytes = segments.bytes();
            let oldest = segments.iter().next()?;
            if oldest.name == self.active.name || !may_go(oldest, bytes, &self.config) {
                return None;
            }
            segments.pop()?
        };
        self.sealed_unsynced.retain(|unsynced| unsynced.name != gone.name);
        self.directory_changed = true;
        // A file that cannot be deleted is found again, and tried again, at the next start.
        let _ = fs::remove_file(&gone.path);
        Some(gone.file_bytes)
    }
}

fn is_delivered(segment: &Segment, consumed: Consumed) -> bool {
    match consumed {
        Consumed::Unknown => false,
        Consumed::Nobody => true,
        Consumed::Until(position) => segment.end_position() <= position,
    }
}
