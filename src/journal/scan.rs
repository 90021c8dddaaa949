//! Frames out of one segment: read ahead, check, step over what is corrupt.

use std::fs::File;
use std::io;

use bytes::Bytes;
use rustix::buffer::spare_capacity;

use super::frame::{ALIGN, HEADER_BYTES, Header, MAGIC, u16_at};
use super::segment::HEAD_BYTES;
use crate::limits::FRAME_BYTES_MAX;

/// Bytes read at once, so that small frames do not cost a system call each. Frames are slices of
/// such a chunk: one that is kept keeps its chunk.
const READ_AHEAD: u64 = 256 << 10;

/// What was stepped over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Corrupt {
    /// Stretches of bytes that hold no intact frame.
    pub stretches: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Corrupt {
    pub(super) const fn plus(self, other: Self) -> Self {
        Self { stretches: self.stretches + other.stretches, bytes: self.bytes + other.bytes }
    }
}

/// One intact frame.
pub(super) struct Scanned {
    pub header: Header,
    pub offset: u64,
    pub context: Bytes,
    pub payload: Bytes,
}

/// Reads the frames of one segment, from an offset on.
pub(super) struct Scanner {
    file: File,
    id: u64,
    /// Where the next frame is looked for.
    pub offset: u64,
    chunk: Bytes,
    chunk_at: u64,
    pub corrupt: Corrupt,
    /// One past the last item that an intact header speaks of, be its payload corrupt.
    pub next_ordinal: u64,
    in_corrupt: bool,
}

impl Scanner {
    pub(super) fn new(file: File, id: u64, offset: u64) -> Self {
        // Offsets come from cursor files, too: the alignment is restored, not believed.
        let offset = offset.max(HEAD_BYTES) / ALIGN * ALIGN;
        let (chunk, corrupt) = (Bytes::new(), Corrupt::default());
        Self { file, id, offset, chunk, chunk_at: offset, corrupt, next_ordinal: 0, in_corrupt: false }
    }

    /// The next intact frame that ends at or before `end`.
    pub(super) fn next(&mut self, end: u64) -> io::Result<Option<Scanned>> {
        while self.offset + HEADER_BYTES as u64 <= end {
            let Some(header) = self.header(end)? else {
                self.step_over(ALIGN);
                continue;
            };
            let (begin, bytes) = (self.offset, header.frame_bytes());
            if header.payload_len as usize > FRAME_BYTES_MAX || bytes > end - begin {
                self.step_over(ALIGN);
                continue;
            }
            if !self.cover(bytes as usize, end)? {
                break;
            }
            self.next_ordinal = self.next_ordinal.max(header.ordinal + u64::from(header.items));
            let context_at = (begin - self.chunk_at) as usize + header.header_len as usize;
            let payload_at = context_at + header.context_len as usize;
            let payload = self.chunk.slice(payload_at..payload_at + header.payload_len as usize);
            if crc32c::crc32c(&payload) != header.payload_crc {
                self.step_over(bytes);
                continue;
            }
            self.in_corrupt = false;
            self.offset += bytes;
            let context = self.chunk.slice(context_at..payload_at);
            return Ok(Some(Scanned { header, offset: begin, context, payload }));
        }
        if self.offset < end {
            self.step_over(end - self.offset);
        }
        Ok(None)
    }

    /// The intact header at the current offset.
    fn header(&mut self, end: u64) -> io::Result<Option<Header>> {
        if !self.cover(HEADER_BYTES, end)? || self.ahead()[..MAGIC.len()] != MAGIC {
            return Ok(None);
        }
        // A later version's header may be longer; its checksum tells whether the length is true.
        let claimed = usize::from(u16_at(self.ahead(), 10)) + usize::from(u16_at(self.ahead(), 12));
        let fits = claimed as u64 <= end - self.offset && self.cover(claimed, end)?;
        Ok(if fits { Header::decode(self.id, self.offset, self.ahead()) } else { None })
    }

    fn step_over(&mut self, bytes: u64) {
        self.corrupt.stretches += u64::from(!self.in_corrupt);
        self.in_corrupt = true;
        self.corrupt.bytes += bytes;
        self.offset += bytes;
    }

    /// What of the chunk lies at and behind the current offset.
    fn ahead(&self) -> &[u8] {
        &self.chunk[(self.offset - self.chunk_at) as usize..]
    }

    /// Sees to it that the chunk holds `wanted` bytes from the current offset; false if the file
    /// does not have them.
    fn cover(&mut self, wanted: usize, end: u64) -> io::Result<bool> {
        let chunk_end = self.chunk_at + self.chunk.len() as u64;
        if self.offset >= self.chunk_at && self.offset + wanted as u64 <= chunk_end {
            return Ok(true);
        }
        let size = (end - self.offset).min(READ_AHEAD.max(wanted as u64)) as usize;
        let mut chunk = Vec::with_capacity(size);
        while chunk.len() < wanted {
            let at = self.offset + chunk.len() as u64;
            let read = rustix::io::retry_on_intr(|| rustix::io::pread(&self.file, spare_capacity(&mut chunk), at))?;
            if read == 0 {
                break;
            }
        }
        // An allocator may give more than was asked for; what lies behind `end` is not ours yet.
        chunk.truncate(size);
        self.chunk = Bytes::from(chunk);
        self.chunk_at = self.offset;
        Ok(self.chunk.len() >= wanted)
    }
}
