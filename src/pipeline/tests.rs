//! Workers over a real journal, towards a store that fails as told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::batch::Bounds;
use super::breaker::Outcome;
use super::delivery::Poison;
use super::exporter::{Answer, Encoded, Exporter, Letter, Place, RetryReason, Verdict};
use super::intake::SignalLog;
use super::letter::Letters;
use super::pool::{Balance, Pool};
use super::worker::{Settings, Watch, Worker};
use crate::backoff::Backoff;
use crate::journal::{Config, Cursor, Frame, FrameMeta, Journal, Start};
use crate::model::signal::{Encoding, Origin, Signal, WireFormat};
use crate::telemetry::Telemetry;

const BACKOFF: Backoff = Backoff { initial: Duration::from_millis(1), max: Duration::from_millis(5) };
const PATIENCE: Duration = Duration::from_secs(20);

/// One item a frame: its payload says how it fares.
struct Store {
    pool: Arc<Pool>,
    taken: Arc<Mutex<Vec<Bytes>>>,
    attempts: Mutex<HashMap<Bytes, u32>>,
}

impl Exporter for Store {
    type Request = Vec<Bytes>;

    fn encode(&self, frames: &[Frame], _: Place) -> Encoded<Vec<Bytes>> {
        assert!(frames.iter().all(|frame| &frame.payload[..] != b"panic"), "told to");
        let requests = vec![frames.iter().map(|frame| frame.payload.clone()).collect()];
        Encoded { requests, letters: Vec::new(), next: None }
    }

    fn items(&self, request: &Vec<Bytes>) -> u32 {
        u32::try_from(request.len()).expect("few")
    }

    fn bytes(&self, request: &Vec<Bytes>) -> usize {
        request.iter().map(Bytes::len).sum()
    }

    fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    async fn probe(&self) -> bool {
        true
    }

    async fn send(&self, request: &Vec<Bytes>) -> Answer<Vec<Bytes>> {
        let permit = self.pool.acquire().await;
        if request.iter().any(|item| &item[..] == b"poison") {
            permit.end(Outcome::Failed);
            return Answer::Retry { reason: RetryReason::ServerError, after: None, detail: "500: I choke".to_owned() };
        }
        let once = |item: &Bytes| {
            let mut attempts = self.attempts.lock();
            let attempts = attempts.entry(item.clone()).or_default();
            *attempts += 1;
            &item[..] == b"panic once" && *attempts == 1
        };
        assert!(!request.iter().any(once), "told to, once");
        permit.end(Outcome::Alive);
        self.taken.lock().extend(request.iter().cloned());
        Answer::Delivered
    }

    fn split(&self, mut request: Vec<Bytes>, detail: &str, _: bool) -> Result<[Vec<Bytes>; 2], Verdict> {
        if request.len() > 1 {
            let rest = request.split_off(request.len() / 2);
            return Ok([request, rest]);
        }
        let (reason, payload) = (detail.to_owned(), request.remove(0));
        let (format, encoding) = (WireFormat::ZipkinJson, Encoding::Identity);
        Err(Verdict::Bury(Letter { reason, format, encoding, context: Bytes::new(), payload, items: 1 }))
    }
}

struct Running {
    watch: Watch,
    log: Arc<SignalLog>,
    letters: Letters,
    taken: Arc<Mutex<Vec<Bytes>>>,
    stop: CancellationToken,
    worker: tokio::task::JoinHandle<()>,
    folder: TempDir,
}

fn start(payloads: &[&str], in_flight_max: usize) -> Running {
    let folder = tempfile::tempdir().expect("a folder");
    let mut seed = 0;
    let mut entropy = || {
        seed += 1;
        seed
    };
    let open = Journal::open(&folder.path().join("journal"), Signal::Traces, &Config::default(), &mut entropy, 0);
    let journal = open.expect("a journal").0;
    for payload in payloads {
        let meta = FrameMeta {
            format: WireFormat::ZipkinJson,
            encoding: Encoding::Identity,
            origin: Origin::Received,
            tenant: 0,
            lane: 0,
            received_at: 0,
            items: 1,
            decompressed_len: 1,
            time_min_ms: 0,
            time_max_ms: 0,
            context: b"",
        };
        journal.append(&meta, payload.as_bytes(), 0).expect("room");
    }
    let letters = Letters::open(&folder.path().join("letters"), 1 << 30, &mut entropy, 0).expect("letters");
    work(folder, Arc::new(SignalLog::new(journal)), letters, Arc::default(), in_flight_max, 1 << 20)
}

/// A worker that goes on where its cursor in `folder` stands.
fn work(
    folder: TempDir,
    log: Arc<SignalLog>,
    letters: Letters,
    taken: Arc<Mutex<Vec<Bytes>>>,
    in_flight_max: usize,
    bytes_max: u64,
) -> Running {
    let cursor = Cursor::open(&folder.path().join("a.cursor"), Start::Earliest, &log.journal, 0).expect("a cursor");
    let settings = Settings {
        name: "a".to_owned(),
        bounds: Bounds { bytes_max, delay_max: Duration::ZERO },
        in_flight_max,
        backoff: BACKOFF,
        poison: Poison { failures: 10, after: Duration::ZERO },
    };
    let pool = Arc::new(Pool::new([("s".to_owned(), 0)], Balance::RoundRobin, BACKOFF));
    let store = Store { pool, taken: Arc::clone(&taken), attempts: Mutex::default() };
    let worker =
        Worker::new(store, Signal::Traces, settings, Arc::clone(&log), cursor, letters.clone(), Telemetry::default());
    let (watch, stop) = (worker.watch(), CancellationToken::new());
    let worker = tokio::spawn(worker.run(stop.clone()));
    Running { watch, log, letters, taken, stop, worker, folder }
}

impl Running {
    /// Waits until everything is settled; the sums must hold all the while.
    async fn settled(self) -> (Vec<String>, Vec<(String, String)>) {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let progress = *self.watch.progress.lock();
            let items = self.log.journal.items();
            assert_eq!(progress.accepted(items), progress.counters.total() + progress.pending(items));
            if progress.pending(items) == 0 {
                assert_eq!(progress.position, self.log.journal.tail(), "nothing is left behind");
                break;
            }
            assert!(tokio::time::Instant::now() < until, "not settled: {progress:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.stop.cancel();
        self.worker.await.expect("the worker ends well");
        let taken = self.taken.lock().iter().map(|item| String::from_utf8_lossy(item).into_owned()).collect();
        let journal = self.letters.journal(Signal::Traces);
        let mut reader = journal.reader(journal.head());
        let mut letters = Vec::new();
        while let Some(frame) = reader.next().expect("readable") {
            let note: serde_json::Value = serde_json::from_slice(&frame.context).expect("JSON");
            let text = String::from_utf8_lossy(&frame.payload).into_owned();
            letters.push((text, note["reason"].as_str().expect("a reason").to_owned()));
        }
        drop(self.folder);
        (taken, letters)
    }
}

#[tokio::test]
async fn a_frame_that_ends_its_delivery_abnormally_is_found_and_buried() {
    for in_flight_max in [1, 4] {
        let running = start(&["1", "2", "panic", "3", "panic once", "4", "5"], in_flight_max);
        let (mut taken, letters) = running.settled().await;
        if in_flight_max == 1 {
            assert_eq!(taken, ["1", "2", "3", "panic once", "4", "5"], "and the order is kept");
        }
        taken.sort();
        assert_eq!(taken, ["1", "2", "3", "4", "5", "panic once"]);
        assert_eq!(letters, [("panic".to_owned(), "poison: it ends its delivery abnormally".to_owned())]);
    }
}

#[tokio::test]
async fn an_item_over_which_the_store_keeps_failing_is_found_and_buried() {
    let running = start(&["1", "2", "3", "poison", "4", "5", "6", "7"], 1);
    let (taken, letters) = running.settled().await;
    assert_eq!(taken, ["1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(letters, [("poison".to_owned(), "poison: 500: I choke".to_owned())]);
}

#[tokio::test]
async fn the_sums_hold_however_often_a_worker_is_killed() {
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let names: Vec<String> = (0..300).map(|number| format!("item {number}")).collect();
        let payloads: Vec<&str> = names.iter().map(|name| if random.u8(..) < 3 { "panic" } else { &**name }).collect();
        let mut running = start(&payloads, 4);
        for _ in 0..6 {
            for _ in 0..random.u64(0..4) {
                let progress = *running.watch.progress.lock();
                let items = running.log.journal.items();
                assert_eq!(
                    progress.accepted(items),
                    progress.counters.total() + progress.pending(items),
                    "seed {seed}"
                );
                tokio::time::sleep(Duration::from_micros(random.u64(0..2000))).await;
            }
            // as kill -9: nothing is told to anybody
            let Running { log, letters, taken, folder, worker, .. } = running;
            worker.abort();
            let _ = worker.await;
            running = work(folder, log, letters, taken, 4, random.u64(1..200));
        }
        let (mut taken, letters) = running.settled().await;
        taken.sort();
        taken.dedup();
        let mut wanted: Vec<String> =
            payloads.iter().filter(|name| **name != "panic").map(ToString::to_string).collect();
        wanted.sort();
        assert_eq!(taken, wanted, "seed {seed}");
        let panics = payloads.iter().filter(|name| **name == "panic").count();
        assert!(letters.len() >= panics && letters.iter().all(|(payload, _)| payload == "panic"), "seed {seed}");
    }
}
