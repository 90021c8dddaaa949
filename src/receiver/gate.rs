//! What every receiver does before and after its codec: admit, read, decompress, append, count.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::codec::compression::{self, CompressionError};
use crate::codec::{DecodeError, DecodeErrorKind};
use crate::journal::AppendError;
use crate::limits::Limits;
use crate::model::signal::{Encoding, WireFormat};
use crate::model::time::{Millis, wall_clock};
use crate::pipeline::intake::{Intake, Receipt, Refusal, Walked};
use crate::pipeline::memory::{Exhausted, Reservation};
use crate::telemetry::{ReasonLabels, ReceiverLabels, Telemetry};

/// What receivers tell a sender to wait when the gateway is full, in seconds.
pub const RETRY_AFTER_SECONDS: &str = "5";

/// Longest silence within a body: its memory is taken while it is awaited.
const BODY_SILENCE_MAX: Duration = Duration::from_secs(10);

/// Longest time for a whole body: 64 MiB at 5 Mbit/s.
const BODY_TIME_MAX: Duration = Duration::from_secs(120);

/// Why a request is refused, before a protocol puts it in its own words.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// 415, or 400 where the protocol knows no 415.
    #[error("{0}")]
    Unsupported(String),
    /// 400: the sender must change the request.
    #[error("{0}")]
    Malformed(String),
    /// 413: larger than `limits.request_bytes_max`.
    #[error("{0}")]
    TooLarge(String),
    /// 429 or 503 with `Retry-After`: the sender should come back.
    #[error("{0}")]
    Busy(String),
    /// As [`Self::Busy`], for a body that did not come in time: a 408 would tell senders not to repeat it.
    #[error("{0}")]
    Slow(String),
}

impl Refused {
    /// The reason in metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => "unsupported",
            Self::Malformed(_) => "malformed",
            Self::TooLarge(_) => "too_large",
            Self::Busy(_) => "busy",
            Self::Slow(_) => "slow",
        }
    }
}

impl From<Exhausted> for Refused {
    fn from(error: Exhausted) -> Self {
        Self::Busy(error.to_string())
    }
}

impl From<CompressionError> for Refused {
    fn from(error: CompressionError) -> Self {
        match error {
            CompressionError::TooLarge { .. } => Self::TooLarge(format!("{error} (limits.request_bytes_max)")),
            CompressionError::NoRoom => Self::Busy(format!("{error} (limits.memory_bytes)")),
            _ => Self::Malformed(error.to_string()),
        }
    }
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Self {
        match error.kind {
            DecodeErrorKind::TooLarge | DecodeErrorKind::TooDeep => Self::TooLarge(error.to_string()),
            DecodeErrorKind::Malformed => Self::Malformed(error.to_string()),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Journal(AppendError::TooLarge { .. }) => Self::TooLarge(refusal.to_string()),
            _ => Self::Busy(refusal.to_string()),
        }
    }
}

/// A body as it came, and the memory it holds.
pub(super) struct Collected {
    pub(super) raw: Bytes,
    received_at: Millis,
    reservation: Reservation,
}

/// A body that was read and decompressed, and the memory it holds.
pub struct Received {
    /// As it came.
    pub raw: Bytes,
    /// How it came.
    pub encoding: Encoding,
    /// Decompressed.
    pub body: Bytes,
    /// When the request's head had been read.
    pub received_at: Millis,
    /// Holds the memory of `raw` and `body`.
    pub reservation: Reservation,
}

impl Received {
    /// A request for the intake: this body, or what a codec kept of it.
    #[must_use]
    pub fn walked(self, format: WireFormat, found: crate::codec::Walked) -> Walked {
        let (payload, encoding, length) = match found.kept {
            Some(kept) => (Bytes::from(kept), Encoding::Identity, None),
            None => (self.raw, self.encoding, Some(self.body.len())),
        };
        Walked {
            format,
            encoding,
            decompressed_len: u32::try_from(length.unwrap_or(payload.len())).unwrap_or(u32::MAX),
            payload,
            items: found.items,
            time_min_ms: found.time_min_ms,
            time_max_ms: found.time_max_ms,
            context: Bytes::new(),
            received_at: self.received_at,
            staged: None,
            reservation: self.reservation,
        }
    }
}

/// What all receivers share; cloning is cheap.
#[derive(Clone)]
pub struct Gate {
    intake: Intake,
    /// Bounds on requests and items.
    pub limits: Arc<Limits>,
    telemetry: Telemetry,
    /// The Elasticsearch version that the facade claims.
    pub elasticsearch_version: Arc<str>,
}

impl Gate {
    /// A gate into `intake`.
    #[must_use]
    pub fn new(intake: Intake, limits: Limits, telemetry: Telemetry, elasticsearch_version: &str) -> Self {
        Self { intake, limits: Arc::new(limits), telemetry, elasticsearch_version: elasticsearch_version.into() }
    }

    /// Reads and decompresses a body within the limits and the memory budget.
    ///
    /// # Errors
    /// [`Refused`] as soon as a bound is crossed; what was read is given back.
    pub async fn read(&self, encoding: Encoding, headers: &HeaderMap, body: Body) -> Result<Received, Refused> {
        self.unpack(self.collect(headers, body, 0).await?, encoding)
    }

    /// Decompresses what was collected.
    pub(super) fn unpack(&self, collected: Collected, encoding: Encoding) -> Result<Received, Refused> {
        let Collected { raw, received_at, mut reservation } = collected;
        let max = self.limits.request_bytes_max;
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let mut room = |more: usize| reservation.grow(more as u64).is_ok();
        let body = compression::decompress_within(encoding, &raw, max, &mut room)?;
        Ok(Received { raw, encoding, body, received_at, reservation })
    }

    /// Reads a body; `framing` bytes more than the limit may come.
    pub(super) async fn collect(
        &self,
        headers: &HeaderMap,
        mut body: Body,
        framing: u64,
    ) -> Result<Collected, Refused> {
        let received_at = wall_clock();
        let mut reservation = self.intake.memory.reservation();
        let max = self.limits.request_bytes_max.saturating_add(framing);
        let too_large = |bytes: u64| {
            Refused::TooLarge(format!(
                "body of {} bytes is larger than limits.request_bytes_max ({}): send smaller batches",
                bytes - framing,
                max - framing
            ))
        };
        if let Some(claimed) = content_length(headers).filter(|claimed| *claimed > max) {
            return Err(too_large(claimed));
        }
        let mut first = Bytes::new();
        let mut joined = BytesMut::new();
        let end = Instant::now() + BODY_TIME_MAX;
        while let Some(frame) = next_frame(&mut body, end).await? {
            let frame = frame.map_err(|error| Refused::Malformed(format!("body ended early: {error}")))?;
            let Ok(chunk) = frame.into_data() else { continue };
            if reservation.bytes() + chunk.len() as u64 > max {
                return Err(too_large(reservation.bytes() + chunk.len() as u64));
            }
            reservation.grow(chunk.len() as u64)?;
            if first.is_empty() && joined.is_empty() {
                first = chunk;
                continue;
            }
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&chunk);
        }
        let raw = if joined.is_empty() { first } else { joined.freeze() };
        Ok(Collected { raw, received_at, reservation })
    }

    /// Appends a walked request and counts it; an empty one is not stored.
    ///
    /// # Errors
    /// [`Refused::Busy`] when the journal or the engine cannot take it now.
    pub async fn accept(&self, request: Walked, rejected: u32) -> Result<Option<Receipt>, Refused> {
        let protocol = request.format.name();
        let labels = ReceiverLabels { protocol };
        let (items, bytes) = (u64::from(request.items), request.payload.len() as u64);
        let receipt = if request.decompressed_len == 0 { None } else { Some(self.intake.accept(request).await?) };
        self.telemetry.receiver_requests.get_or_create(&labels).inc();
        self.telemetry.receiver_items.get_or_create(&labels).inc_by(items);
        self.telemetry.receiver_bytes.get_or_create(&labels).inc_by(bytes);
        if rejected > 0 {
            let labels = ReasonLabels { protocol, reason: "invalid" };
            self.telemetry.receiver_rejected_items.get_or_create(&labels).inc_by(u64::from(rejected));
        }
        Ok(receipt)
    }

    /// Counts a refused request.
    pub fn count_refused(&self, format: WireFormat, refused: &Refused) {
        let labels = ReasonLabels { protocol: format.name(), reason: refused.name() };
        self.telemetry.receiver_refused_requests.get_or_create(&labels).inc();
        tracing::debug!(protocol = labels.protocol, reason = labels.reason, detail = %refused, "request refused");
    }
}

/// The body's next frame, unless it takes too long.
async fn next_frame(body: &mut Body, end: Instant) -> Result<Option<Result<Frame<Bytes>, axum::Error>>, Refused> {
    let until = end.min(Instant::now() + BODY_SILENCE_MAX);
    tokio::time::timeout_at(until, body.frame()).await.map_err(|_| {
        let (silence, whole) = (BODY_SILENCE_MAX.as_secs(), BODY_TIME_MAX.as_secs());
        Refused::Slow(format!("the body did not come in time: no pause over {silence} s, {whole} s for all of it"))
    })
}

/// A refusal as remote write and Zipkin answer it: plain text; a full gateway is 503.
#[must_use]
pub fn plain_text(refused: &Refused) -> Response {
    let message = format!("{refused}\n");
    match refused {
        Refused::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, message).into_response(),
        Refused::Malformed(_) => (StatusCode::BAD_REQUEST, message).into_response(),
        Refused::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, message).into_response(),
        Refused::Busy(_) | Refused::Slow(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER_SECONDS)], message).into_response()
        }
    }
}

/// The media type without its parameters, lower-case.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// `Content-Encoding` where identity, gzip and zstd are understood.
///
/// # Errors
/// [`Refused::Unsupported`] naming what is.
pub fn body_encoding(headers: &HeaderMap) -> Result<Encoding, Refused> {
    let name = content_encoding(headers);
    encoding_named(&name).ok_or_else(|| {
        Refused::Unsupported(format!("content-encoding {name:?} is not supported: send gzip, zstd or identity"))
    })
}

/// The encoding of this lower-case name, as gRPC and HTTP have it.
pub(super) fn encoding_named(name: &str) -> Option<Encoding> {
    match name {
        "" | "identity" => Some(Encoding::Identity),
        "gzip" | "x-gzip" => Some(Encoding::Gzip),
        "zstd" => Some(Encoding::Zstd),
        _ => None,
    }
}

/// `Content-Encoding`, lower-case, empty when absent.
#[must_use]
pub fn content_encoding(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.trim().to_ascii_lowercase()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
