//! One exporter's loop over one signal: read from the cursor, gather, deliver, acknowledge.
//!
//! Up to `in_flight_max` batches are on their way at once; the cursor moves only past contiguous
//! success. Towards Prometheus the bound is one, because order matters there.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, Bounds};
use super::delivery::Delivery;
use super::exporter::Exporter;
use super::intake::SignalLog;
use super::letter::Letters;
use crate::backoff::Backoff;
use crate::journal::{Counters, Counts, Cursor, Frame, Position, Reader};
use crate::model::signal::Signal;
use crate::telemetry::Telemetry;

/// Pause after the journal could not be read.
const READ_PAUSE: Duration = Duration::from_secs(1);
/// Time that batches on their way have once the gateway stops; what remains is in the journal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How one exporter works, from its configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name in the configuration.
    pub name: String,
    /// When a batch is complete.
    pub bounds: Bounds,
    /// Batches on their way at once.
    pub in_flight_max: usize,
    /// Waits between attempts.
    pub backoff: Backoff,
}

/// Where a worker stands, for the pipeline's view and for retention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Everything before it is settled.
    pub position: Position,
    /// What became of everything that is settled.
    pub counters: Counters,
    /// Items that were not settled when `tail_items` was read.
    pub pending: u64,
    /// Items that the journal had taken then.
    pub tail_items: u64,
    /// Bytes that its reader had to skip since the start.
    pub corrupt_bytes: u64,
}

impl Progress {
    /// Items not settled yet, now that the journal has taken `items`.
    #[must_use]
    pub fn pending(&self, items: u64) -> u64 {
        self.pending + items.saturating_sub(self.tail_items)
    }
}

/// A worker's progress as others see it.
pub type SharedProgress = Arc<Mutex<Progress>>;

/// One exporter at work on one signal.
pub struct Worker<E> {
    delivery: Arc<Delivery<E>>,
    settings: Settings,
    log: Arc<SignalLog>,
    cursor: Cursor,
    progress: SharedProgress,
}

impl<E: Exporter> Worker<E> {
    /// A worker that resumes at `cursor`.
    #[must_use]
    pub fn new(
        exporter: E,
        signal: Signal,
        settings: Settings,
        log: Arc<SignalLog>,
        cursor: Cursor,
        letters: Letters,
        telemetry: Telemetry,
    ) -> Self {
        let (name, backoff) = (settings.name.clone(), settings.backoff);
        let delivery =
            Arc::new(Delivery { name, signal, exporter, backoff, letters, telemetry, failing: AtomicBool::new(false) });
        let worker = Self { delivery, settings, log, cursor, progress: SharedProgress::default() };
        worker.publish();
        worker
    }

    /// Where it stands, from now on.
    #[must_use]
    pub fn progress(&self) -> SharedProgress {
        Arc::clone(&self.progress)
    }

    /// Works until `stop`, then gives batches on their way a moment to arrive.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut reader = self.log.journal.resume(&self.cursor);
        let mut tail = self.log.tail();
        let mut batch = Batch::default();
        let mut flight = Flight::default();
        while !stop.is_cancelled() {
            tail.mark_unchanged();
            // while the store fails, what need not be in memory stays in the journal
            let failing = self.delivery.failing.load(Ordering::Relaxed);
            let waits = failing && flight.len() > 0;
            let read = if waits { ReadState::AtTail } else { self.fill(&mut batch, &mut reader) };
            self.progress.lock().corrupt_bytes = reader.corrupt().bytes;
            let deadline = batch.deadline(&self.settings.bounds).map(tokio::time::Instant::from_std);
            let free = flight.len() < if failing { 1 } else { self.settings.in_flight_max };
            tokio::select! {
                () = stop.cancelled() => break,
                Some(landed) = flight.land() => self.acknowledge(landed),
                () = sleep_until(deadline), if free && deadline.is_some() => {
                    flight.depart(&self.delivery, batch.take(), self.settings.in_flight_max);
                }
                changed = news(&mut tail, read), if !batch.is_full(&self.settings.bounds) => {
                    if changed.is_err() { break }
                }
            }
        }
        let landing = async {
            while let Some(landed) = flight.land().await {
                self.acknowledge(landed);
            }
        };
        if tokio::time::timeout(DRAIN_TIMEOUT, landing).await.is_err() {
            tracing::info!(exporter = self.settings.name, "batches on their way stay in the journal");
        }
    }

    /// Reads frames until the batch is full or the journal's tail is reached.
    fn fill(&self, batch: &mut Batch, reader: &mut Reader) -> ReadState {
        let now = Instant::now();
        while !batch.is_full(&self.settings.bounds) {
            match reader.next() {
                // delivered before a restart, out of turn
                Ok(Some(frame)) if self.cursor.has_acknowledged(&frame) => {
                    if !batch.is_empty() {
                        batch.seal();
                    }
                }
                Ok(Some(frame)) => batch.push(frame, now),
                Ok(None) => return ReadState::AtTail,
                Err(error) => {
                    tracing::error!(exporter = self.settings.name, %error, "cannot read the journal");
                    return ReadState::Failed;
                }
            }
        }
        ReadState::AtTail
    }

    fn acknowledge(&mut self, landed: Landed) {
        self.cursor.acknowledge(landed.from, landed.to, landed.counts);
        if let Err(error) = self.cursor.save() {
            tracing::error!(exporter = self.settings.name, %error, "cannot save the cursor; a restart sends again");
        }
        self.publish();
    }

    fn publish(&self) {
        let items = self.log.journal.items();
        let mut progress = self.progress.lock();
        *progress = Progress {
            position: self.cursor.position(),
            counters: *self.cursor.counters(),
            pending: self.cursor.pending(),
            tail_items: items,
            corrupt_bytes: progress.corrupt_bytes,
        };
    }
}

/// What stopped reading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadState {
    AtTail,
    Failed,
}

/// Waits until there may be more to read.
async fn news(tail: &mut watch::Receiver<Position>, read: ReadState) -> Result<(), watch::error::RecvError> {
    match read {
        ReadState::AtTail => tail.changed().await,
        ReadState::Failed => {
            tokio::time::sleep(READ_PAUSE).await;
            Ok(())
        }
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Batches on their way.
#[derive(Default)]
struct Flight {
    tasks: JoinSet<Counts>,
    spans: HashMap<Id, (Position, Position)>,
    departed: usize,
}

/// A batch whose every item is settled.
struct Landed {
    from: Position,
    to: Position,
    counts: Counts,
}

impl Flight {
    fn len(&self) -> usize {
        self.tasks.len()
    }

    fn depart<E: Exporter>(&mut self, delivery: &Arc<Delivery<E>>, frames: Vec<Frame>, in_flight_max: usize) {
        let Some(span) = Batch::span(&frames) else { return };
        let delivery = Arc::clone(delivery);
        // what an earlier process had on its way when it ended may be in the store already
        let unanswered = self.departed < in_flight_max;
        self.departed += 1;
        let task = self.tasks.spawn(async move { delivery.deliver(frames, unanswered).await });
        self.spans.insert(task.id(), span);
    }

    /// The next batch that is settled; none when nothing is on its way.
    async fn land(&mut self) -> Option<Landed> {
        loop {
            match self.tasks.join_next_with_id().await? {
                Ok((id, counts)) => {
                    let (from, to) = self.spans.remove(&id)?;
                    return Some(Landed { from, to, counts });
                }
                // never acknowledged, so nothing is lost: the next start reads these frames again
                Err(error) => {
                    let span = self.spans.remove(&error.id());
                    tracing::error!(%error, ?span, "a delivery ended abnormally; its frames stay in the journal");
                }
            }
        }
    }
}
