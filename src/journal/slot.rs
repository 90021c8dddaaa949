//! A cursor's file: two slots written in turn, so that one of them is always whole.
//!
//! ```text
//!  0 magic "\xABWGC"   4 checksum (CRC32C of bytes 8..length)   8 version u8   9 reasons u8
//! 10 ranges u16   12 length u32   16 generation u64
//! 24 segment id u64   32 sequence u64   40 offset u64   48 start ordinal u64
//! 56 counts: delivered u64, dead-lettered u64, dropped u64 × reasons
//! .. ranges: from (sequence u64, offset u64), to (same), counts as above
//! ```
//! The second slot begins at [`SLOT_BYTES`].

use super::counts::{Counts, DropReason};
use super::cursor::Range;
use super::frame::{u16_at, u32_at, u64_at};
use super::position::Position;

/// Bytes of a slot: the fixed part and [`CURSOR_RANGES_MAX`](crate::limits::CURSOR_RANGES_MAX) ranges.
pub(super) const SLOT_BYTES: usize = 16 << 10;
const MAGIC: [u8; 4] = *b"\xABWGC";
const VERSION: u8 = 1;
const FIXED_BYTES: usize = 56;
const POSITION_BYTES: usize = 16;

const _: () = assert!(
    FIXED_BYTES + counts_bytes(DropReason::COUNT) + crate::limits::CURSOR_RANGES_MAX * range_bytes(DropReason::COUNT)
        <= SLOT_BYTES
);

/// What a slot says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub generation: u64,
    /// Id of the segment that `position` is in; 0 if that is gone.
    pub segment_id: u64,
    pub position: Position,
    pub start_ordinal: u64,
    /// Of everything before `position`.
    pub counts: Counts,
    pub ranges: Vec<Range>,
}

impl Slot {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&[VERSION, DropReason::COUNT as u8]);
        out.extend_from_slice(&u16::try_from(self.ranges.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for number in [self.generation, self.segment_id, self.position.sequence, self.position.offset] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.start_ordinal.to_le_bytes());
        put_counts(&mut out, &self.counts);
        for range in &self.ranges {
            for number in [range.from.sequence, range.from.offset, range.to.sequence, range.to.offset] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            put_counts(&mut out, &range.counts);
        }
        let length = out.len() as u32;
        out[12..16].copy_from_slice(&length.to_le_bytes());
        let crc = crc32c::crc32c(&out[8..]);
        out[4..8].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The slot that `bytes` begin with, if it is whole.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..u32_at(bytes, 12) as usize)?;
        let intact = bytes.len() >= FIXED_BYTES && bytes[..4] == MAGIC && bytes[8] == VERSION;
        if !intact || crc32c::crc32c(&bytes[8..]) != u32_at(bytes, 4) {
            return None;
        }
        let (reasons, ranges) = (bytes[9] as usize, u16_at(bytes, 10) as usize);
        let ranges_at = FIXED_BYTES + counts_bytes(reasons);
        if bytes.len() != ranges_at + ranges * range_bytes(reasons) {
            return None;
        }
        let range = |bytes: &[u8]| Range {
            from: position_at(bytes, 0),
            to: position_at(bytes, POSITION_BYTES),
            counts: counts_at(bytes, 2 * POSITION_BYTES, reasons),
        };
        Some(Self {
            generation: u64_at(bytes, 16),
            segment_id: u64_at(bytes, 24),
            position: position_at(bytes, 32),
            start_ordinal: u64_at(bytes, 48),
            counts: counts_at(bytes, FIXED_BYTES, reasons),
            ranges: bytes[ranges_at..].chunks_exact(range_bytes(reasons)).map(range).collect(),
        })
    }
}

const fn counts_bytes(reasons: usize) -> usize {
    8 * (2 + reasons)
}

const fn range_bytes(reasons: usize) -> usize {
    2 * POSITION_BYTES + counts_bytes(reasons)
}

fn put_counts(out: &mut Vec<u8>, counts: &Counts) {
    for number in [counts.delivered, counts.dead_lettered].into_iter().chain(counts.dropped) {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Counts of `reasons` reasons; those that a later version added are summed up as unsupported.
fn counts_at(bytes: &[u8], at: usize, reasons: usize) -> Counts {
    let mut counts = Counts { delivered: u64_at(bytes, at), dead_lettered: u64_at(bytes, at + 8), ..Counts::default() };
    for reason in 0..reasons {
        let known = reason.min(DropReason::COUNT - 1);
        counts.dropped[known] += u64_at(bytes, at + 16 + 8 * reason);
    }
    counts
}

fn position_at(bytes: &[u8], at: usize) -> Position {
    Position::new(u64_at(bytes, at), u64_at(bytes, at + 8))
}
