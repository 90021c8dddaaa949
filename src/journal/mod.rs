//! The journal: per signal one append-only log of frames that everything else reads.
//!
//! A receiver appends a request once, as it came; every exporter reads through a cursor of its
//! own, and so do the live tail, backtest and the rebuilding of state after a start. What is in the
//! log is acknowledged, so it is checked on the way out, found again after a crash, and never
//! deleted before it is delivered unless the configuration says so.
//!
//! Not here: waiting for the tail to move, timers, and what is in a payload. Methods are
//! synchronous, time and randomness are arguments.
//!
//! ```text
//! DIR/SIGNAL/000000000001-5be0c7e5a61e9f03.seg   sealed: head, frames, footer with index
//! DIR/SIGNAL/000000000002-c2d9a4f00b7d1188.seg   active: head, frames
//! DIR/SIGNAL/writer.lock                         one writer; readers need no lock
//! ```
//! Read in this order: `frame`, `segment`, `footer` (the format); `writer`, `space`, `sync`,
//! `recovery` (the writing side); `scan`, `reader`, `cursor` (the reading side); `handle`, which
//! ties them together.

mod catalog;
mod counts;
mod cursor;
mod error;
mod footer;
mod frame;
mod handle;
mod position;
mod reader;
mod recovery;
mod scan;
mod segment;
mod settings;
mod slot;
mod space;
mod storage;
mod sync;
mod writer;

#[cfg(test)]
mod tests;

pub use counts::{Counters, Counts, DropReason};
pub use cursor::{Cursor, Resumed, Start};
pub use error::{AppendError, OpenError, ReadError};
pub use frame::{Frame, FrameMeta, Missed};
pub use handle::{Archive, Journal};
pub use position::Position;
pub use reader::Reader;
pub use recovery::OpenReport;
pub use scan::Corrupt;
pub use settings::{Config, Durability, MinFree, OnFull};
pub use space::{Dropped, Retired};
pub use sync::SyncReport;
pub use writer::Appended;
