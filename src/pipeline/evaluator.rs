//! The thread that owns the rule engine: samples in, changed alerts out.
//!
//! The engine is plain data; this is its rim. It sleeps until samples come or something is due,
//! and answers questions about alerts and rules between two runs.

use std::future::Future;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::memory::Reservation;
use super::recorder::Recorder;
use crate::codec::remote_write;
use crate::journal::Position;
use crate::model::alert::Alert;
use crate::model::labels::Labels;
use crate::model::sample::StagedSamples;
use crate::model::time::{Millis, wall_clock};
use crate::rule::engine::{Selection, Stats};
use crate::rule::promql::{Expr, Selector};
use crate::rule::{Engine, GroupView, RuleSet, SavedAlert};
use crate::telemetry::{OwnSample, Telemetry};

/// Requests that may wait for the engine; each holds its memory reservation while it waits.
const BATCHES_MAX: usize = 1024;
/// Batches taken in one turn before what is due is evaluated.
const BATCHES_A_TURN: usize = 64;
/// Questions that may wait.
const QUESTIONS_MAX: usize = 64;
/// The longest sleep, so that a wall clock that was set is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(5);

/// The label `job` of Watchgate's own metrics, as rules see them.
const OWN_JOB: &str = "watchgate";

/// Samples of one journalled request.
#[derive(Debug)]
pub struct Batch {
    /// The samples.
    pub staged: StagedSamples,
    /// When the request was received.
    pub received_at: Millis,
    /// The journal's position after the request.
    pub next: Position,
    /// The memory that `staged` holds; a replayed frame has none.
    pub reservation: Option<Reservation>,
}

/// Alert state, and the journal position that it stands for.
#[derive(Debug)]
pub struct Snapshot {
    /// Every alert that is not inactive.
    pub alerts: Vec<SavedAlert>,
    /// Everything before it in the metrics journal has been evaluated.
    pub position: Position,
}

type Answer<T> = oneshot::Sender<T>;

enum Question {
    Load(Box<RuleSet>, Answer<()>),
    Alerts(Answer<Vec<Alert>>),
    Groups(Answer<Vec<GroupView>>),
    Snapshot(Answer<Snapshot>),
    Select(Arc<Expr>, Range<Millis>, Answer<Option<Selection>>),
    Series(Vec<Selector>, Range<Millis>, Answer<Vec<Labels>>),
    Own(Vec<OwnSample>, Answer<Stats>),
}

/// The handle to the engine's thread; cloning is cheap.
#[derive(Clone)]
pub struct Evaluator {
    batches: mpsc::Sender<Batch>,
    questions: mpsc::Sender<Question>,
}

/// A place in the engine's queue.
pub struct Place<'a>(mpsc::Permit<'a, Batch>);

impl Place<'_> {
    /// Hands `batch` on.
    pub fn send(self, batch: Batch) {
        self.0.send(batch);
    }
}

impl Evaluator {
    /// Starts the thread with `engine`, which stands at `position`; changed alerts go to `changed`, what
    /// rules make to `recorder`. It ends when the last handle is dropped.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(
        engine: Engine,
        position: Position,
        changed: mpsc::Sender<Vec<Alert>>,
        recorder: Recorder,
        telemetry: Telemetry,
    ) -> io::Result<Self> {
        let (batches, batches_in) = mpsc::channel(BATCHES_MAX);
        let (questions, questions_in) = mpsc::channel(QUESTIONS_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let mut rim = Rim { engine, position, changed, recorder, telemetry, found: Vec::new() };
        std::thread::Builder::new()
            .name("evaluator".to_owned())
            .spawn(move || runtime.block_on(rim.live(batches_in, questions_in)))?;
        Ok(Self { batches, questions })
    }

    /// Waits for a place in the queue; none when the engine is gone.
    pub async fn reserve(&self) -> Option<Place<'_>> {
        self.batches.reserve().await.ok().map(Place)
    }

    /// Replaces the rules; state that they still describe is kept.
    pub async fn load(&self, rules: RuleSet) {
        self.ask(|answer| Question::Load(Box::new(rules), answer)).await.unwrap_or_default();
    }

    /// Every alert that is pending, firing or freshly resolved.
    pub async fn alerts(&self) -> Vec<Alert> {
        self.ask(Question::Alerts).await.unwrap_or_default()
    }

    /// The groups with their rules.
    pub async fn groups(&self) -> Vec<GroupView> {
        self.ask(Question::Groups).await.unwrap_or_default()
    }

    /// State to be saved; none when the engine is gone.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        self.ask(Question::Snapshot).await
    }

    /// What `expr` reads from the instant `range.start` to `range.end`, both included; none if that is
    /// too much, or the engine gone.
    pub async fn select(&self, expr: Arc<Expr>, range: Range<Millis>) -> Option<Selection> {
        self.ask(|answer| Question::Select(expr, range, answer)).await.flatten()
    }

    /// The series that rules read and any of `selectors` selects, with samples in `range`, both ends included.
    pub async fn series(&self, selectors: Vec<Selector>, range: Range<Millis>) -> Vec<Labels> {
        self.ask(|answer| Question::Series(selectors, range, answer)).await.unwrap_or_default()
    }

    /// Shows the rules Watchgate's own metrics; answers the engine's figures.
    pub async fn observe_own(&self, samples: Vec<OwnSample>) -> Option<Stats> {
        self.ask(|answer| Question::Own(samples, answer)).await
    }

    fn ask<T: Send>(&self, question: impl FnOnce(Answer<T>) -> Question) -> impl Future<Output = Option<T>> + Send {
        let (answer, answered) = oneshot::channel();
        let question = question(answer);
        let questions = self.questions.clone();
        async move {
            questions.send(question).await.ok()?;
            answered.await.ok()
        }
    }
}

/// Applies one request's samples.
pub fn observe(engine: &mut Engine, now: Millis, received_at: Millis, staged: &StagedSamples) {
    engine.observe(now, received_at, staged, &mut |series| remote_write::labels_at(&staged.body, series));
}

struct Rim {
    engine: Engine,
    position: Position,
    changed: mpsc::Sender<Vec<Alert>>,
    recorder: Recorder,
    telemetry: Telemetry,
    found: Vec<Alert>,
}

impl Rim {
    async fn live(&mut self, mut batches: mpsc::Receiver<Batch>, mut questions: mpsc::Receiver<Question>) {
        loop {
            let wait = self.wait();
            tokio::select! {
                biased;
                question = questions.recv() => match question {
                    Some(question) => self.answer(question),
                    None => break,
                },
                batch = batches.recv() => {
                    let Some(batch) = batch else { break };
                    self.take(batch);
                    for _ in 1..BATCHES_A_TURN {
                        let Ok(batch) = batches.try_recv() else { break };
                        self.take(batch);
                    }
                }
                () = tokio::time::sleep(wait) => {}
            }
            self.run().await;
        }
        self.run().await;
    }

    fn wait(&self) -> Duration {
        let due_in = self.engine.next_due().map_or(i64::MAX, |due| due.saturating_sub(wall_clock()));
        Duration::from_millis(u64::try_from(due_in).unwrap_or(0)).min(SLEEP_MAX)
    }

    fn take(&mut self, batch: Batch) {
        observe(&mut self.engine, wall_clock(), batch.received_at, &batch.staged);
        self.position = self.position.max(batch.next);
        drop(batch.reservation);
    }

    async fn run(&mut self) {
        let now = wall_clock();
        if self.engine.next_due().is_none_or(|due| due > now) {
            return;
        }
        let started = Instant::now();
        let mut stopwatch = || u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.engine.run(now, &mut stopwatch, &mut self.found);
        let made = self.engine.take_made();
        if !made.is_empty() {
            self.recorder.record(&made, now);
        }
        self.telemetry.rule_run_seconds.observe(started.elapsed().as_secs_f64());
        self.count();
        if !self.found.is_empty() && self.changed.send(std::mem::take(&mut self.found)).await.is_err() {
            tracing::debug!("nobody takes changed alerts any more");
        }
    }

    /// Brings own metrics to what the engine has counted.
    fn count(&self) {
        let (stats, telemetry) = (self.engine.stats(), &self.telemetry);
        telemetry.rule_evaluations.inner().store(stats.evaluations.total(), Ordering::Relaxed);
        telemetry.rule_evaluation_failures.inner().store(stats.evaluation_failures, Ordering::Relaxed);
        telemetry.rule_wanted_series.set(i64::try_from(stats.series_read).unwrap_or(i64::MAX));
        let refused =
            [stats.dropped_duplicate, stats.dropped_too_old, stats.dropped_series_max, stats.dropped_window_bytes];
        telemetry.rule_refused_samples.inner().store(refused.iter().sum(), Ordering::Relaxed);
    }

    fn answer(&mut self, question: Question) {
        // whoever asked may have gone; that is no error
        match question {
            Question::Load(rules, answer) => {
                self.engine.load(*rules, wall_clock());
                let _ = answer.send(());
            }
            Question::Alerts(answer) => drop(answer.send(self.engine.alerts())),
            Question::Select(expr, range, answer) => {
                drop(answer.send(self.engine.select(&expr, range.start, range.end)))
            }
            Question::Series(selectors, range, answer) => {
                drop(answer.send(self.engine.series(&selectors, range.start, range.end)));
            }
            Question::Own(samples, answer) => {
                let own = |(labels, value): OwnSample| {
                    let job = ("job".to_owned(), OWN_JOB.to_owned());
                    (Labels::from_pairs(labels.into_iter().chain([job])), value)
                };
                self.engine.observe_own(wall_clock(), samples.into_iter().map(own));
                drop(answer.send(self.engine.stats()));
            }
            Question::Groups(answer) => drop(answer.send(self.engine.groups())),
            Question::Snapshot(answer) => {
                drop(answer.send(Snapshot { alerts: self.engine.state(), position: self.position }));
            }
        }
    }
}
