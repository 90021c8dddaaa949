//! What a journal may use, and what it does when that is used up.

use crate::limits::SEGMENT_BYTES;
use crate::model::time::Millis;

/// Configuration of one signal's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Bytes that all segments together may hold, as written.
    pub bytes_max: u64,
    /// How long a segment is kept after its delivery while there is room, in milliseconds.
    pub retention: Millis,
    /// When an append counts as acknowledged; callers wait for [`sync`](super::Journal::sync) accordingly.
    pub durability: Durability,
    /// Space that stays free on the file system; below it nothing is accepted.
    pub min_free: MinFree,
    /// What happens when undelivered bytes reach `bytes_max`.
    pub on_full: OnFull,
    /// Size at which a segment is sealed. At most an eighth of `bytes_max` is used, so that making
    /// room never costs more than that.
    pub segment_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bytes_max: 2 << 30,
            retention: 24 * 60 * 60 * 1000,
            durability: Durability::Write,
            min_free: MinFree::Percent(5.0),
            on_full: OnFull::Reject,
            segment_bytes: SEGMENT_BYTES,
        }
    }
}

impl Config {
    /// The size at which segments are in fact sealed.
    pub(super) fn segment_bytes_effective(&self) -> u64 {
        self.segment_bytes.min(self.bytes_max / 8).max(4096)
    }
}

/// When the bytes of a request are safe enough to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Once the kernel has them: survives the process; a power cut may cost what was not synced yet.
    Write,
    /// Once the disk has them: callers answer after [`sync_to`](super::Journal::sync_to).
    Fsync,
}

/// How much of the file system stays free.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MinFree {
    /// A share of its size, 0 to 100.
    Percent(f64),
    /// Bytes.
    Bytes(u64),
}

impl MinFree {
    /// The bytes that must stay free on a file system of `total` bytes.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share")]
    pub fn of(self, total: u64) -> u64 {
        match self {
            Self::Percent(percent) => (total as f64 * (percent / 100.0)) as u64,
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// What a journal full of undelivered bytes does with the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFull {
    /// Refuse it; the sender tries again.
    Reject,
    /// Delete the oldest segment, and count what it held as dropped.
    DropOldest,
}
