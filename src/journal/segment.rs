//! One file of the log: its name, its first 64 bytes, and what is known about its content.
//!
//! ```text
//! 0 magic "\xABWGS"   4 checksum (CRC32C of bytes 8..64)   8 version u8   9 signal u8
//! 16 id u64   24 sequence u64   32 first ordinal u64   40 created_at i64   48..64 reserved, 0
//! ```
//! The name `SEQUENCE-ID.seg` is what frames are checked against. The head adds the running item
//! ordinal, so that it survives even when every frame before has been retired.

use std::path::{Path, PathBuf};

use super::frame::{Header, u32_at, u64_at};
use crate::model::signal::Signal;
use crate::model::time::Millis;

/// Bytes before the first frame.
pub(super) const HEAD_BYTES: u64 = 64;
/// A sparse index has one entry in so many bytes.
const INDEX_EVERY: u64 = 1 << 20;
const MAGIC: [u8; 4] = *b"\xABWGS";
const VERSION: u8 = 1;

/// What names a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub sequence: u64,
    pub id: u64,
}

impl Name {
    /// The segment's path in `folder`.
    pub(super) fn path(self, folder: &Path) -> PathBuf {
        folder.join(format!("{:012}-{:016x}.seg", self.sequence, self.id))
    }

    /// The name that `path` spells, if it is a segment's.
    pub(super) fn parse(path: &Path) -> Option<Self> {
        let (sequence, id) = path.file_name()?.to_str()?.strip_suffix(".seg")?.split_once('-')?;
        let name = Self { sequence: sequence.parse().ok()?, id: u64::from_str_radix(id, 16).ok()? };
        (name.sequence > 0 && name.path(Path::new("")).as_os_str() == path.file_name()?).then_some(name)
    }
}

/// The first bytes of a segment.
pub(super) fn encode_head(name: Name, signal: Signal, first_ordinal: u64, now: Millis) -> [u8; HEAD_BYTES as usize] {
    let mut out = [0; HEAD_BYTES as usize];
    out[..4].copy_from_slice(&MAGIC);
    out[8] = VERSION;
    out[9] = signal as u8;
    out[16..24].copy_from_slice(&name.id.to_le_bytes());
    out[24..32].copy_from_slice(&name.sequence.to_le_bytes());
    out[32..40].copy_from_slice(&first_ordinal.to_le_bytes());
    out[40..48].copy_from_slice(&now.to_le_bytes());
    let crc = crc32c::crc32c(&out[8..]);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    out
}

/// The first ordinal that an intact head of segment `name` states.
pub(super) fn decode_head(name: Name, bytes: &[u8]) -> Option<u64> {
    let head = bytes.get(..HEAD_BYTES as usize)?;
    let intact = head[..4] == MAGIC && crc32c::crc32c(&head[8..]) == u32_at(head, 4);
    (intact && u64_at(head, 16) == name.id && u64_at(head, 24) == name.sequence).then(|| u64_at(head, 32))
}

/// Sums over the frames of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// Items before the segment, ever.
    pub first_ordinal: u64,
    /// Items before what follows the segment.
    pub next_ordinal: u64,
    pub frames: u64,
    pub received_min: Millis,
    pub received_max: Millis,
    pub time_min: i64,
    pub time_max: i64,
}

/// One entry of a sparse index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IndexEntry {
    /// Where a frame begins.
    pub offset: u64,
    /// No frame of the segment before it was received later than this.
    pub received_before: Millis,
}

/// Summary and index, kept up to date frame by frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub summary: Summary,
    pub index: Vec<IndexEntry>,
}

impl Tally {
    pub(super) fn new(first_ordinal: u64) -> Self {
        let summary = Summary {
            first_ordinal,
            next_ordinal: first_ordinal,
            frames: 0,
            received_min: Millis::MAX,
            received_max: Millis::MIN,
            time_min: i64::MAX,
            time_max: i64::MIN,
        };
        Self { summary, index: Vec::new() }
    }

    pub(super) fn add(&mut self, header: &Header, offset: u64) {
        if self.index.last().is_none_or(|last| offset - last.offset >= INDEX_EVERY) {
            self.index.push(IndexEntry { offset, received_before: self.summary.received_max });
        }
        let sums = &mut self.summary;
        sums.next_ordinal = sums.next_ordinal.max(header.ordinal + u64::from(header.items));
        sums.frames += 1;
        sums.received_min = sums.received_min.min(header.received_at);
        sums.received_max = sums.received_max.max(header.received_at);
        if header.items > 0 {
            sums.time_min = sums.time_min.min(header.time_min_ms);
            sums.time_max = sums.time_max.max(header.time_max_ms);
        }
    }
}

/// The last indexed offset before which every frame was received before `received_at`.
pub(super) fn seek(index: &[IndexEntry], received_at: Millis) -> u64 {
    index.iter().take_while(|entry| entry.received_before < received_at).last().map_or(0, |entry| entry.offset)
}
