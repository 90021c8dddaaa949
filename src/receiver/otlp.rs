//! `POST /v1/traces`, `/v1/logs` and `/v1/metrics`: OTLP/HTTP in protobuf and JSON (OTLP 1.11, "OTLP/HTTP").
//!
//! Success is 200 with an empty response message; some invalid items are a partial success, still
//! 200; errors carry a `google.rpc.Status`. Answers are in the form of the request. JSON is
//! rewritten as protobuf once, here, and stored so.
//!
//! What OTLP is over any transport stands here too, [`Service`] and [`status`]: `grpc` uses it.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::gate::{Gate, RETRY_AFTER_SECONDS, Received, Refused, body_encoding, media_type};
use super::otlp_metrics;
use crate::codec::{DecodeError, Walked, json, otlp_json, otlp_logs, otlp_traces, proto};
use crate::limits::Limits;
use crate::model::signal::{Encoding, WireFormat};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Writes a request's JSON form as protobuf.
type Rewrite = fn(&[u8], &Limits) -> Result<Vec<u8>, DecodeError>;

/// What one signal's `Export` call differs in.
pub(super) struct Service {
    /// Its name in own metrics.
    pub(super) protocol: &'static str,
    stored: Stored,
    /// JSON to protobuf.
    rewrite: Option<Rewrite>,
    /// The count of rejected items in the JSON form of a partial success.
    rejected_name: &'static str,
}

/// `opentelemetry.proto.collector.trace.v1.TraceService`.
pub(super) const TRACES: Service = Service {
    protocol: WireFormat::OtlpTraces.name(),
    stored: Stored::AsItCame(WireFormat::OtlpTraces, otlp_traces::walk),
    rewrite: Some(otlp_json::traces),
    rejected_name: "rejectedSpans",
};

/// `opentelemetry.proto.collector.logs.v1.LogsService`.
pub(super) const LOGS: Service = Service {
    protocol: WireFormat::OtlpLogs.name(),
    stored: Stored::AsItCame(WireFormat::OtlpLogs, otlp_logs::walk),
    rewrite: Some(otlp_json::logs),
    rejected_name: "rejectedLogRecords",
};

/// `opentelemetry.proto.collector.metrics.v1.MetricsService`.
pub(super) const METRICS: Service = Service {
    protocol: otlp_metrics::PROTOCOL,
    stored: Stored::AsSeries,
    rewrite: None,
    rejected_name: "rejectedDataPoints",
};

/// What becomes of a request.
enum Stored {
    /// The journal has the message itself.
    AsItCame(WireFormat, fn(&[u8], &Limits) -> Result<Walked, DecodeError>),
    /// The journal has the series that it means, in remote write.
    AsSeries,
}

/// Items that were rejected, and why the first was.
pub(super) struct Rejected {
    /// How many.
    pub(super) items: u32,
    /// The first one, and why.
    pub(super) reason: String,
}

impl Service {
    /// Walks and stores a request; answers what a partial success has to say, if anything.
    pub(super) async fn store(&self, gate: &Gate, received: Received) -> Result<Option<Rejected>, Refused> {
        let Stored::AsItCame(format, walk) = self.stored else {
            return otlp_metrics::take(gate, received).await;
        };
        let mut found = walk(&received.body, &gate.limits)?;
        let (items, reason) = (found.rejected, found.first_rejection.take());
        if found.items > 0 || items > 0 {
            gate.accept(received.walked(format, found), items).await?;
        }
        Ok((items > 0).then(|| Rejected { items, reason: reason.unwrap_or_default() }))
    }

    /// A JSON request as if it had come in protobuf.
    fn rewritten(&self, gate: &Gate, mut received: Received) -> Result<Received, Refused> {
        let Some(rewrite) = self.rewrite else {
            let message = format!("OTLP metrics in JSON are not yet supported: send {PROTOBUF}");
            return Err(Refused::Unsupported(message));
        };
        // what the message takes at most, but for oddities
        received.reservation.grow(received.body.len() as u64)?;
        let message = Bytes::from(rewrite(&received.body, &gate.limits)?);
        Ok(Received { raw: message.clone(), encoding: Encoding::Identity, body: message, ..received })
    }
}

/// The form of a request over HTTP, and of its answer.
#[derive(Clone, Copy)]
enum Form {
    Protobuf,
    Json,
}

/// Takes an `ExportTraceServiceRequest`.
pub async fn traces(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Response {
    export(&gate, &TRACES, &headers, body).await
}

/// Takes an `ExportLogsServiceRequest`.
pub async fn logs(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Response {
    export(&gate, &LOGS, &headers, body).await
}

/// Takes an `ExportMetricsServiceRequest`.
pub async fn metrics(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Response {
    export(&gate, &METRICS, &headers, body).await
}

async fn export(gate: &Gate, service: &Service, headers: &HeaderMap, body: Body) -> Response {
    let media_type = media_type(headers);
    let form = if media_type == JSON { Form::Json } else { Form::Protobuf };
    match take(gate, service, &media_type, headers, body).await {
        Ok(rejected) => form.answer(StatusCode::OK, form.success(service, rejected.as_ref())),
        Err(refused) => {
            gate.count_refused_as(service.protocol, &refused);
            form.refusal(&refused)
        }
    }
}

async fn take(
    gate: &Gate,
    service: &Service,
    media_type: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Option<Rejected>, Refused> {
    if ![PROTOBUF, JSON].contains(&media_type) {
        let message = format!("content-type {media_type:?} is not OTLP: send {PROTOBUF} or {JSON}");
        return Err(Refused::Unsupported(message));
    }
    let mut received = gate.read(body_encoding(headers)?, headers, body).await?;
    if media_type == JSON {
        received = service.rewritten(gate, received)?;
    }
    service.store(gate, received).await
}

impl Form {
    fn answer(self, status: StatusCode, body: Vec<u8>) -> Response {
        let media_type = match self {
            Self::Protobuf => PROTOBUF,
            Self::Json => JSON,
        };
        (status, [(header::CONTENT_TYPE, media_type)], body).into_response()
    }

    fn success(self, service: &Service, rejected: Option<&Rejected>) -> Vec<u8> {
        match (self, rejected) {
            (Self::Protobuf, rejected) => response(rejected),
            (Self::Json, None) => b"{}".to_vec(),
            (Self::Json, Some(Rejected { items, reason })) => {
                let name = service.rejected_name;
                let mut out = format!(r#"{{"partialSuccess":{{"{name}":"{items}","errorMessage":"#).into_bytes();
                json::put_string(&mut out, reason);
                out.extend_from_slice(b"}}");
                out
            }
        }
    }

    fn refusal(self, refused: &Refused) -> Response {
        let status_code = match refused {
            Refused::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refused::Malformed(_) => StatusCode::BAD_REQUEST,
            Refused::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::Busy(_) | Refused::Slow(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let body = match self {
            Self::Protobuf => status(refused),
            Self::Json => {
                let mut out = format!(r#"{{"code":{},"message":"#, rpc_code(refused)).into_bytes();
                json::put_string(&mut out, &refused.to_string());
                out.push(b'}');
                out
            }
        };
        let mut response = self.answer(status_code, body);
        if matches!(refused, Refused::Busy(_) | Refused::Slow(_)) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}

/// `Export…ServiceResponse{partial_success=1{rejected_…=1, error_message=2}}`, empty if nothing was rejected.
pub(super) fn response(rejected: Option<&Rejected>) -> Vec<u8> {
    let mut response = Vec::new();
    if let Some(Rejected { items, reason }) = rejected {
        let mut partial = Vec::new();
        proto::put_varint_field(&mut partial, 1, u64::from(*items));
        proto::put_bytes_field(&mut partial, 2, reason.as_bytes());
        proto::put_bytes_field(&mut response, 1, &partial);
    }
    response
}

/// The code of `google.rpc.Status`.
pub(super) const fn rpc_code(refused: &Refused) -> u64 {
    match refused {
        Refused::Malformed(_) => 3,                // INVALID_ARGUMENT
        Refused::TooLarge(_) => 8,                 // RESOURCE_EXHAUSTED
        Refused::Unsupported(_) => 12,             // UNIMPLEMENTED
        Refused::Busy(_) | Refused::Slow(_) => 14, // UNAVAILABLE
    }
}

/// `google.rpc.Status{code=1, message=2}`.
pub(super) fn status(refused: &Refused) -> Vec<u8> {
    let mut out = Vec::new();
    proto::put_varint_field(&mut out, 1, rpc_code(refused));
    proto::put_bytes_field(&mut out, 2, refused.to_string().as_bytes());
    out
}
