//! The files underneath: what the writer needs from a disk, and nothing more.
//!
//! Two implementations: [`Files`] for production, and one in the tests that fails on demand.
//! Readers open segments themselves: a faulty read shows as corrupt bytes, which need no double.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// A place where segments are written.
pub(super) trait Storage: Send + Sync {
    /// Makes a new file with `reserve` bytes of disk behind it, as far as the file system can.
    fn create(&self, path: &Path, reserve: u64) -> io::Result<Arc<dyn SegmentFile>>;
    /// Opens an existing file for sealing.
    fn reopen(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>>;
    /// Makes the names of new and deleted files durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Space on the file system that holds `path`.
    fn space(&self, path: &Path) -> io::Result<Space>;
}

/// One segment that is being written.
pub(super) trait SegmentFile: Send + Sync {
    /// Writes all of `parts`, back to back, at `offset`.
    fn write_at(&self, parts: &mut [IoSlice<'_>], offset: u64) -> io::Result<()>;
    /// Waits until the disk has everything written.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file at `len` and gives back what is reserved beyond.
    fn truncate(&self, len: u64) -> io::Result<()>;
}

/// Bytes of a file system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    pub total: u64,
    pub free: u64,
}

/// Ordinary files.
pub(super) struct Files;

impl Storage for Files {
    fn create(&self, path: &Path, reserve: u64) -> io::Result<Arc<dyn SegmentFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        // The length stays that of what is written: a reader and a recovery see no zeros behind it.
        // A disk too small for a whole segment may well hold what comes: then the file just grows,
        // and `min_free` says when to stop.
        if fallocate(&file, FallocateFlags::KEEP_SIZE, 0, reserve).is_err() {
            file.set_len(0)?;
        }
        Ok(Arc::new(file))
    }

    fn reopen(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>> {
        Ok(Arc::new(OpenOptions::new().write(true).open(path)?))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let found = statvfs(path)?;
        Ok(Space { total: found.f_blocks * found.f_frsize, free: found.f_bavail * found.f_frsize })
    }
}

impl SegmentFile for File {
    fn write_at(&self, mut parts: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        while parts.iter().any(|part| !part.is_empty()) {
            let written = rustix::io::retry_on_intr(|| rustix::io::pwritev(self, parts, offset))?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            offset += written as u64;
            IoSlice::advance_slices(&mut parts, written);
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}
