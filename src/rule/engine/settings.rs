//! What the engine is told, and what it counts.

use crate::limits;
use crate::model::time::Millis;
use crate::rule::file::Evaluate;
use crate::rule::template::Surroundings;

/// How the engine works; `rules:` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Time between ticks of groups that do not say it themselves, in milliseconds.
    pub evaluation_interval: Millis,
    /// Time from the first fresh sample to the evaluation of what depends on several series, in milliseconds.
    pub settle: Millis,
    /// Bytes of all windows.
    pub window_bytes_max: u64,
    /// Series that are remembered.
    pub series_max: u64,
    /// When groups that do not say it themselves are evaluated.
    pub evaluate: Evaluate,
    /// What is kept of the series that rules make, until it is taken.
    pub outputs: Outputs,
    /// External labels and URL.
    pub surroundings: Surroundings,
}

/// What is kept of the samples that rules make at ticks, for [`Engine::take_made`](super::Engine::take_made).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// Nothing.
    None,
    /// What some rule reads, and what is forwarded.
    Wanted,
    /// Everything, `ALERTS` included.
    All,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            evaluation_interval: 15_000,
            settle: 1_000,
            window_bytes_max: 256 << 20,
            series_max: limits::SERIES_MAX,
            evaluate: Evaluate::OnData,
            outputs: Outputs::None,
            surroundings: Surroundings::default(),
        }
    }
}

/// Evaluations by their cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evaluations {
    /// At a tick of the group.
    pub tick: u64,
    /// For fresh data.
    pub data: u64,
    /// Because time passed: the end of a `for`, a sample that left its window.
    pub timer: u64,
    /// Because a rule that reads the result was evaluated.
    pub reader: u64,
}

impl Evaluations {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.tick + self.data + self.timer + self.reader
    }

    pub(super) fn count(&mut self, cause: Cause) {
        let counter = match cause {
            Cause::Tick => &mut self.tick,
            Cause::Data => &mut self.data,
            Cause::Timer => &mut self.timer,
            Cause::Reader => &mut self.reader,
        };
        *counter += 1;
    }
}

/// Why a partition is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Tick,
    Data,
    Timer,
    Reader,
}

/// Counters since the start, and what is kept now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Samples observed.
    pub samples: u64,
    /// Samples that some rule reads and that were kept.
    pub samples_kept: u64,
    /// Samples dropped because their timestamp has a sample of another value.
    pub dropped_duplicate: u64,
    /// Samples dropped because they are more than 5 minutes older than their series' newest.
    pub dropped_too_old: u64,
    /// Samples whose series is not remembered because there are too many.
    pub dropped_series_max: u64,
    /// Old samples given up because windows used all bytes they may.
    pub dropped_window_bytes: u64,
    /// Evaluations of partitions.
    pub evaluations: Evaluations,
    /// Evaluations that ended in an error.
    pub evaluation_failures: u64,
    /// Ticks that were skipped because the gateway did not run.
    pub ticks_missed: u64,
    /// Series known now.
    pub series: usize,
    /// Of them those that some rule reads.
    pub series_read: usize,
    /// Partitions now.
    pub partitions: usize,
    /// Bytes of windows now.
    pub window_bytes: usize,
}
