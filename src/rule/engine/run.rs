//! What is due, in order of time: ticks of groups, fresh data, timers; then a little tidying.

use super::Engine;
use super::observe::seconds;
use super::partition::Due;
use super::settings::Cause;
use crate::model::alert::Alert;
use crate::model::time::Millis;

/// Series that one run looks at for trimming, beside a share of all.
const SWEEP_MIN: usize = 64;

/// A run looks at this fraction of all series at most.
const SWEEP_SHARE: usize = 256;

/// How often series that no rule reads are looked through.
const AGE_EVERY_MS: i64 = 5 * 60 * 1000;

/// What an evaluation needs beside the engine: the caller's stopwatch in nanoseconds, and where
/// changed alerts go.
pub(super) struct Turn<'a> {
    pub(super) stopwatch: &'a mut dyn FnMut() -> u64,
    pub(super) out: &'a mut Vec<Alert>,
}

impl Engine {
    /// Evaluates everything that is due by `now`. `stopwatch` answers nanoseconds since any moment:
    /// what an evaluation costs decides how soon it may be repeated. Every alert whose state changed
    /// goes to `out`: pending, firing or resolved; one that was only pending ends silently.
    pub fn run(&mut self, now: Millis, stopwatch: &mut dyn FnMut() -> u64, out: &mut Vec<Alert>) {
        out.append(&mut self.outbox);
        let mut turn = Turn { stopwatch, out };
        while let Some((at, due)) = self.queue.pop(now) {
            self.clock = self.clock.max(at);
            match due {
                Due::Tick(group) => self.tick(group, now, &mut turn),
                Due::Data { partition, .. } => self.data(partition, at, &mut turn),
                Due::Timer { rank, partition } => self.timer(partition, rank, at, &mut turn),
            }
        }
        self.clock = self.clock.max(now);
        self.sweep();
    }

    fn tick(&mut self, group: u32, now: Millis, turn: &mut Turn<'_>) {
        let run = &self.groups[group as usize];
        let (ticks, rules) = (run.ticks, run.rules.clone());
        let at = ticks.last(now).max(self.clock);
        if at > self.clock {
            self.stats.ticks_missed += (at - self.clock).unsigned_abs() / run.interval.unsigned_abs().max(1);
            self.clock = at;
        }
        let mut spent = 0;
        for rule in rules {
            let before = (turn.stopwatch)();
            let mut partitions: Vec<u32> = self.rules[rule as usize].partitions.values().copied().collect();
            partitions.sort_unstable();
            self.rules[rule as usize].last_error = None;
            // Whether duplicates on one side of a match are an error, all partitions decide together.
            let mut open = Vec::new();
            for partition in partitions {
                self.bring(partition, at, turn);
                if self.evaluate_unless_open(partition, at, Cause::Tick, turn, true) {
                    open.push(partition);
                }
            }
            for partition in open {
                self.evaluate(partition, at, Cause::Tick, turn);
            }
            let run = &mut self.rules[rule as usize];
            run.last_evaluation = Some(at);
            run.evaluation_nanos = (turn.stopwatch)().saturating_sub(before);
            spent += run.evaluation_nanos;
        }
        self.end_orphans(at);
        let run = &mut self.groups[group as usize];
        (run.last_evaluation, run.evaluation_nanos) = (Some(at), spent);
        self.queue.push(ticks.next(at), Due::Tick(group));
    }

    fn data(&mut self, partition: u32, at: Millis, turn: &mut Turn<'_>) {
        if self.partitions.get(partition).is_some_and(|known| known.data_due == Some(at)) {
            self.bring(partition, at, turn);
            self.evaluate(partition, self.clock, Cause::Data, turn);
        }
    }

    fn timer(&mut self, partition: u32, rank: u32, at: Millis, turn: &mut Turn<'_>) {
        let Some(known) = self.partitions.get_mut(partition).filter(|known| known.timer_queued == Some(at)) else {
            return;
        };
        known.timer_queued = None;
        match known.timer_due {
            Some(due) if due > at => {
                known.timer_queued = Some(due);
                self.queue.push(due, Due::Timer { rank, partition });
            }
            Some(_) => {
                let cause = if known.fresh_since.is_some() { Cause::Data } else { Cause::Timer };
                self.bring(partition, at, turn);
                self.evaluate(partition, self.clock, cause, turn);
            }
            None => {}
        }
    }

    /// Evaluates what a partition reads of other rules, so that it is as of `at` too.
    pub(super) fn bring(&mut self, partition: u32, at: Millis, turn: &mut Turn<'_>) {
        let Some(reader) = self.partitions.get(partition) else { return };
        let definition = &self.rules[reader.rule as usize].definition;
        if !definition.reads_rules || !definition.between_ticks {
            return;
        }
        let inputs = reader.inputs.iter().flatten();
        let mut sources: Vec<u32> = inputs.filter_map(|id| self.store.get(*id)?.producer).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.retain(|source| {
            self.partitions.get(*source).is_some_and(|source| {
                source.evaluated_at.is_none_or(|last| last < at)
                    && !definition.behind.contains(&source.rule)
                    && self.rules[source.rule as usize].definition.between_ticks
            })
        });
        for source in sources {
            self.bring(source, at, turn);
            self.evaluate(source, at, Cause::Reader, turn);
        }
    }

    /// Sets when the passing of time alone may change a partition's result.
    pub(super) fn set_timer(&mut self, partition: u32, due: Option<Millis>) {
        let Some(known) = self.partitions.get_mut(partition) else { return };
        let rank = self.rules[known.rule as usize].definition.rank;
        let due = due.map(|due| due.max(known.not_before));
        known.timer_due = due;
        if let Some(due) = due
            && known.timer_queued.is_none_or(|queued| due < queued)
        {
            known.timer_queued = Some(due);
            self.queue.push(due, Due::Timer { rank, partition });
        }
    }

    /// Looks at some series: trims them, and forgets those that have nothing left.
    fn sweep(&mut self) {
        let all = self.store.series.len();
        let share = (all / SWEEP_SHARE).max(SWEEP_MIN).min(all);
        for _ in 0..share {
            let id = self.sweep.0;
            self.sweep.0 = if (id as usize) + 1 < all { id + 1 } else { 0 };
            if self.store.trim(id, self.clock) {
                self.forget(id);
            }
        }
        if self.clock >= self.sweep.1 {
            self.sweep.1 = self.clock + AGE_EVERY_MS;
            self.store.age(seconds(self.clock));
        }
    }

    fn forget(&mut self, id: u32) {
        let Some(series) = self.store.remove(id) else { return };
        for slot in series.slots {
            let Some(partition) = self.partitions.get_mut(slot.partition) else { continue };
            let inputs = &mut partition.inputs[slot.selector as usize];
            if let Some(at) = inputs.iter().position(|input| *input == id) {
                inputs.swap_remove(at);
            }
            let always = self.rules[partition.rule as usize].definition.rule.expr.always_yields();
            if partition.is_idle() && !(always && partition.key.is_empty()) {
                self.note_many(slot.partition, 0);
                if let Some(gone) = self.partitions.remove(slot.partition) {
                    self.rules[gone.rule as usize].partitions.remove(&gone.key);
                }
            }
        }
    }
}
