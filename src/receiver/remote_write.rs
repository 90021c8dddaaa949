//! `POST /api/v1/write`: Prometheus remote write 1.0.
//!
//! Success is 204, a wrong request 400, a full gateway always 503: Prometheus drops on 429 unless
//! told otherwise (blueprint §3).

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::gate::{Gate, Refused, content_encoding, media_type, plain_text};
use crate::codec::remote_write;
use crate::model::sample::StagedSamples;
use crate::model::signal::{Encoding, WireFormat};

/// The v2 message's name in the `proto` parameter of the content type.
const V2_MESSAGE: &str = "io.prometheus.write.v2.request";

/// Takes one write request.
pub async fn write(State(gate): State<Gate>, headers: HeaderMap, body: Body) -> Response {
    match take(&gate, &headers, body).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => {
            gate.count_refused(WireFormat::RemoteWriteV1, &refused);
            plain_text(&refused)
        }
    }
}

async fn take(gate: &Gate, headers: &HeaderMap, body: Body) -> Result<(), Refused> {
    check_type(headers)?;
    let mut received = gate.read(Encoding::Snappy, headers, body).await?;
    let mut staged = StagedSamples::default();
    let mut found = remote_write::walk(received.body.clone(), &gate.limits, &mut staged)?;
    received.reservation.grow(staged.bytes() as u64)?;
    let (rejected, reason) = (found.rejected, found.first_rejection.take());
    let mut request = received.walked(WireFormat::RemoteWriteV1, found);
    request.staged = Some(staged);
    gate.accept(request, rejected).await?;
    // valid series are kept, as the specification allows beside a 400
    if rejected > 0 { Err(Refused::Malformed(reason.unwrap_or_default())) } else { Ok(()) }
}

fn check_type(headers: &HeaderMap) -> Result<(), Refused> {
    let media_type = media_type(headers);
    if !matches!(media_type.as_str(), "" | "application/x-protobuf") {
        return Err(Refused::Unsupported(format!(
            "content-type {media_type:?} is not remote write: send application/x-protobuf"
        )));
    }
    let parameters = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if parameters.to_ascii_lowercase().contains(V2_MESSAGE) {
        let message = "remote write 2.0 is not yet supported: send prometheus.WriteRequest (1.0)";
        return Err(Refused::Unsupported(message.to_owned()));
    }
    match content_encoding(headers).as_str() {
        "" | "snappy" => Ok(()),
        other => Err(Refused::Unsupported(format!("content-encoding {other:?} is not remote write: send snappy"))),
    }
}
