//! One request in the log: what is said about it, and the 96 bytes that say it on disk.
//!
//! ```text
//!  0 magic "\xABWGF"      4 header checksum (CRC32C over segment id, frame offset, header, context)
//!  8 version u8           9 flags u8 (1 = copy)    10 header length u16   12 context length u16
//! 14 lane u16            16 payload length u32     20 payload checksum (CRC32C)
//! 24 wire format u8      25 encoding u8            26 origin u8           27 reserved, 0
//! 28 decompressed u32    32 tenant u32             36 items u32           40 ordinal u64
//! 48 received_at i64     56 least item time i64    64 greatest item time i64
//! 72 original: segment id u64, 80 sequence u64, 88 offset u64
//! 96 context, payload, zeros up to a multiple of 8
//! ```
//! All little-endian. A later version may lengthen the header: readers step over what they do not
//! know by the header length, and refuse a frame of a version above theirs.

use bytes::Bytes;

use super::position::Position;
use crate::model::signal::{Encoding, Origin, RECORDED_HISTORY, WireFormat};
use crate::model::time::Millis;

/// First bytes of every frame; not ASCII, so that text bodies do not hold it.
pub(super) const MAGIC: [u8; 4] = *b"\xABWGF";
/// Version this code writes.
pub(super) const VERSION: u8 = 1;
/// Bytes of the header without context.
pub(super) const HEADER_BYTES: usize = 96;
/// Frames begin at multiples of this.
pub(super) const ALIGN: u64 = 8;
const COPY: u8 = 1;

/// What the journal is told about a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameMeta<'a> {
    /// The message that the decompressed payload is.
    pub format: WireFormat,
    /// How the payload is compressed.
    pub encoding: Encoding,
    /// Where it came from.
    pub origin: Origin,
    /// Number of the tenant.
    pub tenant: u32,
    /// Frames of one lane keep their order on the way to a backend.
    pub lane: u16,
    /// When the request was received.
    pub received_at: Millis,
    /// Samples, records or spans in it.
    pub items: u32,
    /// Bytes of the payload when decompressed.
    pub decompressed_len: u32,
    /// Least time of an item.
    pub time_min_ms: i64,
    /// Greatest time of an item.
    pub time_max_ms: i64,
    /// What the payload does not say itself, at most [`CONTEXT_BYTES_MAX`](crate::limits::CONTEXT_BYTES_MAX)
    /// bytes: the default index of `/{index}/_bulk`.
    pub context: &'a [u8],
}

/// A frame as read.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Where the reader stood when it looked for this frame: the `next` of the frame before, so
    /// that the spans `position..next` of successive frames join without a hole whatever lies
    /// between them (a roll, corrupt bytes, retired segments). Cursors acknowledge these spans.
    pub position: Position,
    /// One past the frame. It is behind a snapshot taken at position `p` if `next <= p`.
    pub next: Position,
    /// Where in its segment the frame itself begins.
    pub offset: u64,
    /// Random id of the segment it was read from.
    pub segment_id: u64,
    /// Segment id and offset at which it was first appended. Different from where it is only
    /// if it was copied from a segment that could not be synced; `_id` and dead-letter keys use this.
    pub original: (u64, u64),
    /// Items before this frame in this signal, ever.
    pub ordinal: u64,
    /// Items between the frame before and this one that this reader never got, by reason.
    pub missed: Missed,
    /// The message that the decompressed payload is.
    pub format: WireFormat,
    /// How the payload is compressed.
    pub encoding: Encoding,
    /// Where it came from.
    pub origin: Origin,
    /// Number of the tenant.
    pub tenant: u32,
    /// Frames of one lane keep their order on the way to a backend.
    pub lane: u16,
    /// When the request was received.
    pub received_at: Millis,
    /// Samples, records or spans in it.
    pub items: u32,
    /// Bytes of the payload when decompressed.
    pub decompressed_len: u32,
    /// Least time of an item.
    pub time_min_ms: i64,
    /// Greatest time of an item.
    pub time_max_ms: i64,
    /// See [`FrameMeta::context`].
    pub context: Bytes,
    /// The body as received.
    pub payload: Bytes,
}

impl Frame {
    /// Whether it holds what rules made for themselves: read at a start, never delivered.
    #[must_use]
    pub fn is_history(&self) -> bool {
        self.origin == Origin::Recorded && self.context == RECORDED_HISTORY
    }
}

/// Items a reader went past without getting them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Their frames are corrupt.
    pub corrupt: u64,
    /// Their segments were deleted before this reader came to them.
    pub retired: u64,
}

/// A frame's header, as on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub header_len: u16,
    pub context_len: u16,
    pub payload_len: u32,
    pub payload_crc: u32,
    pub copy: bool,
    pub format: WireFormat,
    pub encoding: Encoding,
    pub origin: Origin,
    pub lane: u16,
    pub tenant: u32,
    pub items: u32,
    pub decompressed_len: u32,
    pub ordinal: u64,
    pub received_at: Millis,
    pub time_min_ms: i64,
    pub time_max_ms: i64,
    pub original_id: u64,
    pub original: Position,
}

/// Bytes of a frame on disk, padding included.
pub(super) const fn frame_bytes(header: usize, context: usize, payload: usize) -> u64 {
    ((header + context + payload) as u64).next_multiple_of(ALIGN)
}

impl Header {
    /// The header of a frame that is being appended for the first time.
    pub(super) fn of(meta: &FrameMeta<'_>, payload: &[u8], payload_crc: u32) -> Option<Self> {
        Some(Self {
            header_len: HEADER_BYTES as u16,
            context_len: u16::try_from(meta.context.len()).ok()?,
            payload_len: u32::try_from(payload.len()).ok()?,
            payload_crc,
            copy: false,
            format: meta.format,
            encoding: meta.encoding,
            origin: meta.origin,
            lane: meta.lane,
            tenant: meta.tenant,
            items: meta.items,
            decompressed_len: meta.decompressed_len,
            ordinal: 0,
            received_at: meta.received_at,
            time_min_ms: meta.time_min_ms,
            time_max_ms: meta.time_max_ms,
            original_id: 0,
            original: Position::ORIGIN,
        })
    }

    /// Bytes from this frame's start to the next one's.
    pub(super) const fn frame_bytes(&self) -> u64 {
        frame_bytes(self.header_len as usize, self.context_len as usize, self.payload_len as usize)
    }

    /// The header's bytes for a frame at `offset` of segment `id`.
    pub(super) fn encode(&self, id: u64, offset: u64, context: &[u8]) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(8, &[VERSION, if self.copy { COPY } else { 0 }]);
        put(10, &(HEADER_BYTES as u16).to_le_bytes());
        put(12, &self.context_len.to_le_bytes());
        put(14, &self.lane.to_le_bytes());
        put(16, &self.payload_len.to_le_bytes());
        put(20, &self.payload_crc.to_le_bytes());
        put(24, &[self.format as u8, self.encoding as u8, self.origin as u8, 0]);
        put(28, &self.decompressed_len.to_le_bytes());
        put(32, &self.tenant.to_le_bytes());
        put(36, &self.items.to_le_bytes());
        put(40, &self.ordinal.to_le_bytes());
        put(48, &self.received_at.to_le_bytes());
        put(56, &self.time_min_ms.to_le_bytes());
        put(64, &self.time_max_ms.to_le_bytes());
        put(72, &self.original_id.to_le_bytes());
        put(80, &self.original.sequence.to_le_bytes());
        put(88, &self.original.offset.to_le_bytes());
        let crc = header_crc(id, offset, &out, context);
        out[4..8].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The header at `offset` of segment `id`, if `bytes`, which begin there, hold an intact one.
    pub(super) fn decode(id: u64, offset: u64, bytes: &[u8]) -> Option<Self> {
        let fixed: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        if fixed[..4] != MAGIC || fixed[8] == 0 || fixed[8] > VERSION {
            return None;
        }
        let (header_len, context_len) = (u16_at(fixed, 10), u16_at(fixed, 12));
        let checked = bytes.get(..header_len as usize + context_len as usize)?;
        let (header, context) = checked.split_at_checked(header_len as usize)?;
        if header.len() < HEADER_BYTES || header_crc(id, offset, header, context) != u32_at(fixed, 4) {
            return None;
        }
        Some(Self {
            header_len,
            context_len,
            payload_len: u32_at(fixed, 16),
            payload_crc: u32_at(fixed, 20),
            copy: fixed[9] & COPY != 0,
            format: WireFormat::try_from(fixed[24]).ok()?,
            encoding: Encoding::try_from(fixed[25]).ok()?,
            origin: Origin::try_from(fixed[26]).ok()?,
            lane: u16_at(fixed, 14),
            tenant: u32_at(fixed, 32),
            items: u32_at(fixed, 36),
            decompressed_len: u32_at(fixed, 28),
            ordinal: u64_at(fixed, 40),
            received_at: u64_at(fixed, 48).cast_signed(),
            time_min_ms: u64_at(fixed, 56).cast_signed(),
            time_max_ms: u64_at(fixed, 64).cast_signed(),
            original_id: u64_at(fixed, 72),
            original: Position::new(u64_at(fixed, 80), u64_at(fixed, 88)),
        })
    }
}

/// CRC32C over where the frame must be and what its header says, the checksum's own field left out.
fn header_crc(id: u64, offset: u64, header: &[u8], context: &[u8]) -> u32 {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&id.to_le_bytes());
    place[8..].copy_from_slice(&offset.to_le_bytes());
    let crc = crc32c::crc32c(&place);
    let crc = crc32c::crc32c_append(crc, &header[..4]);
    let crc = crc32c::crc32c_append(crc, &header[8..]);
    crc32c::crc32c_append(crc, context)
}

/// The little-endian number at `at`; zero-filled where `bytes` end.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |found| u64::from_le_bytes(*found))
}

/// See [`u64_at`].
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |found| u32::from_le_bytes(*found))
}

/// See [`u64_at`].
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |found| u16::from_le_bytes(*found))
}
