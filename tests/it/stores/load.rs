//! Load on all three signals that keeps a ledger: which batches were acknowledged, and whether the stores have them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use watchgate::model::time::wall_clock;

use super::{PATIENCE, text, to_elasticsearch, to_prometheus, to_zipkin};
use crate::support::gateway::Gateway;
use crate::support::http::{client, request};
use crate::support::parts::{Elasticsearch, Prometheus, Release, Zipkin};
use crate::support::process::until;
use crate::support::remote_write::{self, TimeSeries};

/// Acknowledged items of each signal before each kill.
const ROUND_ITEMS: usize = 1_000;

/// Items of one request.
const BATCH_ITEMS: usize = 100;

/// Senders of each signal at once.
const SENDERS: usize = 2;

/// How long all of it may take to reach the stores.
const DRAIN_PATIENCE: Duration = Duration::from_secs(240);

/// One store of each kind.
pub(super) struct Stores {
    /// For samples.
    pub(super) prometheus: Prometheus,
    /// For documents.
    pub(super) elasticsearch: Elasticsearch,
    /// For spans.
    pub(super) zipkin: Zipkin,
}

impl Stores {
    /// Starts all three; `None` if one is missing.
    pub(super) async fn start() -> Option<Self> {
        let prometheus = Prometheus::start(Release::Current, "").await?;
        let elasticsearch = Elasticsearch::start().await?;
        Some(Self { prometheus, elasticsearch, zipkin: Zipkin::start().await? })
    }

    /// The exporters that lead to them.
    pub(super) fn exporters(&self) -> String {
        [to_prometheus(&self.prometheus), to_elasticsearch(&self.elasticsearch), to_zipkin(&self.zipkin)].concat()
    }

    /// Takes all three away.
    pub(super) fn stop(&mut self) {
        self.prometheus.process.kill();
        self.elasticsearch.process.stop();
        self.zipkin.process.kill();
    }

    /// Brings them back; Zipkin is empty then.
    pub(super) async fn start_again(&mut self) {
        self.prometheus.process.start_again();
        self.zipkin.process.start_again();
        self.elasticsearch.process.start_again();
        self.prometheus.ready().await;
        self.zipkin.ready().await;
        self.elasticsearch.ready().await;
    }

    /// Waits until every acknowledged batch is whole in its store, and forgets it; answers how many items that were.
    pub(super) async fn verify(&self, ledgers: &Ledgers) -> [usize; 3] {
        let [samples, documents, spans] =
            ledgers.each_ref().map(|(_, ledger)| std::mem::take(&mut *ledger.acknowledged.lock()));
        let all = async || complete(&samples, &sample_counts(&self.prometheus).await);
        until("every sample", DRAIN_PATIENCE, all).await;
        let all = async || complete(&documents, &document_counts(&self.elasticsearch).await);
        until("every document", DRAIN_PATIENCE, all).await;
        for batch in &spans {
            let whole = async || self.zipkin.trace(&trace_id(*batch)).await.filter(|spans| spans.len() == BATCH_ITEMS);
            until(&format!("the spans of batch {batch}"), DRAIN_PATIENCE, whole).await;
        }
        [samples, documents, spans].map(|batches| batches.len() * BATCH_ITEMS)
    }
}

/// A ledger for each kind of load.
pub(super) type Ledgers = [(Load, Arc<Ledger>); 3];

/// Empty ledgers.
pub(super) fn ledgers() -> Ledgers {
    [Load::Samples, Load::Documents, Load::Spans].map(|load| (load, Arc::default()))
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Remote write.
    Samples,
    /// `_bulk`.
    Documents,
    /// Zipkin JSON.
    Spans,
}

/// Batches by number, and which of them were acknowledged.
#[derive(Default)]
pub(super) struct Ledger {
    next: AtomicUsize,
    acknowledged: Mutex<Vec<usize>>,
}

impl Ledger {
    fn items(&self) -> usize {
        self.acknowledged.lock().len() * BATCH_ITEMS
    }
}

/// One request of the batch; `true` if it was acknowledged.
async fn send(load: Load, client: &Client, ingest: &str, batch: usize) -> bool {
    let now = wall_clock();
    let answer = match load {
        Load::Samples => {
            let samples: Vec<(i64, f64)> =
                (0..BATCH_ITEMS).map(|item| (now - 10 * (BATCH_ITEMS - item) as i64, item as f64)).collect();
            let series = TimeSeries::new(&[("__name__", "crash"), ("batch", &batch.to_string())], &samples);
            remote_write::send(client, ingest, vec![series]).await
        }
        Load::Documents => {
            let document =
                |item| format!("{{\"create\":{{}}}}\n{{\"@timestamp\":{now},\"batch\":{batch},\"item\":{item}}}\n");
            let (url, headers) =
                (format!("{ingest}/logs-crash-default/_bulk"), [("content-type", "application/x-ndjson")]);
            request(client, Method::POST, &url, &headers, (0..BATCH_ITEMS).map(document).collect::<String>()).await
        }
        Load::Spans => {
            let span = |item: usize| {
                json!({ "traceId": trace_id(batch), "id": format!("{:016x}", batch * BATCH_ITEMS + item + 1),
                    "name": "crash", "timestamp": now * 1000, "localEndpoint": { "serviceName": "crash" } })
            };
            let body = Value::from_iter((0..BATCH_ITEMS).map(span)).to_string();
            let headers = [("content-type", "application/json")];
            request(client, Method::POST, &format!("{ingest}/api/v2/spans"), &headers, body).await
        }
    };
    answer.is_ok_and(|answer| {
        assert!((200..300).contains(&answer.status), "{load:?} answered {}: {}", answer.status, answer.text());
        true
    })
}

fn trace_id(batch: usize) -> String {
    format!("{:016x}", batch + 1)
}

/// Sends until the gateway is gone.
async fn send_until_killed(load: Load, ingest: String, ledger: Arc<Ledger>) {
    let client = client();
    loop {
        let batch = ledger.next.fetch_add(1, Ordering::Relaxed);
        if !send(load, &client, &ingest, batch).await {
            return;
        }
        ledger.acknowledged.lock().push(batch);
    }
}

/// Load on all signals until each has a round's worth acknowledged; then `kill -9` in the midst of it.
pub(super) async fn round(gateway: &mut Gateway, ledgers: &Ledgers) {
    let before: Vec<usize> = ledgers.iter().map(|(_, ledger)| ledger.items()).collect();
    let mut senders = JoinSet::new();
    for (load, ledger) in ledgers {
        for _ in 0..SENDERS {
            senders.spawn(send_until_killed(*load, gateway.ingest.clone(), ledger.clone()));
        }
    }
    let enough = || ledgers.iter().zip(&before).all(|((_, ledger), before)| ledger.items() >= before + ROUND_ITEMS);
    until("a thousand items of each signal", PATIENCE, async || enough().then_some(())).await;
    gateway.crash_and_recover_with(async || while senders.join_next().await.is_some() {}).await;
}

/// Whether every acknowledged batch is there with all of its items, and none has more than were sent.
fn complete(acknowledged: &[usize], counts: &BTreeMap<usize, usize>) -> Option<()> {
    let too_many = counts.iter().find(|(_, items)| **items > BATCH_ITEMS);
    assert_eq!(too_many, None, "stored more of a batch than was sent");
    acknowledged.iter().all(|batch| counts.get(batch) == Some(&BATCH_ITEMS)).then_some(())
}

async fn sample_counts(store: &Prometheus) -> BTreeMap<usize, usize> {
    let found = store.query("count_over_time(crash[1h])", None).await;
    let count =
        |series: &Value| Some((text(series, "/metric/batch").parse().ok()?, text(series, "/value/1").parse().ok()?));
    found.as_array().expect("series").iter().filter_map(count).collect()
}

async fn document_counts(store: &Elasticsearch) -> BTreeMap<usize, usize> {
    store.refresh().await;
    let batches = json!({ "size": 0, "aggs": { "batches": { "terms": { "field": "batch", "size": 65_000 } } } });
    let found = store.search("logs-crash-*", &batches).await;
    let count = |bucket: &Value| Some((bucket["key"].as_u64()? as usize, bucket["doc_count"].as_u64()? as usize));
    let buckets = found["aggregations"]["batches"]["buckets"].as_array().cloned().unwrap_or_default();
    buckets.iter().filter_map(count).collect()
}
