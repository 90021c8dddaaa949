//! Batches of one worker on their way, and what is done when a delivery ends abnormally.
//!
//! A batch whose delivery panics is read from the journal again and halved, until the frame that
//! does it is alone; that one becomes a dead letter.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::task::{Id, JoinSet};

use super::batch::Batch;
use super::delivery::Delivery;
use super::exporter::{Exporter, Letter};
use crate::journal::{Counts, DropReason, Frame, Journal, Position};

/// Times that a single frame may end its delivery abnormally.
const TRIES_MAX: u32 = 3;

/// A stretch of the journal with what it held when it was read.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Position,
    to: Position,
    /// All items, those missed included.
    items: u64,
    /// What the reader missed before its frames.
    missed: Counts,
    /// How often its delivery ended abnormally.
    tries: u32,
}

/// Frames to deliver.
struct Load {
    frames: Vec<Frame>,
    span: Span,
}

/// A batch whose every item is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Landed {
    pub(super) from: Position,
    pub(super) to: Position,
    /// Items of the stretch, as they were read.
    pub(super) items: u64,
    /// What became of them.
    pub(super) counts: Counts,
}

/// See the module.
pub(super) struct Flight<E> {
    delivery: Arc<Delivery<E>>,
    journal: Journal,
    tasks: JoinSet<Counts>,
    spans: HashMap<Id, Span>,
    /// To be sent before anything else, in order.
    again: VecDeque<Load>,
    /// Departures that an earlier process may have made already.
    unanswered: usize,
}

impl<E: Exporter> Flight<E> {
    pub(super) fn new(delivery: Arc<Delivery<E>>, journal: Journal, in_flight_max: usize) -> Self {
        let (tasks, spans, again) = (JoinSet::new(), HashMap::new(), VecDeque::new());
        Self { delivery, journal, tasks, spans, again, unanswered: in_flight_max }
    }

    /// Batches on their way that stand in the way of others.
    pub(super) fn len(&self) -> usize {
        self.tasks.len().saturating_sub(self.delivery.activity.parked())
    }

    /// Whether something is to be sent again.
    pub(super) fn has_again(&self) -> bool {
        !self.again.is_empty()
    }

    /// Sends what is to be sent again, next of it.
    pub(super) fn depart_again(&mut self) {
        if let Some(load) = self.again.pop_front() {
            self.spawn(load, true);
        }
    }

    /// Sends `frames`.
    pub(super) fn depart(&mut self, frames: Vec<Frame>) {
        let Some((from, to)) = Batch::span(&frames) else { return };
        let missed = frames.iter().fold(Counts::default(), |sum, frame| {
            sum + Counts::dropped(DropReason::Corrupt, frame.missed.corrupt)
                + Counts::dropped(DropReason::JournalFull, frame.missed.retired)
        });
        let items = missed.total() + items(&frames);
        // what an earlier process had on its way when it ended may be in the store already
        let unanswered = self.unanswered > 0;
        self.unanswered = self.unanswered.saturating_sub(1);
        self.spawn(Load { frames, span: Span { from, to, items, missed, tries: 0 } }, unanswered);
    }

    fn spawn(&mut self, load: Load, unanswered: bool) {
        let delivery = Arc::clone(&self.delivery);
        let Load { frames, span } = load;
        let poison = span.tries >= TRIES_MAX && frames.len() == 1;
        let task = self.tasks.spawn(async move {
            match frames.first() {
                Some(frame) if poison => {
                    let reason = "poison: it ends its delivery abnormally".to_owned();
                    delivery.bury(vec![Letter::whole(frame, reason)]).await
                }
                _ => delivery.deliver(frames, unanswered).await,
            }
        });
        self.spans.insert(task.id(), span);
    }

    /// The next batch that is settled; none when nothing is on its way.
    pub(super) async fn land(&mut self) -> Option<Landed> {
        loop {
            match self.tasks.join_next_with_id().await? {
                Ok((id, counts)) => {
                    let span = self.spans.remove(&id)?;
                    return Some(span.landed(counts));
                }
                Err(error) => {
                    let span = self.spans.remove(&error.id())?;
                    tracing::error!(exporter = self.delivery.name, %error, ?span, "a delivery ended abnormally");
                    if let Some(landed) = self.halve(span) {
                        return Some(landed);
                    }
                    self.depart_again();
                }
            }
        }
    }

    /// Reads the frames of `span` again and has them sent in two halves; or, if they are gone,
    /// answers that they are lost.
    fn halve(&mut self, mut span: Span) -> Option<Landed> {
        let mut first = self.read(span.from, span.to);
        span.tries += 1;
        let missing = span.items.saturating_sub(span.missed.total() + items(&first));
        span.missed += Counts::dropped(DropReason::Corrupt, missing);
        let second = if first.len() > 1 { first.split_off(first.len() / 2) } else { Vec::new() };
        let Some(split_at) = first.last().map(|frame| frame.next) else {
            return Some(span.landed(Counts::default()));
        };
        if second.is_empty() {
            self.again.push_front(Load { frames: first, span });
            return None;
        }
        let rest = items(&second);
        let later = Span { from: split_at, items: rest, missed: Counts::default(), tries: 0, ..span };
        let sooner = Span { to: split_at, items: span.items - rest, tries: 0, ..span };
        self.again.push_front(Load { frames: second, span: later });
        self.again.push_front(Load { frames: first, span: sooner });
        None
    }

    fn read(&self, from: Position, to: Position) -> Vec<Frame> {
        let mut reader = self.journal.reader(from);
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = reader.next() {
            if frame.next > to {
                break;
            }
            frames.push(frame);
        }
        frames
    }
}

impl Span {
    fn landed(self, settled: Counts) -> Landed {
        Landed { from: self.from, to: self.to, items: self.items, counts: settled + self.missed }
    }
}

fn items(frames: &[Frame]) -> u64 {
    frames.iter().map(|frame| u64::from(frame.items)).sum()
}
