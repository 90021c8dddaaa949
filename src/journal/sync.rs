//! Getting bytes to the disk, and what a disk that refuses gets instead.
//!
//! After a failed fsync the kernel may have forgotten which pages were dirty: a second one on the
//! same file can succeed without having written anything. So a failure is final for the file. Its
//! frames that were not synced are read back, checked, and appended to a new segment as copies
//! that carry where they stood first; the old file ends where it was last known to be good.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::frame::Header;
use super::position::Position;
use super::scan::Scanner;
use super::storage::Storage;
use super::writer::{Active, Unsynced, Writer};

/// Rounds of abandoning and copying in one call, before the disk is given up on for now.
const ROUNDS_MAX: usize = 3;

/// What synchronisation has met so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Files abandoned because their fsync failed.
    pub abandoned: u64,
    /// Frames copied out of them.
    pub copied: u64,
    /// Bytes in them that could not be read back.
    pub lost_bytes: u64,
}

/// Serialises synchronisation; whoever waits finds its frames synced by the one before.
#[derive(Default)]
pub(super) struct Syncer {
    synced: Mutex<Position>,
}

impl Syncer {
    /// Brings everything appended before `wanted` to the disk; answers how far the disk is.
    pub(super) fn sync_to(&self, writer: &Mutex<Writer>, wanted: Position) -> io::Result<Position> {
        let mut synced = self.synced.lock();
        if *synced >= wanted {
            return Ok(*synced);
        }
        let mut refused = None;
        for _ in 0..ROUNDS_MAX {
            // The writer's lock is not held while the disk works: appends go on.
            let Pending { files, tail, directory } = writer.lock().pending()?;
            if let Some((storage, folder)) = directory {
                storage.sync_directory(&folder)?;
                writer.lock().directory_changed = false;
            }
            let Some((failed, cause)) = files.into_iter().find_map(|file| match file.file.sync() {
                Ok(()) => {
                    writer.lock().synced(&file);
                    None
                }
                Err(cause) => Some((file, cause)),
            }) else {
                *synced = tail;
                return Ok(tail);
            };
            let mut writer = writer.lock();
            writer.sync_report.abandoned += 1;
            writer.failed = Some(failed.name);
            writer.abandon_failed()?;
            refused = Some(cause);
        }
        Err(refused.unwrap_or_else(|| io::ErrorKind::Other.into()))
    }
}

/// What is to be synced.
struct Pending {
    /// Oldest first.
    files: Vec<Unsynced>,
    /// Where they reach to.
    tail: Position,
    directory: Option<(Arc<dyn Storage>, PathBuf)>,
}

impl Writer {
    fn pending(&mut self) -> io::Result<Pending> {
        self.abandon_failed()?;
        let mut files = self.sealed_unsynced.clone();
        files.extend(Some(self.active_unsynced()).filter(|active| active.from < active.to));
        let directory = self.directory_changed.then(|| (Arc::clone(&self.storage), self.folder.clone()));
        Ok(Pending { files, tail: Position::new(self.active.name.sequence, self.active.offset), directory })
    }

    fn active_unsynced(&self) -> Unsynced {
        let Active { name, path, file, offset, .. } = &self.active;
        Unsynced { name: *name, path: path.clone(), file: Arc::clone(file), from: self.active_synced, to: *offset }
    }

    /// `file` is on disk up to its `to`.
    fn synced(&mut self, file: &Unsynced) {
        if file.name == self.active.name {
            self.active_synced = self.active_synced.max(file.to);
        }
        for sealed in self.sealed_unsynced.iter_mut().filter(|sealed| sealed.name == file.name) {
            sealed.from = sealed.from.max(file.to);
        }
        self.sealed_unsynced.retain(|sealed| sealed.from < sealed.to);
    }

    /// If a file is known to be bad: copies what it and all later ones hold unsynced to a new
    /// segment, in order, and ends them before. Until that is done nothing else may be appended,
    /// or the copies would come after what is newer.
    pub(super) fn abandon_failed(&mut self) -> io::Result<()> {
        let Some(failed) = self.failed else { return Ok(()) };
        let mut files = self.sealed_unsynced.clone();
        files.push(self.active_unsynced());
        files.retain(|file| file.name.sequence >= failed.sequence);
        let next_ordinal = self.active.tally.summary.next_ordinal;
        let first_ordinal = self.first_unsynced_ordinal(&files)?.unwrap_or(next_ordinal);
        self.begin_segment(0, first_ordinal, self.now)?;
        for file in &files {
            let mut scanner = Scanner::new(File::open(&file.path)?, file.name.id, file.from);
            while let Some(frame) = scanner.next(file.to)? {
                let header = Header { copy: true, ..frame.header };
                self.write_frame(header, &frame.context, &frame.payload, self.now)?;
                self.sync_report.copied += 1;
            }
            self.sync_report.lost_bytes += scanner.corrupt.bytes;
        }
        self.active.tally.summary.next_ordinal = next_ordinal;
        self.sealed_unsynced.retain(|sealed| files.iter().all(|file| file.name != sealed.name));
        self.failed = None;
        for file in &files {
            // If the disk refuses this too, readers after a restart meet these frames twice, and
            // know the copies by where they stood first.
            let _ = file.file.truncate(file.from);
            self.catalog.write().cut(file.name.sequence, file.from);
        }
        Ok(())
    }

    fn first_unsynced_ordinal(&self, files: &[Unsynced]) -> io::Result<Option<u64>> {
        for file in files {
            let mut scanner = Scanner::new(File::open(&file.path)?, file.name.id, file.from);
            if let Some(frame) = scanner.next(file.to)? {
                return Ok(Some(frame.header.ordinal));
            }
        }
        Ok(None)
    }
}
