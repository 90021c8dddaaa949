//! `POST /v1/traces`, `/v1/logs` and `/v1/metrics`: OTLP/HTTP protobuf (OTLP 1.11, "OTLP/HTTP").
//!
//! Success is 200 with an empty response message; some invalid items are a partial success, still
//! 200; errors carry a `google.rpc.Status`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::gate::{Gate, RETRY_AFTER_SECONDS, Received, Refused, body_encoding, media_type};
use super::otlp_metrics::{self, Rejected};
use crate::codec::{DecodeError, Walked, otlp_logs, otlp_traces, proto};
use crate::limits::Limits;
use crate::model::signal::WireFormat;

const PROTOBUF: &str = "application/x-protobuf";

/// Codes of `google.rpc.Status`.
#[derive(Clone, Copy)]
enum RpcCode {
    InvalidArgument = 3,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Unavailable = 14,
}

/// Takes an `ExportTraceServiceRequest`.
pub async fn traces(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Response {
    export(&gate, WireFormat::OtlpTraces, otlp_traces::walk, &headers, body).await
}

/// Takes an `ExportLogsServiceRequest`.
pub async fn logs(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Response {
    export(&gate, WireFormat::OtlpLogs, otlp_logs::walk, &headers, body).await
}

/// Takes an `ExportMetricsServiceRequest`.
pub async fn metrics(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Response {
    let taken = async {
        let received = read(&gate, &headers, body).await?;
        otlp_metrics::take(&gate, received).await
    };
    match taken.await {
        Ok(taken) => {
            let partial = taken.map_or(Vec::new(), |Rejected { points, reason }| partial_success(points, &reason));
            ([(header::CONTENT_TYPE, PROTOBUF)], partial).into_response()
        }
        Err(refused) => {
            gate.count_refused_as(otlp_metrics::PROTOCOL, &refused);
            respond(&refused)
        }
    }
}

type Walk = fn(&[u8], &Limits) -> Result<Walked, DecodeError>;

async fn export(gate: &Gate, format: WireFormat, walk: Walk, headers: &HeaderMap, body: Body) -> Response {
    match take(gate, format, walk, headers, body).await {
        Ok(partial) => ([(header::CONTENT_TYPE, PROTOBUF)], partial).into_response(),
        Err(refused) => {
            gate.count_refused(format, &refused);
            respond(&refused)
        }
    }
}

/// Answers the response message: empty, or with its partial success.
async fn take(
    gate: &Gate,
    format: WireFormat,
    walk: Walk,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, Refused> {
    let received = read(gate, headers, body).await?;
    let mut found = walk(&received.body, &gate.limits)?;
    let (rejected, reason) = (found.rejected, found.first_rejection.take());
    if found.items > 0 || rejected > 0 {
        gate.accept(received.walked(format, found), rejected).await?;
    }
    Ok(if rejected > 0 { partial_success(rejected, &reason.unwrap_or_default()) } else { Vec::new() })
}

/// Reads a protobuf body.
async fn read(gate: &Gate, headers: &HeaderMap, body: Body) -> Result<Received, Refused> {
    match media_type(headers).as_str() {
        PROTOBUF => gate.read(body_encoding(headers)?, headers, body).await,
        "application/json" => {
            let message = "OTLP/JSON is not yet supported: send application/x-protobuf";
            Err(Refused::Unsupported(message.to_owned()))
        }
        other => Err(Refused::Unsupported(format!("content-type {other:?} is not OTLP: send {PROTOBUF}"))),
    }
}

/// `Export…ServiceResponse{partial_success=1{rejected_…=1, error_message=2}}`.
fn partial_success(rejected: u32, reason: &str) -> Vec<u8> {
    let mut partial = Vec::new();
    proto::put_varint_field(&mut partial, 1, u64::from(rejected));
    proto::put_bytes_field(&mut partial, 2, reason.as_bytes());
    let mut response = Vec::new();
    proto::put_bytes_field(&mut response, 1, &partial);
    response
}

fn respond(refused: &Refused) -> Response {
    let (status, code) = match refused {
        Refused::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, RpcCode::Unimplemented),
        Refused::Malformed(_) => (StatusCode::BAD_REQUEST, RpcCode::InvalidArgument),
        Refused::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, RpcCode::ResourceExhausted),
        Refused::Busy(_) | Refused::Slow(_) => (StatusCode::SERVICE_UNAVAILABLE, RpcCode::Unavailable),
    };
    let mut body = Vec::new();
    proto::put_varint_field(&mut body, 1, code as u64);
    proto::put_bytes_field(&mut body, 2, refused.to_string().as_bytes());
    let mut response = (status, [(header::CONTENT_TYPE, PROTOBUF)], body).into_response();
    if matches!(refused, Refused::Busy(_) | Refused::Slow(_)) {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    response
}
