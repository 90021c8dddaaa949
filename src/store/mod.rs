//! The embedded database: what must survive a restart and is not in the journal.
//!
//! One SQLite file in WAL mode. What is saved together is saved in **one** transaction: the rule
//! engine's alerts, the notification log and the journal positions that they stand for are either
//! all of one moment or all of the one before. Nothing is written per record: a [`Snapshot`] is
//! handed over as a whole, and only rows that changed since the last one are written.
//!
//! Bodies are opaque JSON rows: each module owns the form of its own. [`sqlite`] holds the SQL.

mod sqlite;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

pub use sqlite::Store;

use crate::model::signal::Signal;
use crate::model::time::Millis;

/// Why the database could not be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StoreError {
    /// The file is there and is not a database of ours, or is damaged.
    #[error(
        "{path} is not a usable database ({cause}); move it and its -wal and -shm files away and start again: \
         alert state and the notification log begin anew, rules and journal are not in it"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: String,
    },
    /// It was written by a later version.
    #[error("{path} was written by a later version of watchgate ({cause}); start that version, or move the file away")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Which migration is unknown.
        cause: String,
    },
    /// The file cannot be reached, opened, locked or written.
    #[error("{path}: {cause}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What SQLite or the system says.
        cause: String,
    },
    /// A row does not hold what its owner expects.
    #[error("row `{key}` cannot be read: {cause}")]
    Row {
        /// The row's key.
        key: String,
        /// What is wrong.
        cause: String,
    },
}

/// One opaque row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Unique in its table.
    pub key: String,
    /// JSON.
    pub body: String,
}

impl Row {
    /// A row that holds `value`.
    ///
    /// # Errors
    /// When `value` is no JSON, such as a map whose keys are no text.
    pub fn encode(key: impl Into<String>, value: &impl Serialize) -> Result<Self, StoreError> {
        let key = key.into();
        match serde_json::to_string(value) {
            Ok(body) => Ok(Self { key, body }),
            Err(error) => Err(StoreError::Row { key, cause: error.to_string() }),
        }
    }

    /// The value in it.
    ///
    /// # Errors
    /// When the body has another form.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(&self.body)
            .map_err(|error| StoreError::Row { key: self.key.clone(), cause: error.to_string() })
    }
}

/// How far into a signal's journal the snapshot has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedPosition {
    /// Whose journal.
    pub signal: Signal,
    /// The segment's sequence number.
    pub sequence: u64,
    /// The offset in the segment, in bytes.
    pub offset: u64,
}

/// Everything of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// When it was taken; 0 if nothing was ever saved.
    pub saved_at: Millis,
    /// State of the rule engine.
    pub alerts: Vec<Row>,
    /// State of the dispatcher: groups and notification log.
    pub notifications: Vec<Row>,
    /// The positions for which both stand.
    pub positions: Vec<SavedPosition>,
}

/// Where the database is inside `data_dir`.
#[must_use]
pub fn path_in(data_dir: &Path) -> PathBuf {
    data_dir.join("watchgate.db")
}
