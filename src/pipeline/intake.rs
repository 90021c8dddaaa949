//! From a walked request to an acknowledgement: append it, hand its samples on, in journal order.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::evaluator::{Batch, Evaluator};
use super::memory::{Memory, Reservation};
use crate::journal::{AppendError, Durability, FrameMeta, Journal, Position};
use crate::model::sample::StagedSamples;
use crate::model::signal::{Encoding, Origin, Signal, WireFormat};
use crate::model::time::Millis;

/// Longest time a request waits for the rule engine to take its samples.
const EVALUATOR_WAIT_MAX: Duration = Duration::from_secs(5);

/// Longest time a request waits for the disk under `durability: fsync`.
const DURABLE_WAIT_MAX: Duration = Duration::from_secs(10);

/// A request that a codec found valid.
#[derive(Debug)]
pub struct Walked {
    /// What the payload is.
    pub format: WireFormat,
    /// How the payload is compressed.
    pub encoding: Encoding,
    /// The body as received, or rewritten without its invalid items.
    pub payload: Bytes,
    /// Size of the decompressed payload.
    pub decompressed_len: u32,
    /// Items in it.
    pub items: u32,
    /// Smallest time of an item.
    pub time_min_ms: Millis,
    /// Largest time of an item.
    pub time_max_ms: Millis,
    /// What the body does not say: the default index of `/{index}/_bulk`.
    pub context: Bytes,
    /// When the request's head had been read.
    pub received_at: Millis,
    /// Samples for the rule engine.
    pub staged: Option<StagedSamples>,
    /// The memory that all this holds.
    pub reservation: Reservation,
}

/// Where a request is in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Random id of its segment.
    pub segment_id: u64,
    /// Its frame.
    pub position: Position,
}

/// Why a request was not accepted; nothing of it is stored, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The journal cannot take it now.
    #[error(transparent)]
    Journal(#[from] AppendError),
    /// It is in the journal, and the disk does not confirm that. A repetition may store it twice.
    #[error("the disk does not confirm writes (journal.durability is fsync)")]
    NotDurable,
    /// The rule engine is behind.
    #[error("rule evaluation is behind")]
    EvaluatorBusy,
    /// The gateway stops.
    #[error("the gateway is shutting down")]
    ShuttingDown,
}

/// One signal's journal with the news of its tail.
pub struct SignalLog {
    /// The journal.
    pub journal: Journal,
    tail: watch::Sender<Position>,
    wanted: watch::Sender<Position>,
    synced: watch::Sender<Position>,
}

impl SignalLog {
    /// Watches `journal`.
    #[must_use]
    pub fn new(journal: Journal) -> Self {
        let tail = journal.tail();
        Self {
            journal,
            tail: watch::Sender::new(tail),
            wanted: watch::Sender::new(tail),
            synced: watch::Sender::new(tail),
        }
    }

    /// Follows the tail: it changes once for each append.
    #[must_use]
    pub fn tail(&self) -> watch::Receiver<Position> {
        self.tail.subscribe()
    }

    /// Waits until everything before `position` is on the disk.
    async fn durable(&self, position: Position) {
        self.wanted.send_if_modified(|wanted| {
            position > *wanted && {
                *wanted = position;
                true
            }
        });
        // the sender lives in self: it cannot be gone
        let _ = self.synced.subscribe().wait_for(|synced| *synced >= position).await;
    }

    /// Syncs the journal each `interval`, and at once for requests that wait for the disk: one
    /// fsync serves all that came while the last one ran.
    pub async fn keep_synced(self: Arc<Self>, interval: Duration) {
        let mut wanted = self.wanted.subscribe();
        let mut reached = *self.synced.borrow();
        loop {
            let _ = tokio::time::timeout(interval, wanted.changed()).await;
            if self.journal.tail() == reached {
                continue;
            }
            let log = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || log.journal.sync()).await {
                Ok(Ok(position)) => {
                    reached = position;
                    self.synced.send_replace(position);
                }
                Ok(Err(error)) => tracing::error!(%error, "cannot sync the journal"),
                Err(error) => tracing::error!(%error, "the journal's sync ended abnormally"),
            }
        }
    }
}

/// The way into the gateway that every receiver shares; cloning is cheap.
#[derive(Clone)]
pub struct Intake {
    logs: Arc<[Arc<SignalLog>]>,
    evaluator: Evaluator,
    durability: Durability,
    /// The budget that request bodies are reserved from.
    pub memory: Memory,
}

impl Intake {
    /// `logs` in the order of [`Signal::ALL`].
    #[must_use]
    pub fn new(logs: Vec<Arc<SignalLog>>, evaluator: Evaluator, durability: Durability, memory: Memory) -> Self {
        Self { logs: logs.into(), evaluator, durability, memory }
    }

    /// The log of `signal`.
    #[must_use]
    pub fn log(&self, signal: Signal) -> &Arc<SignalLog> {
        &self.logs[signal as usize - 1]
    }

    /// Appends `request`; what it staged reaches the rule engine in journal order. Returns when the
    /// request is as durable as configured.
    ///
    /// # Errors
    /// A [`Refusal`]; then nothing was stored and nothing observed.
    pub async fn accept(&self, request: Walked) -> Result<Receipt, Refusal> {
        let log = self.log(request.format.signal());
        let meta = FrameMeta {
            format: request.format,
            encoding: request.encoding,
            origin: Origin::Received,
            tenant: 0,
            lane: 0,
            received_at: request.received_at,
            items: request.items,
            decompressed_len: request.decompressed_len,
            time_min_ms: request.time_min_ms,
            time_max_ms: request.time_max_ms,
            context: &request.context,
        };
        let appended = match request.staged {
            Some(staged) if !staged.samples.is_empty() => {
                let reserved = tokio::time::timeout(EVALUATOR_WAIT_MAX, self.evaluator.reserve()).await;
                let place = reserved.map_err(|_| Refusal::EvaluatorBusy)?.ok_or(Refusal::ShuttingDown)?;
                let batch = |next| Batch {
                    staged,
                    received_at: request.received_at,
                    next,
                    reservation: Some(request.reservation),
                };
                log.journal.append_then(&meta, &request.payload, request.received_at, |appended| {
                    place.send(batch(appended.next));
                    *appended
                })?
            }
            _ => log.journal.append(&meta, &request.payload, request.received_at)?,
        };
        log.tail.send_replace(appended.next);
        if self.durability == Durability::Fsync {
            let durable = tokio::time::timeout(DURABLE_WAIT_MAX, log.durable(appended.next)).await;
            durable.map_err(|_| Refusal::NotDurable)?;
        }
        Ok(Receipt { segment_id: appended.segment_id, position: appended.position })
    }
}
