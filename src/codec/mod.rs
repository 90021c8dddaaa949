//! Wire formats: each turns a request's bytes into borrowed records, and records into a store's bytes.
//!
//! Every format has the same two sides. `walk` reads a decompressed request once: it validates,
//! counts, enforces limits and stages what the rule engine wants, without an allocation per record;
//! what is invalid is cut out of the bytes ([`Walked::kept`]), never re-encoded. The other side
//! writes: frames of the store's own format are spliced, others encoded from borrowed records.
//!
//! Nothing here knows a socket, a status code or a clock: what a [`DecodeError`] is answered with
//! is the receiver's to say.
//!
//! Reading order: [`proto`], then one format: [`remote_write`] is the simplest.

pub mod any_value;
pub mod bulk;
pub mod compression;
pub mod cut;
pub mod elasticsearch;
pub mod json;
pub mod otlp_json;
pub mod otlp_logs;
pub mod otlp_traces;
pub mod proto;
pub mod remote_write;
mod scan;
pub mod zipkin;

use proto::ProtoError;

/// What one walk over a request found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Valid items: samples, spans, log records, documents.
    pub items: u32,
    /// Invalid items.
    pub rejected: u32,
    /// Which item was rejected first, and why.
    pub first_rejection: Option<String>,
    /// Smallest time of a valid item, in milliseconds since the epoch; 0 if no item has one.
    pub time_min_ms: i64,
    /// Largest time of a valid item, in milliseconds since the epoch; 0 if no item has one.
    pub time_max_ms: i64,
    /// The request without its invalid items; `None` if all are valid.
    pub kept: Option<Vec<u8>>,
}

/// A request in two requests, to find what a store refuses.
pub type Halves = (Vec<u8>, Vec<u8>);

/// Why a request cannot be taken at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct DecodeError {
    /// What class of mistake it is; it decides the answer's status.
    pub kind: DecodeErrorKind,
    /// What is wrong, with the record's index or field where that helps.
    pub what: String,
    /// Byte offset in the decompressed request.
    pub offset: usize,
}

/// The classes of [`DecodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The bytes are not what their type claims.
    Malformed,
    /// A count or length is over its limit.
    TooLarge,
    /// Values are nested deeper than the limit.
    TooDeep,
}

impl DecodeError {
    /// A [`DecodeErrorKind::Malformed`] error.
    pub fn malformed(what: impl Into<String>, offset: usize) -> Self {
        Self { kind: DecodeErrorKind::Malformed, what: what.into(), offset }
    }
}

impl From<ProtoError> for DecodeError {
    fn from(error: ProtoError) -> Self {
        Self::malformed(error.what.to_string(), error.offset)
    }
}

/// Smallest and largest time of the items seen so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeRange {
    min_ms: i64,
    max_ms: i64,
}

impl TimeRange {
    /// No item yet.
    pub(crate) const EMPTY: Self = Self { min_ms: i64::MAX, max_ms: i64::MIN };

    /// Takes in one item's time.
    #[inline]
    pub(crate) const fn add(&mut self, at_ms: i64) {
        if at_ms < self.min_ms {
            self.min_ms = at_ms;
        }
        if at_ms > self.max_ms {
            self.max_ms = at_ms;
        }
    }

    /// Smallest and largest, or zeros if there was no item.
    pub(crate) const fn bounds(self) -> (i64, i64) {
        if self.min_ms > self.max_ms { (0, 0) } else { (self.min_ms, self.max_ms) }
    }
}
