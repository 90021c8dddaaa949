//! `POST /_bulk` and `/{index}/_bulk`, and the handshake that Elasticsearch's clients make.
//!
//! Every answer carries `X-Elastic-Product`, and its media type is of the kind that was asked for
//! (`compatible-with=8` or `9`). A full gateway is 429, which all of these clients repeat.

use std::time::Instant;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;

use super::elasticsearch;
use super::gate::{Gate, RETRY_AFTER_SECONDS, Refused, body_encoding};
use crate::codec::bulk::{self, Defaults, answer, filter::FilterPath};
use crate::codec::elasticsearch::id::FrameId;
use crate::limits::CONTEXT_BYTES_MAX;
use crate::model::signal::WireFormat;
use crate::pipeline::memory::Reservation;

/// What an item takes in the answer and while it is made.
const ANSWER_BYTES_AN_ITEM: usize = 256;

const PRODUCT: [(&str, &str); 1] = [("x-elastic-product", "Elasticsearch")];

/// Query parameters of `_bulk` that have a meaning here; others are passed over.
#[derive(Debug, Default, Deserialize)]
pub struct Parameters {
    filter_path: Option<String>,
    pipeline: Option<String>,
    routing: Option<String>,
}

/// Takes `/_bulk`.
pub async fn bulk(State(gate): State<Gate>, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    export(&gate, Ok(None), &uri, &headers, body).await
}

/// Takes `/{index}/_bulk`.
pub async fn bulk_into(
    State(gate): State<Gate>,
    index: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let index = index.map(|Path(index)| Some(index)).map_err(|error| Refused::Malformed(error.body_text()));
    export(&gate, index, &uri, &headers, body).await
}

/// Answers what clients ask before they send, and 404 for everything else.
pub async fn handshake(State(gate): State<Gate>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    match elasticsearch::answer(method.as_str(), uri.path(), accept, &gate.elasticsearch_version) {
        Some(reply) => {
            let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, PRODUCT, [(header::CONTENT_TYPE, reply.content_type)], reply.body).into_response()
        }
        None => (StatusCode::NOT_FOUND, format!("no receiver at {}\n", uri.path())).into_response(),
    }
}

async fn export(
    gate: &Gate,
    index: Result<Option<String>, Refused>,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let answered = match index {
        Ok(index) => take(gate, index.as_deref(), uri, headers, body).await,
        Err(refused) => Err(Failed::Refused(refused)),
    };
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let kind = [(header::CONTENT_TYPE, elasticsearch::content_type(accept))];
    match answered {
        Ok(body) => (PRODUCT, kind, body).into_response(),
        Err(Failed::Refused(refused)) => {
            gate.count_refused(WireFormat::Bulk, &refused);
            let (status, body) = refusal(&refused);
            let mut response = (status, PRODUCT, kind, body).into_response();
            if matches!(refused, Refused::Busy(_) | Refused::Slow(_)) {
                let seconds = header::HeaderValue::from_static(RETRY_AFTER_SECONDS);
                response.headers_mut().insert(header::RETRY_AFTER, seconds);
            }
            response
        }
        Err(Failed::Decode(error)) => {
            let body = answer::error(&error);
            let refused = Refused::from(error);
            gate.count_refused(WireFormat::Bulk, &refused);
            (refusal(&refused).0, PRODUCT, kind, body).into_response()
        }
    }
}

/// A refusal, or a body whose error a codec words itself.
enum Failed {
    Refused(Refused),
    Decode(crate::codec::DecodeError),
}

impl<R: Into<Refused>> From<R> for Failed {
    fn from(refused: R) -> Self {
        Self::Refused(refused.into())
    }
}

async fn take(gate: &Gate, index: Option<&str>, uri: &Uri, headers: &HeaderMap, body: Body) -> Result<Bytes, Failed> {
    let started = Instant::now();
    let Query(Parameters { filter_path, pipeline, routing }) =
        Query::try_from_uri(uri).map_err(|error| Refused::Malformed(error.body_text()))?;
    let context = Defaults { index, pipeline: pipeline.as_deref(), routing: routing.as_deref() }.encode();
    if context.len() > CONTEXT_BYTES_MAX {
        let message = format!("index, pipeline and routing are {} bytes, at most {CONTEXT_BYTES_MAX}", context.len());
        return Err(Refused::Malformed(message).into());
    }
    let mut received = gate.read(body_encoding(headers)?, headers, body).await?;
    let mut found = bulk::walk(&received.body, index, &gate.limits).map_err(Failed::Decode)?;
    let answer_bytes = (found.items.len() * ANSWER_BYTES_AN_ITEM) as u64;
    received.reservation.grow(answer_bytes)?;
    let memory = received.reservation.split(answer_bytes);
    let body = received.body.clone();
    let rejected = found.walked.rejected;
    let mut request = received.walked(WireFormat::Bulk, std::mem::take(&mut found.walked));
    found.walked.rejected = rejected;
    let mut frame = None;
    if request.items > 0 || rejected == 0 {
        request.context = context.into();
        let receipt = gate.accept(request, rejected).await?;
        frame = receipt.map(|receipt| FrameId { segment_id: receipt.segment_id, offset: receipt.position.offset });
    }
    let filter = filter_path.as_deref().map(FilterPath::parse);
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let context = answer::Context { body: &body, default_index: index, frame, took_ms, filter: filter.as_ref() };
    Ok(Bytes::from_owner(Answer { body: answer::answer(&found, &context), _memory: memory }))
}

/// An answer that holds its memory until the client has taken it.
struct Answer {
    body: Vec<u8>,
    _memory: Reservation,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

fn refusal(refused: &Refused) -> (StatusCode, Vec<u8>) {
    let (status, kind) = match refused {
        Refused::Unsupported(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type_header_exception"),
        Refused::Malformed(_) => (StatusCode::BAD_REQUEST, "illegal_argument_exception"),
        Refused::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "content_too_long_exception"),
        Refused::Busy(_) | Refused::Slow(_) => (StatusCode::TOO_MANY_REQUESTS, "es_rejected_execution_exception"),
    };
    (status, answer::error_body(status.as_u16(), kind, &refused.to_string()))
}
