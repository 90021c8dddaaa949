//! Zipkin: `POST /api/v2/spans`, JSON.
//!
//! Frames that came as Zipkin JSON are spliced untouched; OTLP spans are mapped on the way.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::Method;

use super::config::{Compression, Exporter as Config};
use super::http::{Endpoints, Reply, SetupError};
use crate::codec::{compression, zipkin};
use crate::journal::Frame;
use crate::limits::REQUEST_BYTES_MAX;
use crate::model::signal::{Encoding, WireFormat};
use crate::pipeline::exporter::{Answer, Encoded, Exporter, Letter, Place, Verdict};
use crate::pipeline::pool::Pool;

/// Bytes of one request before compression.
const ARRAY_BYTES_MAX: usize = 8 << 20;

/// Sends spans to Zipkin.
#[derive(Debug)]
pub struct Zipkin {
    endpoints: Endpoints,
    gzip: bool,
}

/// A JSON array of spans.
#[derive(Debug)]
pub struct Request {
    json: Vec<u8>,
    sent: Bytes,
    spans: u32,
}

impl Zipkin {
    /// An exporter as configured.
    ///
    /// # Errors
    /// When its client or headers cannot be set up.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        let gzip = config.compression == Compression::Gzip;
        let encoding = if gzip { "gzip" } else { "identity" };
        let protocol = [("content-type", "application/json"), ("content-encoding", encoding)];
        let protocol = if gzip { &protocol[..] } else { &protocol[..1] };
        Ok(Self { endpoints: Endpoints::new(config, config.urls(), protocol)?, gzip })
    }

    fn request(&self, json: Vec<u8>, spans: u32) -> Request {
        let mut packed = Vec::new();
        if self.gzip && compression::gzip(&json, &mut packed).is_ok() {
            return Request { json, sent: packed.into(), spans };
        }
        Request { sent: json.into(), json: Vec::new(), spans }
    }

    /// The array before compression.
    fn plain<'a>(&self, request: &'a Request) -> &'a [u8] {
        if self.gzip { &request.json } else { &request.sent }
    }
}

/// Spans of one frame as a JSON array.
struct Piece {
    json: Bytes,
    spans: u32,
    /// Whether it holds the frame's last span.
    complete: bool,
}

/// The frame's spans after the first `skip`, as an array of about `bytes_max`.
fn piece(frame: &Frame, skip: u32, bytes_max: usize) -> Result<Piece, String> {
    let max = usize::try_from(REQUEST_BYTES_MAX).unwrap_or(usize::MAX);
    let body = compression::decompress(frame.encoding, &frame.payload, max).map_err(|error| error.to_string())?;
    if frame.format != WireFormat::OtlpTraces {
        return Ok(Piece { json: body, spans: frame.items, complete: true });
    }
    let mut json = Vec::new();
    let part = zipkin::encode_otlp_part(&body, skip, bytes_max, &mut json).map_err(|error| error.to_string())?;
    Ok(Piece { json: json.into(), spans: part.spans, complete: part.complete })
}

impl Exporter for Zipkin {
    type Request = Request;

    fn encode(&self, frames: &[Frame], from: Place) -> Encoded<Request> {
        let (mut arrays, mut letters, mut next) = (Vec::new(), Vec::new(), None);
        let (mut spans, mut bytes, mut skip) = (0, 0, from.item);
        for (at, frame) in frames.iter().enumerate().skip(from.frame) {
            if bytes >= ARRAY_BYTES_MAX {
                next = Some(Place { frame: at, item: 0 });
                break;
            }
            match piece(frame, skip, ARRAY_BYTES_MAX - bytes) {
                Ok(piece) => {
                    spans += piece.spans;
                    bytes += piece.json.len();
                    arrays.push(piece.json);
                    if !piece.complete {
                        next = Some(Place { frame: at, item: skip + piece.spans });
                        break;
                    }
                }
                Err(reason) => letters.push(Letter::whole(frame, reason)),
            }
            skip = 0;
        }
        if arrays.is_empty() {
            return Encoded { requests: Vec::new(), letters, next };
        }
        let mut json = Vec::with_capacity(bytes);
        let slices: Vec<&[u8]> = arrays.iter().map(|array| &**array).collect();
        // every frame was walked before it was journalled: each is an array
        if let Err(error) = zipkin::splice(&slices, &mut json) {
            tracing::error!(%error, "a journalled frame is no array of spans");
        }
        Encoded { requests: vec![self.request(json, spans)], letters, next }
    }

    fn items(&self, request: &Request) -> u32 {
        request.spans
    }

    fn bytes(&self, request: &Request) -> usize {
        request.json.len() + request.sent.len()
    }

    fn pool(&self) -> &Arc<Pool> {
        self.endpoints.pool()
    }

    async fn probe(&self) -> bool {
        self.endpoints.probe(Method::POST, self.request(b"[]".to_vec(), 0).sent).await
    }

    async fn send(&self, request: &Request) -> Answer<Request> {
        match self.endpoints.post(request.sent.clone()).await {
            Ok(Reply::Taken(_)) => Answer::Delivered,
            Ok(Reply::Blamed(detail) | Reply::TooLarge(detail)) => Answer::Refused { detail },
            Err(retry) => retry,
        }
    }

    fn split(&self, request: Request, detail: &str, _unanswered: bool) -> Result<[Request; 2], Verdict> {
        match zipkin::split(self.plain(&request)) {
            Ok(Some((first, second))) => {
                let spans = request.spans / 2;
                Ok([self.request(first, spans), self.request(second, request.spans - spans)])
            }
            _ => Err(Verdict::Bury(Letter {
                reason: detail.to_owned(),
                format: WireFormat::ZipkinJson,
                encoding: Encoding::Identity,
                context: Bytes::new(),
                payload: Bytes::copy_from_slice(self.plain(&request)),
                items: request.spans,
            })),
        }
    }
}
