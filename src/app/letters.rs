//! Dead letters as people see them: listed, inspected, sent through their exporter again, deleted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::janitor::{Janitor, Watched};
use crate::api::dead_letters::{Ask, AskError};
use crate::codec::{compression, remote_write};
use crate::journal::{Counts, Frame};
use crate::limits::{Limits, REQUEST_BYTES_MAX};
use crate::model::sample::StagedSamples;
use crate::model::signal::WireFormat;
use crate::model::time::{Millis, wall_clock};
use crate::pipeline::letter::{self, Filter, Kept, LetterId, Letters, Next};
use crate::telemetry::{ExporterLabels, Telemetry};

/// Letters sent or deleted together.
const ROUND_LETTERS_MAX: usize = 1000;
/// Bytes of letters sent together.
const ROUND_BYTES_MAX: usize = 8 << 20;
/// Bytes of a payload that are shown.
const SHOWN_BYTES_MAX: usize = 1 << 20;
/// Time that one call to replay takes at most; what is not sent by then stays.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(30);

/// The dead letters of a running gateway; cloning is cheap.
#[derive(Clone)]
pub(super) struct DeadLetters {
    letters: Letters,
    workers: Arc<[Watched]>,
    telemetry: Telemetry,
    /// One replay at a time, so that none is sent twice.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl DeadLetters {
    pub(super) fn new(janitor: &Janitor) -> Self {
        let (letters, workers, telemetry) =
            (janitor.letters.clone(), Arc::clone(&janitor.workers), janitor.telemetry.clone());
        Self { letters, workers, telemetry, turn: Arc::default() }
    }

    /// Answers `ask`.
    pub(super) async fn answer(&self, ask: Ask) -> Result<Value, AskError> {
        if let Ask::Replay(filter) = ask {
            return self.replay(filter).await;
        }
        let letters = self.letters.clone();
        let read = tokio::task::spawn_blocking(move || match ask {
            Ask::Purge(filter) => purge(&letters, &filter),
            ask => look(ask, |filter, visit| letters.each(filter, visit).map_err(failed)),
        });
        read.await.map_err(failed)?
    }

    async fn replay(&self, filter: Filter) -> Result<Value, AskError> {
        let _turn = self.turn.lock().await;
        let (started, until) = (wall_clock(), tokio::time::Instant::now() + REPLAY_TIMEOUT);
        let (mut replayed, mut settled, mut timed_out) = (0, Counts::default(), false);
        let mut not_configured;
        'rounds: loop {
            let (round, skipped) = self.round(&filter, started).await?;
            not_configured = skipped;
            if round.is_empty() {
                break;
            }
            for (worker, letters) in round {
                let watched = &self.workers[worker];
                let frames: Vec<Frame> = letters.iter().map(|letter| letter.frame.clone()).collect();
                let count = letters.len();
                let Ok(sent) = tokio::time::timeout_at(until, (watched.watch.replay)(frames)).await else {
                    timed_out = true;
                    break 'rounds;
                };
                let counts = sent.ok_or_else(|| failed("a letter ended its delivery abnormally; it stays"))?;
                let all = self.letters.clone();
                let settle = tokio::task::spawn_blocking(move || all.settle(&letters));
                settle.await.map_err(failed)?.map_err(failed)?;
                replayed += count;
                settled += counts;
                let labels = ExporterLabels { exporter: watched.exporter.clone(), signal: watched.signal.name() };
                self.telemetry.dead_letter_replayed_items.get_or_create(&labels).inc_by(counts.total());
            }
        }
        Ok(json!({
            "replayed": replayed,
            "delivered_items": settled.delivered,
            "dead_lettered_items": settled.dead_lettered,
            "dropped_items": settled.dropped.iter().sum::<u64>(),
            "not_configured": not_configured,
            "timed_out": timed_out,
        }))
    }

    /// Some of the letters that were there at `started`, by the worker they belong to, and how many
    /// have none.
    async fn round(&self, filter: &Filter, started: Millis) -> Result<(BTreeMap<usize, Vec<Kept>>, u64), AskError> {
        let (letters, workers, filter) = (self.letters.clone(), Arc::clone(&self.workers), filter.clone());
        let read = tokio::task::spawn_blocking(move || {
            let (mut round, mut skipped, mut count, mut bytes) = (BTreeMap::<_, Vec<_>>::new(), 0, 0, 0);
            let read = letters.each(&filter, &mut |letter: Kept| {
                // those that come back are not sent for ever
                if letter.frame.received_at > started {
                    return Next::Continue(());
                }
                let mine = |worker: &Watched| worker.exporter == letter.exporter && worker.signal == letter.signal;
                let Some(worker) = workers.iter().position(mine) else {
                    skipped += 1;
                    return Next::Continue(());
                };
                count += 1;
                bytes += letter.frame.payload.len();
                round.entry(worker).or_default().push(letter);
                if count < ROUND_LETTERS_MAX && bytes < ROUND_BYTES_MAX { Next::Continue(()) } else { Next::Break(()) }
            });
            read.map(|()| (round, skipped)).map_err(failed)
        });
        read.await.map_err(failed)?
    }
}

/// Answers `ask` from the files in `data_dir` while no gateway runs there.
///
/// # Errors
/// When the files cannot be read, or for a replay.
pub fn offline(data_dir: &Path, bytes_max: u64, ask: Ask) -> Result<Value, AskError> {
    let folder = data_dir.join("dead_letters");
    match ask {
        Ask::Replay(_) => Err(failed("the gateway does not run: start it, its exporters send dead letters again")),
        Ask::Purge(filter) => {
            let opened = Letters::open(&folder, bytes_max, &mut || fastrand::u64(..), wall_clock());
            purge(&opened.map_err(failed)?, &filter)
        }
        ask => look(ask, |filter, visit| letter::each_in(&folder, filter, visit).map_err(failed)),
    }
}

fn purge(letters: &Letters, filter: &Filter) -> Result<Value, AskError> {
    let (mut count, mut items) = (0, 0);
    loop {
        let mut round = Vec::new();
        let read = letters.each(filter, &mut |letter| {
            round.push(letter);
            if round.len() < ROUND_LETTERS_MAX { Next::Continue(()) } else { Next::Break(()) }
        });
        read.map_err(failed)?;
        if round.is_empty() {
            letters.retire(wall_clock());
            return Ok(json!({ "purged": count, "items": items }));
        }
        letters.settle(&round).map_err(failed)?;
        count += round.len();
        items += round.iter().map(|letter| u64::from(letter.frame.items)).sum::<u64>();
    }
}

type Visit<'a> = &'a mut dyn FnMut(Kept) -> Next;

/// Lists letters or shows one.
fn look(ask: Ask, each: impl Fn(&Filter, Visit<'_>) -> Result<(), AskError>) -> Result<Value, AskError> {
    let (filter, limit, after, whole) = match ask {
        Ask::List { filter, limit, after } => (filter, limit, after, None),
        Ask::Show(id) => (Filter { ids: vec![id], ..Filter::default() }, 1, None, Some(id)),
        Ask::Replay(_) | Ask::Purge(_) => return Err(failed("nothing to look at")),
    };
    let (mut found, mut next, mut skip) = (Vec::new(), None::<LetterId>, after);
    each(&filter, &mut |letter| {
        if let Some(after) = skip {
            skip = (after != letter.id).then_some(after);
            return Next::Continue(());
        }
        if found.len() == limit {
            return Next::Break(());
        }
        next = Some(letter.id);
        found.push(if whole.is_some() { shown(&letter) } else { line(&letter) });
        Next::Continue(())
    })?;
    match whole {
        Some(id) => found.pop().ok_or(AskError::NotFound(id)),
        None => {
            let more = (found.len() == limit).then_some(next).flatten();
            Ok(json!({ "letters": found, "next": more.map(|id| id.to_string()) }))
        }
    }
}

fn line(letter: &Kept) -> Value {
    let Kept { id, exporter, signal, reason, frame } = letter;
    let at = jiff::Timestamp::from_millisecond(frame.received_at).map(|at| at.to_string()).unwrap_or_default();
    json!({
        "id": id.to_string(),
        "at": at,
        "exporter": exporter,
        "signal": signal.name(),
        "reason": reason,
        "format": frame.format.name(),
        "items": frame.items,
        "bytes": frame.payload.len(),
    })
}

/// With its payload: series for samples, text where it is text, Base64 otherwise.
fn shown(letter: &Kept) -> Value {
    let mut value = line(letter);
    let frame = &letter.frame;
    let max = usize::try_from(REQUEST_BYTES_MAX).unwrap_or(usize::MAX);
    let plain = compression::decompress(frame.encoding, &frame.payload, max);
    let plain = plain.unwrap_or_else(|_| frame.payload.clone());
    if frame.format == WireFormat::RemoteWriteV1 {
        value["samples"] = samples(&plain).into();
    }
    let cut = plain.slice(..plain.len().min(SHOWN_BYTES_MAX));
    match std::str::from_utf8(&cut) {
        Ok(text) => value["payload"] = text.into(),
        Err(_) => value["payload_base64"] = STANDARD.encode(&cut).into(),
    }
    value
}

fn samples(body: &bytes::Bytes) -> Vec<String> {
    let mut staged = StagedSamples::default();
    if remote_write::walk(body.clone(), &Limits::default(), &mut staged).is_err() {
        return Vec::new();
    }
    let lines = staged.iter().flat_map(|(series, samples)| {
        let labels = remote_write::labels_at(&staged.body, series);
        samples
            .iter()
            .map(move |sample| format!("{labels} {} @{}", sample.value, sample.timestamp_ms))
            .collect::<Vec<_>>()
    });
    lines.take(ROUND_LETTERS_MAX).collect()
}

fn failed(why: impl ToString) -> AskError {
    AskError::Failed(why.to_string())
}
