//! Elasticsearch: `_bulk`, each item answered and settled by itself.
//!
//! Every document carries an `_id` made from its place in the journal, so that a second arrival is a
//! 409 and counts as delivered. Items that the store is too busy for are sent again, alone; items
//! that it blames become dead letters.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use reqwest::Method;

use super::config::{Compression, Exporter as Config, Kind};
use super::http::{Endpoints, Reply, SetupError};
use crate::codec::compression;
use crate::codec::elasticsearch::id::FrameId;
use crate::codec::elasticsearch::response::{self, FILTER_PATH, Outcome};
use crate::codec::elasticsearch::{Batch, Encoder, FrameInput, Options};
use crate::journal::{Counts, Frame};
use crate::limits::REQUEST_BYTES_MAX;
use crate::model::signal::{Encoding, WireFormat};
use crate::pipeline::exporter::{Answer, Encoded, Exporter, Letter, Place, RetryReason, Verdict};
use crate::pipeline::pool::Pool;

/// Bytes of one `_bulk` request before compression: Elasticsearch advises 5 to 15 MB.
const BULK_BYTES_MAX: usize = 10 << 20;

/// Sends documents to Elasticsearch or OpenSearch.
#[derive(Debug)]
pub struct Elasticsearch {
    endpoints: Endpoints,
    encoder: Mutex<Encoder>,
    gzip: bool,
    failure_store: Counter,
}

impl Elasticsearch {
    /// An exporter as configured; documents that the store diverts are counted in `failure_store`.
    ///
    /// # Errors
    /// When its client or headers cannot be set up.
    pub fn new(config: &Config, failure_store: Counter) -> Result<Self, SetupError> {
        let gzip = config.compression == Compression::Gzip;
        let protocol = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")];
        let urls = config.endpoints.iter().map(|endpoint| {
            let mut url = endpoint.url.clone();
            let path = format!("{}/_bulk", url.path().trim_end_matches('/'));
            url.set_path(&path);
            url.query_pairs_mut().append_pair("filter_path", FILTER_PATH);
            url
        });
        let endpoints = Endpoints::new(config, urls.collect(), &protocol[..if gzip { 2 } else { 1 }])?;
        let options = match &config.kind {
            Kind::Elasticsearch { logs_index, document_id } => {
                Options { index: logs_index.clone(), document_ids: *document_id }
            }
            Kind::Prometheus | Kind::Zipkin => Options::default(),
        };
        Ok(Self { endpoints, encoder: Mutex::new(Encoder::new(options)), gzip, failure_store })
    }

    /// Adds documents of `frames[at]` from item `from` on; answers where to go on if the request is full.
    fn add(&self, frame: &Frame, at: Place, request: &mut Batch) -> Result<Option<u32>, String> {
        let max = usize::try_from(REQUEST_BYTES_MAX).unwrap_or(usize::MAX);
        let payload =
            compression::decompress(frame.encoding, &frame.payload, max).map_err(|error| error.to_string())?;
        let (segment_id, offset) = frame.original;
        let input = FrameInput {
            frame: u32::try_from(at.frame).unwrap_or(u32::MAX),
            id: FrameId { segment_id, offset },
            received_at: frame.received_at,
            context: &frame.context,
            payload: &payload,
            from: at.item,
        };
        let mut encoder = self.encoder.lock();
        match frame.format {
            WireFormat::OtlpLogs => {
                encoder.encode_otlp_logs(&input, BULK_BYTES_MAX, request).map_err(|error| error.to_string())
            }
            _ => Ok(encoder.encode_bulk(&input, BULK_BYTES_MAX, request)),
        }
    }

    fn body(&self, batch: &Batch) -> Bytes {
        if self.gzip {
            let mut packed = Vec::new();
            // writing to memory does not fail
            let _ = compression::gzip(batch.body(), &mut packed);
            return packed.into();
        }
        Bytes::copy_from_slice(batch.body())
    }

    fn settle(&self, request: &Batch, body: &[u8]) -> Answer<Batch> {
        let parsed = match response::parse(body, request.len()) {
            Ok(parsed) => parsed,
            Err(error) => {
                return Answer::Retry { reason: RetryReason::NoAnswer, after: None, detail: error.to_string() };
            }
        };
        self.failure_store.inc_by(u64::from(parsed.failure_store));
        let Some(outcomes) = parsed.outcomes else { return Answer::Delivered };
        let (mut settled, mut letters) = (Counts::default(), Vec::new());
        let mut rest =
            [RetryReason::Busy, RetryReason::ServerError, RetryReason::Paused].map(|why| (Batch::default(), why));
        let mut complained = false;
        for (at, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Outcome::Delivered | Outcome::Duplicate => settled.delivered += 1,
                Outcome::Refused { status, kind, reason } => {
                    letters.push(letter(request, at, format!("{status} {kind}: {reason}")));
                }
                Outcome::Retry { status: 429 } => rest[0].0.push_from(request, at),
                Outcome::Retry { .. } => rest[1].0.push_from(request, at),
                Outcome::Paused { status, index, reason } => {
                    if !std::mem::replace(&mut complained, true) {
                        tracing::warn!(status, index, reason, "elasticsearch refuses us; its documents wait");
                    }
                    rest[2].0.push_from(request, at);
                }
            }
        }
        Answer::Partly { settled, letters, rest: rest.into_iter().filter(|(batch, _)| !batch.is_empty()).collect() }
    }
}

fn letter(request: &Batch, at: usize, reason: String) -> Letter {
    let payload = Bytes::copy_from_slice(request.lines(at));
    Letter { reason, format: WireFormat::Bulk, encoding: Encoding::Identity, context: Bytes::new(), payload, items: 1 }
}

impl Exporter for Elasticsearch {
    type Request = Batch;

    fn encode(&self, frames: &[Frame], from: Place) -> Encoded<Batch> {
        let (mut request, mut letters, mut next) = (Batch::default(), Vec::new(), None);
        for (at, frame) in frames.iter().enumerate().skip(from.frame) {
            let place = Place { frame: at, item: if at == from.frame { from.item } else { 0 } };
            if request.body().len() >= BULK_BYTES_MAX {
                next = Some(place);
                break;
            }
            match self.add(frame, place, &mut request) {
                Ok(None) => {}
                Ok(Some(item)) => {
                    next = Some(Place { item, ..place });
                    break;
                }
                Err(reason) => {
                    // its documents so far must not go out beside the letter that holds them all
                    let whole = u32::try_from(at).unwrap_or(u32::MAX);
                    request.retain(|_, item| item.frame != whole);
                    letters.push(Letter::whole(frame, reason));
                }
            }
        }
        let requests = if request.is_empty() { Vec::new() } else { vec![request] };
        Encoded { requests, letters, next }
    }

    fn items(&self, request: &Batch) -> u32 {
        u32::try_from(request.len()).unwrap_or(u32::MAX)
    }

    fn bytes(&self, request: &Batch) -> usize {
        request.body().len()
    }

    fn pool(&self) -> &Arc<Pool> {
        self.endpoints.pool()
    }

    async fn probe(&self) -> bool {
        self.endpoints.probe(Method::GET, Bytes::new()).await
    }

    async fn send(&self, request: &Batch) -> Answer<Batch> {
        match self.endpoints.post(self.body(request)).await {
            Ok(Reply::Taken(body)) => self.settle(request, &body),
            Ok(Reply::Blamed(detail) | Reply::TooLarge(detail)) => Answer::Refused { detail },
            Err(retry) => retry,
        }
    }

    fn split(&self, mut request: Batch, detail: &str, _unanswered: bool) -> Result<[Batch; 2], Verdict> {
        if request.len() < 2 {
            return Err(Verdict::Bury(letter(&request, 0, detail.to_owned())));
        }
        let mut rest = Batch::default();
        request.split(&mut rest);
        Ok([request, rest])
    }
}
