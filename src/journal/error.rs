//! What can go wrong, worded for the one who must decide what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a journal could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process writes here.
    #[error("{path} is in use by another process: stop it, or set another data_dir")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The directory cannot be used.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a frame was not appended. Nothing of it is in the journal then.
#[derive(Debug, Error)]
pub enum AppendError {
    /// Undelivered bytes are at `bytes_max`: ask the sender to come back later.
    #[error("the journal is full: {bytes} of {bytes_max} bytes wait for delivery")]
    Full {
        /// Bytes held now.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// The file system is nearly full: ask the sender to come back later.
    #[error("the file system has {free} bytes free, journal.min_free asks for {min_free}")]
    NoSpace {
        /// Bytes free now.
        free: u64,
        /// Bytes that must stay free.
        min_free: u64,
    },
    /// The frame can never be appended: refuse it for good.
    #[error("a frame of {bytes} bytes is over the bound of {bytes_max}")]
    TooLarge {
        /// Bytes of the frame.
        bytes: u64,
        /// The bound it crosses.
        bytes_max: u64,
    },
    /// The disk refused: ask the sender to come back later.
    #[error("writing to the journal: {0}")]
    Io(#[from] io::Error),
}

/// Why a reader could not go on. Corrupt bytes are no error: they are skipped and counted.
#[derive(Debug, Error)]
#[error("reading {path}: {source}")]
pub struct ReadError {
    /// The segment.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}
