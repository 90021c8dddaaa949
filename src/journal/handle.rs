//! The handle that receivers, exporters and the engine hold.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::catalog::{Catalog, Segments};
use super::cursor::Cursor;
use super::error::{AppendError, OpenError};
use super::footer;
use super::frame::{FrameMeta, Header};
use super::position::Position;
use super::reader::Reader;
use super::recovery::{self, OpenReport};
use super::segment;
use super::settings::{Config, Durability};
use super::space::{Dropped, Retired};
use super::storage::{Files, Storage};
use super::sync::{SyncReport, Syncer};
use super::writer::{Appended, Parts, Writer, check_size};
use crate::limits::FRAME_BYTES_MAX;
use crate::model::signal::Signal;
use crate::model::time::Millis;

/// The log of one signal; cloning is cheap. Every method may touch the disk and none waits for
/// anything else.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    catalog: Arc<Catalog>,
}

struct Shared {
    writer: Mutex<Writer>,
    syncer: Syncer,
    config: Config,
    signal: Signal,
}

impl Journal {
    /// Opens the log in `dir/SIGNAL` for writing: seals what an earlier run left, begins a segment.
    ///
    /// `entropy` is asked for the random bits behind all segment ids of this run.
    ///
    /// # Errors
    /// If another process writes there or the directory cannot be used. Corrupt content is no error.
    pub fn open(
        dir: &Path,
        signal: Signal,
        config: &Config,
        entropy: &mut dyn FnMut() -> u64,
        now: Millis,
    ) -> Result<(Self, OpenReport), OpenError> {
        Self::open_on(Arc::new(Files), dir, signal, config, entropy, now)
    }

    pub(super) fn open_on(
        storage: Arc<dyn Storage>,
        dir: &Path,
        signal: Signal,
        config: &Config,
        entropy: &mut dyn FnMut() -> u64,
        now: Millis,
    ) -> Result<(Self, OpenReport), OpenError> {
        let folder = dir.join(signal.name());
        let at_folder = |source| OpenError::Io { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(at_folder)?;
        let lock = lock(&folder)?;
        let (segments, last, report) = recovery::load(&folder, Some(&*storage)).map_err(at_folder)?;
        let catalog = Arc::new(Catalog::new(segments));
        let (catalog_of_writer, folder_of_writer) = (Arc::clone(&catalog), folder.clone());
        let parts = Parts {
            signal,
            folder: folder_of_writer,
            config: config.clone(),
            storage,
            catalog: catalog_of_writer,
            seed: [entropy(), entropy()],
            lock,
        };
        let writer = Writer::start(parts, last, report.items, now).map_err(at_folder)?;
        let shared = Shared { writer: Mutex::new(writer), syncer: Syncer::default(), config: config.clone(), signal };
        Ok((Self { shared: Arc::new(shared), catalog }, report))
    }

    /// Appends one frame. With [`Durability::Fsync`] the caller answers only after
    /// [`sync_to`](Self::sync_to)`(next)`.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing of the frame is in the log then.
    pub fn append(&self, meta: &FrameMeta<'_>, payload: &[u8], now: Millis) -> Result<Appended, AppendError> {
        self.append_then(meta, payload, now, |appended| *appended)
    }

    /// Appends one frame and runs `then` before anybody else can append: what it hands on is in
    /// the order of positions. It must be short and must not use the journal.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing of the frame is in the log then.
    pub fn append_then<R>(
        &self,
        meta: &FrameMeta<'_>,
        payload: &[u8],
        now: Millis,
        then: impl FnOnce(&Appended) -> R,
    ) -> Result<R, AppendError> {
        check_size(meta.context, payload, &self.shared.config)?;
        let too_large = AppendError::TooLarge { bytes: payload.len() as u64, bytes_max: FRAME_BYTES_MAX as u64 };
        let header = Header::of(meta, payload, crc32c::crc32c(payload)).ok_or(too_large)?;
        let mut writer = self.shared.writer.lock();
        let appended = writer.append(header, meta.context, payload, now)?;
        Ok(then(&appended))
    }

    /// Brings everything appended so far to the disk; answers how far the disk is.
    ///
    /// # Errors
    /// If the disk refuses, even on fresh files. Nothing is lost by that: it is tried again.
    pub fn sync(&self) -> io::Result<Position> {
        self.sync_to(self.tail())
    }

    /// As [`sync`](Self::sync), but at once if `position` is on disk already: of many callers one
    /// syncs for all.
    ///
    /// # Errors
    /// See [`sync`](Self::sync).
    pub fn sync_to(&self, position: Position) -> io::Result<Position> {
        self.shared.syncer.sync_to(&self.shared.writer, position)
    }

    /// One past the last frame.
    #[must_use]
    pub fn tail(&self) -> Position {
        self.catalog.read().tail()
    }

    /// The oldest position that is still there.
    #[must_use]
    pub fn head(&self) -> Position {
        self.catalog.read().head()
    }

    /// Items that this journal ever took.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.catalog.read().iter().next_back().map_or(0, |segment| segment.summary.next_ordinal)
    }

    /// Items before the oldest that is still there.
    #[must_use]
    pub fn head_items(&self) -> u64 {
        self.catalog.read().iter().next().map_or(0, |segment| segment.summary.first_ordinal)
    }

    /// Written bytes of all segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.catalog.read().bytes()
    }

    /// Written bytes behind `position`.
    #[must_use]
    pub fn bytes_after(&self, position: Position) -> u64 {
        let segments = self.catalog.read();
        let behind = segments.iter().filter(|segment| segment.end_position() > position);
        let part = |begin: u64, end: u64| end.saturating_sub(begin);
        behind
            .map(|segment| match segment.name.sequence == position.sequence {
                true => part(position.offset, segment.end),
                false => segment.end,
            })
            .sum()
    }

    /// Most bytes that it holds.
    #[must_use]
    pub fn bytes_max(&self) -> u64 {
        self.shared.config.bytes_max
    }

    /// The signal whose log this is.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.shared.signal
    }

    /// When an append counts as acknowledged.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.shared.config.durability
    }

    /// A reader that begins at `from`, or at the head if that is gone, or at the tail if it is not there yet.
    #[must_use]
    pub fn reader(&self, from: Position) -> Reader {
        Reader::new(Arc::clone(&self.catalog), from, None)
    }

    /// A reader that goes on where `cursor` stands and notices if items are missing from there on.
    #[must_use]
    pub fn resume(&self, cursor: &Cursor) -> Reader {
        Reader::new(Arc::clone(&self.catalog), cursor.position(), Some(cursor.ordinal()))
    }

    /// A position behind which nothing was received at or after `received_at`: replay from there.
    #[must_use]
    pub fn seek_time(&self, received_at: Millis) -> Position {
        let found = seek_time(&self.catalog.read(), received_at);
        let writer = self.shared.writer.lock();
        if found.offset > 0 || found.sequence != writer.active.name.sequence {
            return found;
        }
        Position::new(found.sequence, segment::seek(&writer.active.tally.index, received_at))
    }

    /// Deletes segments that are delivered and past their retention, or delivered and over
    /// `bytes_max`. `consumed` is the least position of all attached exporters; `None` says that
    /// there is none, so that everything counts as delivered. Until the first call nothing does.
    pub fn retire(&self, consumed: Option<Position>, now: Millis) -> Retired {
        self.shared.writer.lock().retire(consumed, now)
    }

    /// What `on_full: drop_oldest` has cost since the start.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.shared.writer.lock().dropped
    }

    /// What [`sync`](Self::sync) has met since the start.
    #[must_use]
    pub fn sync_report(&self) -> SyncReport {
        self.shared.writer.lock().sync_report
    }

    /// Whether the log goes, or once went, up to `position` in the segment that it names.
    pub(super) fn reaches(&self, position: Position) -> bool {
        let segments = self.catalog.read();
        match segments.at_or_after(position.sequence) {
            Some(found) if found.name.sequence == position.sequence => position.offset <= found.end,
            Some(_) => position < segments.head(),
            None => false,
        }
    }

    /// The random id of segment `sequence`, if it is still there.
    pub(super) fn segment_id(&self, sequence: u64) -> Option<u64> {
        let segments = self.catalog.read();
        segments.at_or_after(sequence).filter(|found| found.name.sequence == sequence).map(|found| found.name.id)
    }
}

/// A log that somebody else may be writing, as it was when it was opened: for backtest and tools.
pub struct Archive {
    catalog: Arc<Catalog>,
}

impl Archive {
    /// Looks at the log in `dir/SIGNAL` without a lock and without changing anything.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn open(dir: &Path, signal: Signal) -> io::Result<(Self, OpenReport)> {
        let (segments, _, report) = recovery::load(&dir.join(signal.name()), None)?;
        Ok((Self { catalog: Arc::new(Catalog::new(segments)) }, report))
    }

    /// The oldest position.
    #[must_use]
    pub fn head(&self) -> Position {
        self.catalog.read().head()
    }

    /// One past the last frame that was there.
    #[must_use]
    pub fn tail(&self) -> Position {
        self.catalog.read().tail()
    }

    /// See [`Journal::reader`].
    #[must_use]
    pub fn reader(&self, from: Position) -> Reader {
        Reader::new(Arc::clone(&self.catalog), from, None)
    }

    /// See [`Journal::seek_time`].
    #[must_use]
    pub fn seek_time(&self, received_at: Millis) -> Position {
        seek_time(&self.catalog.read(), received_at)
    }
}

fn seek_time(segments: &Segments, received_at: Millis) -> Position {
    let Some(found) = segments.iter().find(|segment| segment.summary.received_max >= received_at) else {
        return segments.tail();
    };
    let footer = File::open(&found.path).and_then(|file| footer::read(&file, found.name.id));
    let offset = footer.ok().flatten().map_or(0, |(_, tally)| segment::seek(&tally.index, received_at));
    Position::new(found.name.sequence, offset)
}

/// Takes the lock that only one writer can have; it goes with the file handle, however the process ends.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("writer.lock");
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = opened.map_err(|source| OpenError::Io { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}
