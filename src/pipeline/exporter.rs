//! What an exporter is asked, and the answers that the delivery loop understands.
//!
//! An exporter encodes frames and sends one request once. Waiting, repeating, bisecting, counting
//! and dead letters are the delivery's, the same for every store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::pool::Pool;
use super::slots::Pressure;
use crate::journal::{Counts, DropReason, Frame};
use crate::model::signal::{Encoding, WireFormat};

/// An item that a store refused for its content, with why.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The store's own words, shortened.
    pub reason: String,
    /// What `payload` is.
    pub format: WireFormat,
    /// How `payload` is compressed.
    pub encoding: Encoding,
    /// What the payload does not say itself: the default index of `/{index}/_bulk`.
    pub context: Bytes,
    /// The refused items, in a form that can be sent again.
    pub payload: Bytes,
    /// How many items `payload` holds.
    pub items: u32,
}

impl Letter {
    /// A frame that cannot be read for this store.
    #[must_use]
    pub fn whole(frame: &Frame, reason: String) -> Self {
        let Frame { format, encoding, items, .. } = *frame;
        let (context, payload) = (frame.context.clone(), frame.payload.clone());
        Self { reason, format, encoding, context, payload, items }
    }
}

/// Why an attempt is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryReason {
    /// No connection.
    Unreachable,
    /// The request may or may not have been taken: timeout, or the connection broke.
    NoAnswer,
    /// 429: the store is busy.
    Busy,
    /// 5xx.
    ServerError,
    /// 401, 403 or 404: somebody must mend credentials, address or index; nothing is dropped.
    Paused,
    /// Dead letters have no room.
    NoRoom,
}

/// What an attempt ran into, for those who look at more than one request.
impl RetryReason {
    /// What it says about the store's load.
    #[must_use]
    pub const fn pressure(self) -> Pressure {
        match self {
            Self::NoAnswer | Self::Busy | Self::ServerError => Pressure::Overload,
            Self::Unreachable | Self::Paused | Self::NoRoom => Pressure::Unknown,
        }
    }

    /// Whether the request itself may be the cause: a store that is busy or gone has not read it.
    #[must_use]
    pub const fn may_be_poison(self) -> bool {
        matches!(self, Self::NoAnswer | Self::ServerError)
    }
}

impl RetryReason {
    /// The reason in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
            Self::ServerError => "server_error",
            Self::Paused => "paused",
            Self::NoRoom => "no_room",
        }
    }
}

/// What became of one attempt.
#[derive(Debug)]
pub enum Answer<R> {
    /// The store took the whole request.
    Delivered,
    /// The store answered item by item: some are settled, `rest` is to be sent again.
    Partly {
        /// Items that are settled; dead letters are not among them yet.
        settled: Counts,
        /// Items that the store blames.
        letters: Vec<Letter>,
        /// What must be sent again, apart by why.
        rest: Vec<(R, RetryReason)>,
    },
    /// Nothing was taken, or nobody knows; try the same again.
    Retry {
        /// Why.
        reason: RetryReason,
        /// What the store asked for.
        after: Option<Duration>,
        /// The error, for the log.
        detail: String,
    },
    /// The request was too large, or the store blames something in it: halve it.
    Refused {
        /// The store's own words.
        detail: String,
    },
}

/// What to do with a single item that the store refuses.
#[derive(Debug)]
pub enum Verdict {
    /// The store has it already, from an attempt whose answer was lost.
    AlreadyDelivered {
        /// How many items that is.
        items: u64,
    },
    /// It can never be stored and is of no use later.
    Drop {
        /// What it is counted under.
        reason: DropReason,
        /// How many items that is.
        items: u64,
    },
    /// Kept as a dead letter.
    Bury(Letter),
}

/// A place in a batch of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Index of the frame.
    pub frame: usize,
    /// Items of that frame that come before.
    pub item: u32,
}

/// What an exporter made of a stretch of a batch.
#[derive(Debug)]
pub struct Encoded<R> {
    /// Requests to be sent, in order; together no larger than a few of the store's usual ones.
    pub requests: Vec<R>,
    /// What cannot be encoded.
    pub letters: Vec<Letter>,
    /// Where to go on once these are settled; none at the end of the batch.
    pub next: Option<Place>,
}

/// Turns frames into a store's requests and sends them, each once.
pub trait Exporter: Send + Sync + 'static {
    /// An encoded request; sending it again sends the same bytes.
    type Request: Send + Sync + 'static;

    /// Encodes `frames` from `from` on, in order, as far as one request reaches: encoded items may be
    /// many times as long as what was received, so a batch is never encoded whole.
    fn encode(&self, frames: &[Frame], from: Place) -> Encoded<Self::Request>;

    /// Items in `request`.
    fn items(&self, request: &Self::Request) -> u32;

    /// Bytes that `request` holds.
    fn bytes(&self, request: &Self::Request) -> usize;

    /// The store's endpoints.
    fn pool(&self) -> &Arc<Pool>;

    /// Whether the store takes a request that holds nothing.
    fn probe(&self) -> impl Future<Output = bool> + Send;

    /// Sends `request` once.
    fn send(&self, request: &Self::Request) -> impl Future<Output = Answer<Self::Request>> + Send;

    /// Halves a refused request in order, or judges the single item that is left.
    ///
    /// `detail` is the store's answer; `unanswered` tells that an earlier attempt had no answer.
    ///
    /// # Errors
    /// The verdict, when `request` holds one item only.
    fn split(&self, request: Self::Request, detail: &str, unanswered: bool) -> Result<[Self::Request; 2], Verdict>;
}
