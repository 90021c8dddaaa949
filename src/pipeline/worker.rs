//! One exporter's loop over one signal: read from the cursor, gather, deliver, acknowledge.
//!
//! Up to `in_flight_max` batches are on their way at once; the cursor moves only past contiguous
//! success. Towards Prometheus the bound is one, because order matters there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::batch::{Batch, Bounds};
use super::delivery::{Delivery, Poison};
use super::exporter::Exporter;
use super::flight::{Flight, Landed};
use super::intake::SignalLog;
use super::letter::Letters;
use super::pool::Pool;
use crate::backoff::Backoff;
use crate::journal::{Counters, Counts, Cursor, DropReason, Frame, Position, Reader};
use crate::model::signal::Signal;
use crate::telemetry::{ExporterLabels, Telemetry};

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
    /// Most batches on their way at once.
    pub in_flight_max: usize,
    /// Waits between attempts.
    pub backoff: Backoff,
    /// When a failing request is suspected to be itself to blame.
    pub poison: Poison,
}

/// What can be looked at from outside while a worker works; cloning is cheap.
#[derive(Clone)]
pub struct Watch {
    /// Where it stands.
    pub progress: SharedProgress,
    /// What it is at.
    pub activity: Arc<Activity>,
    /// Its store's endpoints.
    pub pool: Arc<Pool>,
    /// Sends dead letters again.
    pub replay: Replay,
}

/// Delivers frames that are not the journal's next; none when that ends abnormally.
pub type Replay = Arc<dyn Fn(Vec<Frame>) -> Pin<Box<dyn Future<Output = Option<Counts>> + Send>> + Send + Sync>;

/// Where a worker stands, for the pipeline's view and for retention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Everything before it is settled.
    pub position: Position,
    /// What became of everything that is settled.
    pub counters: Counters,
    /// Items of the journal before the cursor began.
    pub start_ordinal: u64,
    /// Items of the journal before the place that is read next.
    pub read_ordinal: u64,
    /// Items that were read and are not settled.
    pub in_hand: u64,
    /// Items beyond that place that an earlier run has settled.
    pub ahead: u64,
    /// Bytes of the journal that could not be read so far.
    pub corrupt_bytes: u64,
}

impl Progress {
    /// Items that the journal took since the cursor began, now that it has taken `items`: from
    /// ordinals alone, so that the sum of what became of them can be held against it.
    #[must_use]
    pub fn accepted(&self, items: u64) -> u64 {
        items.wrapping_sub(self.start_ordinal)
    }

    /// Items not settled yet, now that the journal has taken `items`: those in hand and those unread.
    #[must_use]
    pub fn pending(&self, items: u64) -> u64 {
        (self.in_hand + items.saturating_sub(self.read_ordinal)).saturating_sub(self.ahead)
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
    read_ordinal: u64,
    in_hand: u64,
    ahead: u64,
    corrupt_bytes: u64,
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
        let Settings { name, backoff, poison, .. } = settings.clone();
        let activity = Activity::new(settings.in_flight_max);
        let delivery = Delivery {
            name,
            signal,
            exporter,
            backoff,
            poison,
            letters,
            telemetry,
            activity,
            failing: AtomicBool::new(false),
        };
        let (read_ordinal, ahead) = (cursor.ordinal(), cursor.ahead());
        let (delivery, progress) = (Arc::new(delivery), SharedProgress::default());
        let worker =
            Self { delivery, settings, log, cursor, progress, read_ordinal, in_hand: 0, ahead, corrupt_bytes: 0 };
        worker.delivery.count_nothing();
        worker.publish();
        worker
    }

    /// What can be looked at from outside, from now on.
    #[must_use]
    pub fn watch(&self) -> Watch {
        let (activity, pool) = (Arc::clone(&self.delivery.activity), Arc::clone(self.delivery.exporter.pool()));
        let delivery = Arc::clone(&self.delivery);
        let replay: Replay = Arc::new(move |frames| {
            let delivery = Arc::clone(&delivery);
            let mut task = JoinSet::new();
            task.spawn(async move { delivery.deliver(frames, false).await });
            Box::pin(async move { task.join_next().await.and_then(Result::ok) })
        });
        Watch { progress: Arc::clone(&self.progress), activity, pool, replay }
    }

    /// Works until `stop`, then gives batches on their way a moment to arrive.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut reader = self.log.journal.resume(&self.cursor);
        let mut tail = self.log.tail();
        let mut batch = Batch::default();
        let (delivery, journal) = (Arc::clone(&self.delivery), self.log.journal.clone());
        let activity = Arc::clone(&delivery.activity);
        let mut flight = Flight::new(delivery, journal, self.settings.in_flight_max);
        while !stop.is_cancelled() {
            tail.mark_unchanged();
            // while the store fails, what need not be in memory stays in the journal
            let failing = self.delivery.failing.load(Ordering::Relaxed);
            let waits = failing && flight.len() > 0;
            let read = if waits { ReadState::AtTail } else { self.fill(&mut batch, &mut reader) };
            let free = flight.len() < if failing { 1 } else { activity.slots.allowed() };
            if free && flight.has_again() {
                flight.depart_again();
                continue;
            }
            let deadline = batch.deadline(&self.settings.bounds).map(tokio::time::Instant::from_std);
            tokio::select! {
                () = stop.cancelled() => break,
                Some(landed) = flight.land() => self.acknowledge(landed),
                () = sleep_until(deadline), if free && deadline.is_some() => flight.depart(batch.take()),
                () = activity.parking().notified(), if !free => {}
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
    fn fill(&mut self, batch: &mut Batch, reader: &mut Reader) -> ReadState {
        let now = Instant::now();
        let mut state = ReadState::AtTail;
        let before = self.read_ordinal;
        while !batch.is_full(&self.settings.bounds) {
            match reader.next() {
                Ok(Some(frame)) => {
                    let items = u64::from(frame.items) + frame.missed.corrupt + frame.missed.retired;
                    self.read_ordinal += items;
                    // delivered before a restart, out of turn
                    if self.cursor.has_acknowledged(&frame) {
                        self.ahead = self.ahead.saturating_sub(items);
                        if !batch.is_empty() {
                            batch.seal();
                        }
                        continue;
                    }
                    self.in_hand += items;
                    batch.push(frame, now);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(exporter = self.settings.name, %error, "cannot read the journal");
                    state = ReadState::Failed;
                    break;
                }
            }
        }
        self.corrupt_bytes = reader.corrupt().bytes;
        if self.read_ordinal != before {
            self.publish();
        }
        state
    }

    fn acknowledge(&mut self, landed: Landed) {
        let counts = self.checked(&landed);
        self.delivery.count(&counts);
        self.in_hand = self.in_hand.saturating_sub(landed.items);
        self.cursor.acknowledge(landed.from, landed.to, counts);
        if let Err(error) = self.cursor.save() {
            tracing::error!(exporter = self.settings.name, %error, "cannot save the cursor; a restart sends again");
        }
        self.publish();
    }

    /// The counts of `landed`; the cursor's ordinal goes by them, so that they must be those of its
    /// frames. Where an exporter made fewer or more items of a frame, that is counted and levelled.
    fn checked(&self, landed: &Landed) -> Counts {
        let (mut counts, items) = (landed.counts, landed.items);
        let total = counts.total();
        if total != items {
            let (exporter, signal) = (self.settings.name.clone(), self.delivery.signal.name());
            tracing::error!(
                exporter,
                signal,
                items,
                settled = total,
                "a batch was settled with another number of items"
            );
            let labels = ExporterLabels { exporter, signal };
            self.delivery.telemetry.exporter_miscounted_items.get_or_create(&labels).inc_by(total.abs_diff(items));
            counts += Counts::dropped(DropReason::Unsupported, items.saturating_sub(total));
            counts.delivered = counts.delivered.saturating_sub(total.saturating_sub(items));
        }
        counts
    }

    fn publish(&self) {
        *self.progress.lock() = Progress {
            position: self.cursor.position(),
            counters: *self.cursor.counters(),
            start_ordinal: self.cursor.start_ordinal(),
            read_ordinal: self.read_ordinal,
            in_hand: self.in_hand,
            ahead: self.ahead,
            corrupt_bytes: self.corrupt_bytes,
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
