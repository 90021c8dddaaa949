//! Partitions: the parts of a rule that can be evaluated apart, and when each is due.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use crate::model::labels::Labels;
use crate::model::time::Millis;
use crate::rule::alerting::Alerts;

/// One rule's part for one value of its key.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) rule: u32,
    pub(super) key: Labels,
    /// For each selector of the rule the series that it selects.
    pub(super) inputs: Vec<Vec<u32>>,
    /// When fresh data is evaluated.
    pub(super) data_due: Option<Millis>,
    /// When the passing of time alone may change the result.
    pub(super) timer_due: Option<Millis>,
    /// The timer's event in the queue, never later than `timer_due`: at most one.
    pub(super) timer_queued: Option<Millis>,
    /// Since when there is data that no evaluation has seen.
    pub(super) fresh_since: Option<Millis>,
    /// When the latest request with fresh data was received.
    pub(super) received_at: Option<Millis>,
    /// Pacing: no evaluation between ticks before it.
    pub(super) not_before: Millis,
    pub(super) evaluated_at: Option<Millis>,
    pub(super) alerts: Alerts,
    /// Series that the rule made of this partition and that have not ended.
    pub(super) outputs: BTreeSet<Labels>,
    /// Matches of the expression whose `many` side has an element here, by number.
    pub(super) many: u64,
    /// The last evaluation had no result.
    pub(super) failed: bool,
}

impl Partition {
    pub(super) fn new(rule: u32, key: Labels, selectors: usize) -> Self {
        Self {
            rule,
            key,
            inputs: vec![Vec::new(); selectors],
            data_due: None,
            timer_due: None,
            timer_queued: None,
            fresh_since: None,
            received_at: None,
            not_before: Millis::MIN,
            evaluated_at: None,
            alerts: Alerts::default(),
            outputs: BTreeSet::new(),
            many: 0,
            failed: false,
        }
    }

    /// Whether nothing is left that could make it yield or that must be remembered.
    pub(super) fn is_idle(&self) -> bool {
        self.inputs.iter().all(Vec::is_empty) && self.alerts.is_empty() && self.outputs.is_empty()
    }
}

/// Partitions by number; numbers are reused.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    all: Vec<Option<Partition>>,
    free: Vec<u32>,
}

impl Partitions {
    pub(super) fn add(&mut self, partition: Partition) -> u32 {
        if let Some(id) = self.free.pop() {
            self.all[id as usize] = Some(partition);
            return id;
        }
        self.all.push(Some(partition));
        u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, id: u32) -> Option<&Partition> {
        self.all.get(id as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Partition> {
        self.all.get_mut(id as usize)?.as_mut()
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Partition> {
        let partition = self.all.get_mut(id as usize)?.take()?;
        self.free.push(id);
        Some(partition)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len() - self.free.len()
    }
}

/// What comes due. At one instant ticks go first, then partitions, those that others read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A group's tick.
    Tick(u32),
    /// A partition's fresh data.
    Data { rank: u32, partition: u32 },
    /// A partition's timer.
    Timer { rank: u32, partition: u32 },
}

/// Everything that comes due, earliest first.
#[derive(Debug, Default)]
pub(super) struct Queue(BinaryHeap<Reverse<(Millis, Due)>>);

impl Queue {
    pub(super) fn push(&mut self, at: Millis, due: Due) {
        self.0.push(Reverse((at, due)));
    }

    pub(super) fn next_due(&self) -> Option<Millis> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn pop(&mut self, now: Millis) -> Option<(Millis, Due)> {
        if self.next_due()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(event)| event)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
