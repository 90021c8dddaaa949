//! `POST /api/v2/spans`: Zipkin v2 JSON. Success is 202 with an empty body, as Zipkin answers.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::gate::{Gate, Refused, body_encoding, media_type, plain_text};
use crate::codec::zipkin;
use crate::model::signal::WireFormat;

/// Takes a list of spans.
pub async fn spans(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Response {
    match take(&gate, &headers, body).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(refused) => {
            gate.count_refused(WireFormat::ZipkinJson, &refused);
            plain_text(&refused)
        }
    }
}

async fn take(gate: &Gate, headers: &HeaderMap, body: Body) -> Result<(), Refused> {
    match media_type(headers).as_str() {
        "" | "application/json" => {}
        "application/x-protobuf" => {
            let message = "Zipkin protobuf is not yet supported: send application/json";
            return Err(Refused::Unsupported(message.to_owned()));
        }
        other => {
            return Err(Refused::Unsupported(format!("content-type {other:?} is not Zipkin: send application/json")));
        }
    }
    let received = gate.read(body_encoding(headers)?, headers, body).await?;
    let mut found = zipkin::walk(&received.body, &gate.limits)?;
    let (rejected, reason) = (found.rejected, found.first_rejection.take());
    if found.items > 0 {
        gate.accept(received.walked(WireFormat::ZipkinJson, found), rejected).await?;
    }
    // valid spans are kept; Zipkin knows no partial success, and a 400 is not sent again
    if rejected > 0 { Err(Refused::Malformed(reason.unwrap_or_default())) } else { Ok(()) }
}
