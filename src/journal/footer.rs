//! The end of a sealed segment: sums and sparse index, so that no start has to read its frames.
//!
//! ```text
//!  0 magic "\xABWGE"   4 checksum (CRC32C over segment id, footer offset, bytes from 8 on)
//!  8 version u8   12 entries u32   16 first ordinal u64   24 next ordinal u64   32 frames u64
//! 40 received min i64   48 received max i64   56 item time min i64   64 item time max i64
//! 72 entries: offset u64, received_before i64
//! .. trailer: footer offset u64, footer length u32, magic "\xABWGZ"
//! ```

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::frame::{u32_at, u64_at};
use super::segment::{IndexEntry, Summary, Tally};

pub(super) const MAGIC: [u8; 4] = *b"\xABWGE";
const MAGIC_END: [u8; 4] = *b"\xABWGZ";
const VERSION: u8 = 1;
const FIXED_BYTES: usize = 72;
const ENTRY_BYTES: usize = 16;
const TRAILER_BYTES: usize = 16;
/// An index of a segment of 16 TiB; a longer claim is corrupt.
const FOOTER_BYTES_MAX: usize = 256 << 20;

/// The bytes that seal segment `id` at `offset`.
pub(super) fn encode(id: u64, offset: u64, tally: &Tally) -> Vec<u8> {
    let Tally { summary, index } = tally;
    let mut out = Vec::with_capacity(FIXED_BYTES + index.len() * ENTRY_BYTES + TRAILER_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[VERSION, 0, 0, 0]);
    out.extend_from_slice(&u32::try_from(index.len()).unwrap_or(u32::MAX).to_le_bytes());
    for number in [summary.first_ordinal, summary.next_ordinal, summary.frames] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for time in [summary.received_min, summary.received_max, summary.time_min, summary.time_max] {
        out.extend_from_slice(&time.to_le_bytes());
    }
    for entry in index {
        out.extend_from_slice(&entry.offset.to_le_bytes());
        out.extend_from_slice(&entry.received_before.to_le_bytes());
    }
    let length = out.len() as u32;
    let crc = checksum(id, offset, &out[8..]);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&MAGIC_END);
    out
}

/// The footer of segment `id`, if its file ends in an intact one, and where its frames end.
pub(super) fn read(file: &File, id: u64) -> io::Result<Option<(u64, Tally)>> {
    let file_bytes = file.metadata()?.len();
    let Some(trailer_at) = file_bytes.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    let mut trailer = [0; TRAILER_BYTES];
    file.read_exact_at(&mut trailer, trailer_at)?;
    let (offset, length) = (u64_at(&trailer, 0), u32_at(&trailer, 8) as usize);
    let fits =
        (FIXED_BYTES..FOOTER_BYTES_MAX).contains(&length) && offset.checked_add(length as u64) == Some(trailer_at);
    if trailer[12..] != MAGIC_END || !fits {
        return Ok(None);
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(decode(id, offset, &bytes).map(|tally| (offset, tally)))
}

fn decode(id: u64, offset: u64, bytes: &[u8]) -> Option<Tally> {
    let entries = u32_at(bytes, 12) as usize;
    let intact = bytes[..4] == MAGIC && checksum(id, offset, &bytes[8..]) == u32_at(bytes, 4);
    if !intact || bytes[8] != VERSION || bytes.len() != FIXED_BYTES + entries * ENTRY_BYTES {
        return None;
    }
    let time = |at| u64_at(bytes, at).cast_signed();
    let summary = Summary {
        first_ordinal: u64_at(bytes, 16),
        next_ordinal: u64_at(bytes, 24),
        frames: u64_at(bytes, 32),
        received_min: time(40),
        received_max: time(48),
        time_min: time(56),
        time_max: time(64),
    };
    let index = bytes[FIXED_BYTES..]
        .chunks_exact(ENTRY_BYTES)
        .map(|entry| IndexEntry { offset: u64_at(entry, 0), received_before: u64_at(entry, 8).cast_signed() })
        .collect();
    Some(Tally { summary, index })
}

fn checksum(id: u64, offset: u64, rest: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&id.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &offset.to_le_bytes());
    crc32c::crc32c_append(crc, rest)
}
