//! Prometheus: remote write 1.0 to `/api/v1/write`, frames spliced in journal order.
//!
//! One request is in flight at a time, and a refused one is halved in order: a series' samples must
//! arrive as they were accepted. Prometheus rolls a v1 request back whole when one sample of it is
//! refused, so halving finds that sample and stores the rest.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::Method;

use super::config::Exporter as Config;
use super::http::{Endpoints, Reply, SetupError};
use crate::codec::{compression, remote_write};
use crate::journal::{DropReason, Frame};
use crate::limits::PROMETHEUS_REQUEST_BYTES_MAX;
use crate::model::signal::{Encoding, WireFormat};
use crate::pipeline::exporter::{Answer, Encoded, Exporter, Letter, Place, Verdict};
use crate::pipeline::pool::Pool;

/// Sends samples to Prometheus or anything else that takes remote write 1.0.
#[derive(Debug)]
pub struct Prometheus {
    endpoints: Endpoints,
}

/// One snappy body with samples.
#[derive(Clone, Debug)]
struct Part {
    snappy: Bytes,
    decompressed_len: usize,
    samples: u32,
}

/// Parts joined to one write request.
#[derive(Debug)]
pub struct Request {
    parts: Vec<Part>,
    sent: Bytes,
    samples: u32,
}

impl Request {
    fn join(parts: Vec<Part>) -> Self {
        let samples = parts.iter().map(|part| part.samples).sum();
        let sent = match parts.as_slice() {
            [one] => one.snappy.clone(),
            several => {
                let bodies: Vec<&[u8]> = several.iter().map(|part| &*part.snappy).collect();
                let mut joined = Vec::with_capacity(bodies.iter().map(|body| body.len()).sum());
                // each preamble was read when its request was accepted
                if let Err(error) = remote_write::splice_snappy(&bodies, &mut joined) {
                    tracing::error!(%error, "a journalled body lost its snappy preamble");
                }
                joined.into()
            }
        };
        Self { parts, sent, samples }
    }
}

impl Part {
    fn compress(body: &[u8], samples: u32) -> Option<Self> {
        let mut snappy = Vec::new();
        compression::snappy(body, &mut snappy).ok()?;
        Some(Self { snappy: snappy.into(), decompressed_len: body.len(), samples })
    }

    /// Halves of this part, series by series and then sample by sample.
    fn halves(&self) -> Option<[Self; 2]> {
        let body = compression::decompress(Encoding::Snappy, &self.snappy, self.decompressed_len).ok()?;
        let [first, second] = remote_write::split(&body).ok()??;
        Some([Self::compress(&first.body, first.items)?, Self::compress(&second.body, second.items)?])
    }
}

impl Prometheus {
    /// An exporter as configured.
    ///
    /// # Errors
    /// When its client or headers cannot be set up.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        let protocol = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ];
        Ok(Self { endpoints: Endpoints::new(config, config.urls(), &protocol)? })
    }
}

/// `part`, in pieces that Prometheus accepts by size.
fn fitting(part: Part, pieces: &mut Vec<Part>) {
    let halves = if part.decompressed_len > PROMETHEUS_REQUEST_BYTES_MAX { part.halves() } else { None };
    match halves {
        Some([first, second]) => {
            fitting(first, pieces);
            fitting(second, pieces);
        }
        None => pieces.push(part),
    }
}

impl Exporter for Prometheus {
    type Request = Request;

    fn encode(&self, frames: &[Frame], from: Place) -> Encoded<Request> {
        let (mut parts, mut letters, mut bytes, mut next) = (Vec::new(), Vec::new(), 0, None);
        for (at, frame) in frames.iter().enumerate().skip(from.frame) {
            if frame.is_history() {
                continue;
            }
            let part = match frame.encoding {
                Encoding::Snappy => Some(Part {
                    snappy: frame.payload.clone(),
                    decompressed_len: frame.decompressed_len as usize,
                    samples: frame.items,
                }),
                _ => Part::compress(&frame.payload, frame.items),
            };
            let Some(part) = part else {
                letters.push(Letter::whole(frame, "cannot be compressed for Prometheus".to_owned()));
                continue;
            };
            bytes += part.decompressed_len;
            if bytes > PROMETHEUS_REQUEST_BYTES_MAX && !parts.is_empty() {
                next = Some(Place { frame: at, item: 0 });
                break;
            }
            parts.push(part);
        }
        let requests = match parts.as_slice() {
            [] => Vec::new(),
            [one] => {
                let mut pieces = Vec::new();
                fitting(one.clone(), &mut pieces);
                pieces.into_iter().map(|piece| Request::join(vec![piece])).collect()
            }
            _ => vec![Request::join(parts)],
        };
        Encoded { requests, letters, next }
    }

    fn items(&self, request: &Request) -> u32 {
        request.samples
    }

    fn bytes(&self, request: &Request) -> usize {
        request.sent.len() + request.parts.iter().map(|part| part.snappy.len()).sum::<usize>()
    }

    fn pool(&self) -> &Arc<Pool> {
        self.endpoints.pool()
    }

    async fn probe(&self) -> bool {
        // an empty write request: snappy's preamble says 0 bytes
        self.endpoints.probe(Method::POST, Bytes::from_static(&[0])).await
    }

    async fn send(&self, request: &Request) -> Answer<Request> {
        match self.endpoints.post(request.sent.clone()).await {
            Ok(Reply::Taken(_)) => Answer::Delivered,
            Ok(Reply::Blamed(detail) | Reply::TooLarge(detail)) => Answer::Refused { detail },
            Err(retry) => retry,
        }
    }

    fn split(&self, mut request: Request, detail: &str, unanswered: bool) -> Result<[Request; 2], Verdict> {
        if request.parts.len() > 1 {
            let second = request.parts.split_off(request.parts.len() / 2);
            return Ok([Request::join(request.parts), Request::join(second)]);
        }
        match request.parts.first().and_then(Part::halves) {
            Some([first, second]) => Ok([Request::join(vec![first]), Request::join(vec![second])]),
            None => Err(judge(request, detail, unanswered)),
        }
    }
}

/// What to do with a single refused sample (journal.md, "Order and splicing towards Prometheus").
fn judge(request: Request, detail: &str, unanswered: bool) -> Verdict {
    let items = u64::from(request.samples);
    let reason = if detail.contains("out of order") {
        Some(DropReason::OutOfOrder)
    } else if detail.contains("too old") || detail.contains("out of bounds") {
        Some(DropReason::TooOld)
    } else {
        None
    };
    match reason {
        _ if unanswered && (reason.is_some() || detail.contains("duplicate sample")) => {
            Verdict::AlreadyDelivered { items }
        }
        Some(reason) => Verdict::Drop { reason, items },
        None => Verdict::Bury(Letter {
            reason: detail.to_owned(),
            format: WireFormat::RemoteWriteV1,
            encoding: Encoding::Snappy,
            context: Bytes::new(),
            payload: request.sent,
            items: request.samples,
        }),
    }
}
