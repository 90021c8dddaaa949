//! The engine: samples go in as they arrive, alerts come out when they change.
//!
//! [`Engine::observe`] puts a request's samples into windows and marks the partitions that read
//! them; [`Engine::run`] evaluates what is due by `now`: groups at their ticks, and between ticks
//! the partitions with fresh data or whose result time alone changes. Nothing here reads a clock.
//!
//! Reading order: [`store`] (series and windows), [`partition`] (what is evaluated apart, and the
//! queue), `observe`, `run`, `evaluate`, `output` (recorded series and `ALERTS`), `load` (rules in
//! and out), `restore` (state over a restart), [`view`], `query` (what templates ask), `selection` (what
//! the query API reads).

mod evaluate;
mod load;
mod observe;
mod output;
mod partition;
mod query;
mod restore;
mod rules;
mod run;
mod selection;
mod settings;
mod step;
mod store;
#[cfg(test)]
mod tests;
mod view;

pub use restore::SavedAlert;
pub use selection::Selection;
pub use settings::{Evaluations, Outputs, Settings, Stats};
pub use step::Made;
pub use view::{GroupView, Health, RuleKind, RuleState, RuleView};

use std::sync::Arc;

use self::partition::{Partitions, Queue};
use self::rules::{GroupRun, RuleRun};
use self::store::Store;
use super::index::Index;
use crate::model::alert::Alert;
use crate::model::labels::Labels;
use crate::model::time::Millis;

/// The rule engine.
pub struct Engine {
    settings: Settings,
    groups: Vec<GroupRun>,
    rules: Vec<RuleRun>,
    index: Index,
    store: Store,
    partitions: Partitions,
    queue: Queue,
    /// No evaluation happens before it; it never goes back.
    clock: Millis,
    /// Changes made outside [`Engine::run`], told by the next one.
    outbox: Vec<Alert>,
    /// What rules made at ticks, where it is kept.
    made: Vec<Made>,
    /// Series of rules that are gone: when each ends, and whether it is forwarded.
    orphans: Vec<(Millis, Labels, bool)>,
    /// Whether some rule reads `ALERTS` or `ALERTS_FOR_STATE`.
    alerts_read: bool,
    /// The next series to be looked at for trimming, and when the unread ones age.
    sweep: (u32, Millis),
    stats: Stats,
}

impl Engine {
    /// An engine without rules.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            groups: Vec::new(),
            rules: Vec::new(),
            index: Index::default(),
            store: Store::default(),
            partitions: Partitions::default(),
            queue: Queue::default(),
            clock: 0,
            outbox: Vec::new(),
            made: Vec::new(),
            orphans: Vec::new(),
            alerts_read: false,
            sweep: (0, 0),
            stats: Stats::default(),
        }
    }

    /// When [`Engine::run`] has something to do next; now, if that lies in the past.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        if self.outbox.is_empty() { self.queue.next_due() } else { Some(self.clock) }
    }

    /// What happened so far, and how much is kept.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (series_read, series) = self.store.counts();
        Stats {
            series_read,
            series,
            partitions: self.partitions.len(),
            window_bytes: self.store.bytes(),
            ..self.stats.clone()
        }
    }

    /// The rule behind a number.
    fn rule(&self, rule: u32) -> Arc<rules::Definition> {
        Arc::clone(&self.rules[rule as usize].definition)
    }

    /// Moves the clock to `now` unless an evaluation that is due before it is still to come.
    fn advance(&mut self, now: Millis) {
        let until = self.queue.next_due().map_or(now, |due| due.min(now));
        self.clock = self.clock.max(until);
    }
}
