//! Frames gathered for one delivery: full by bytes, or old enough.

use std::time::{Duration, Instant};

use crate::journal::{Frame, Position};

/// When a batch is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Payload bytes, as they lie in the journal.
    pub bytes_max: u64,
    /// Time that the first frame waits for company.
    pub delay_max: Duration,
}

/// Frames that will be delivered together.
#[derive(Debug, Default)]
pub struct Batch {
    frames: Vec<Frame>,
    bytes: u64,
    started: Option<Instant>,
    sealed: bool,
}

impl Batch {
    /// Adds `frame`, which came at `now`.
    pub fn push(&mut self, frame: Frame, now: Instant) {
        self.bytes += frame.payload.len() as u64;
        self.started.get_or_insert(now);
        self.frames.push(frame);
    }

    /// Takes no further frame: what follows does not join on to it.
    pub fn seal(&mut self) {
        self.sealed = true;
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether no further frame should be added.
    #[must_use]
    pub fn is_full(&self, bounds: &Bounds) -> bool {
        self.sealed || self.bytes >= bounds.bytes_max
    }

    /// When it goes out, full or not.
    #[must_use]
    pub fn deadline(&self, bounds: &Bounds) -> Option<Instant> {
        self.started.map(|started| if self.is_full(bounds) { started } else { started + bounds.delay_max })
    }

    /// The gathered frames; the batch is empty then.
    pub fn take(&mut self) -> Vec<Frame> {
        let Self { frames, .. } = std::mem::take(self);
        frames
    }

    /// Where the first frame starts and the last one ends.
    #[must_use]
    pub fn span(frames: &[Frame]) -> Option<(Position, Position)> {
        Some((frames.first()?.position, frames.last()?.next))
    }
}
