//! Where something is in the log of one signal.

use std::fmt;

/// A place in the log: the sequence of a segment and a byte offset in it. Ordered as the log is.
///
/// Positions are comparable within one journal directory only; what must be unique across
/// directories (`_id`, dead-letter keys) uses the segment's random id instead of its sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Sequence of the segment; the first is 1.
    pub sequence: u64,
    /// Bytes from the segment's start; 0 stands for its first frame.
    pub offset: u64,
}

impl Position {
    /// Before everything a journal ever held.
    pub const ORIGIN: Self = Self { sequence: 0, offset: 0 };

    /// A position from its parts.
    #[must_use]
    pub const fn new(sequence: u64, offset: u64) -> Self {
        Self { sequence, offset }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.offset)
    }
}
