//! Reads the log in order, from any position, through every roll, beside the writer.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::catalog::Catalog;
use super::error::ReadError;
use super::frame::{Frame, Missed};
use super::position::Position;
use super::scan::{Corrupt, Scanned, Scanner};
use super::segment::Name;

/// An independent reader with a file handle of its own.
///
/// A retired segment that it has open is still read to its end; one that is gone before the reader
/// came to it is stepped over, and the next frame says how many items that were.
pub struct Reader {
    catalog: Arc<Catalog>,
    /// One past the last frame handed out: what [`Reader::position`] answers.
    at: Position,
    /// Where reading began; copies of frames of the same segment before it are not wanted again.
    from: Position,
    /// One past the last frame handed out, in the positions of first appends.
    original: Position,
    expected_ordinal: Option<u64>,
    open: Option<Open>,
    retired: bool,
    corrupt: Corrupt,
}

struct Open {
    name: Name,
    path: PathBuf,
    end: u64,
    scanner: Scanner,
}

impl Reader {
    pub(super) fn new(catalog: Arc<Catalog>, from: Position, expected_ordinal: Option<u64>) -> Self {
        let at = catalog.read().clamp(from);
        let retired = at > from;
        let original = Position::ORIGIN;
        Self { catalog, at, from, original, expected_ordinal, open: None, retired, corrupt: Corrupt::default() }
    }

    /// The next frame, or `None` at the tail; ask again when something was appended.
    ///
    /// # Errors
    /// If the disk refuses to read. The position stays: asking again tries again.
    #[expect(clippy::should_implement_trait, reason = "fallible, and not over at the first `None`")]
    pub fn next(&mut self) -> Result<Option<Frame>, ReadError> {
        loop {
            if self.open.is_none() && !self.open_segment(self.at)? {
                return Ok(None);
            }
            let Some(open) = &mut self.open else { return Ok(None) };
            let scanned =
                open.scanner.next(open.end).map_err(|source| ReadError { path: open.path.clone(), source })?;
            if let Some(scanned) = scanned {
                if let Some(frame) = self.take(scanned) {
                    return Ok(Some(frame));
                }
            } else if !self.advance()? {
                return Ok(None);
            }
        }
    }

    /// One past the last frame that was handed out, or where reading begins.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.at
    }

    /// Corrupt bytes stepped over so far.
    #[must_use]
    pub fn corrupt(&self) -> Corrupt {
        self.open.as_ref().map_or(self.corrupt, |open| self.corrupt.plus(open.scanner.corrupt))
    }

    /// Beyond the known end of the open segment: more of it, the next one, or nothing.
    fn advance(&mut self) -> Result<bool, ReadError> {
        let Some(open) = &mut self.open else { return Ok(false) };
        let sequence = open.name.sequence;
        {
            let segments = self.catalog.read();
            match segments.at_or_after(sequence) {
                Some(here) if here.name == open.name => {
                    if here.end > open.end {
                        open.end = here.end;
                        return Ok(true);
                    }
                }
                Some(_) => self.retired = true,
                None => return Ok(false),
            }
            if segments.at_or_after(sequence + 1).is_none() {
                return Ok(false);
            }
        }
        self.open_segment(Position::new(sequence + 1, 0))
    }

    /// Opens the first segment at or after `wanted` that is still there; false if there is none.
    fn open_segment(&mut self, mut wanted: Position) -> Result<bool, ReadError> {
        loop {
            let (name, path, end) = match self.catalog.read().at_or_after(wanted.sequence) {
                Some(found) => (found.name, found.path.clone(), found.end),
                None => return Ok(false),
            };
            let offset = if name.sequence == wanted.sequence { wanted.offset } else { 0 };
            match File::open(&path) {
                Ok(file) => {
                    self.corrupt = self.corrupt();
                    let scanner = Scanner::new(file, name.id, offset);
                    self.open = Some(Open { name, path, end, scanner });
                    return Ok(true);
                }
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {
                    self.retired = true;
                    wanted = Position::new(name.sequence + 1, 0);
                }
                Err(source) => return Err(ReadError { path, source }),
            }
        }
    }

    /// Makes a frame of what was scanned, unless it is a copy of one handed out before.
    fn take(&mut self, scanned: Scanned) -> Option<Frame> {
        let open = self.open.as_ref()?;
        let Scanned { header, offset, context, payload } = scanned;
        let begin = Position::new(open.name.sequence, offset);
        if header.copy {
            let before_start = header.original.sequence == self.from.sequence && header.original < self.from;
            if header.original < self.original || before_start {
                return None;
            }
        }
        let gap = self.expected_ordinal.map_or(0, |expected| header.ordinal.saturating_sub(expected));
        let missed = match self.retired {
            true => Missed { corrupt: 0, retired: gap },
            false => Missed { corrupt: gap, retired: 0 },
        };
        let position = self.at;
        self.retired = false;
        self.expected_ordinal = Some(header.ordinal + u64::from(header.items));
        self.at = Position::new(begin.sequence, open.scanner.offset);
        let (original, original_id) =
            if header.copy { (header.original, header.original_id) } else { (begin, open.name.id) };
        self.original = Position::new(original.sequence, original.offset + 1);
        Some(Frame {
            position,
            next: self.at,
            offset,
            segment_id: open.name.id,
            original: (original_id, original.offset),
            ordinal: header.ordinal,
            missed,
            format: header.format,
            encoding: header.encoding,
            origin: header.origin,
            tenant: header.tenant,
            lane: header.lane,
            received_at: header.received_at,
            items: header.items,
            decompressed_len: header.decompressed_len,
            time_min_ms: header.time_min_ms,
            time_max_ms: header.time_max_ms,
            context,
            payload,
        })
    }
}
