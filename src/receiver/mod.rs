//! Every HTTP protocol on `listen.ingest`, told apart by path, and OTLP/gRPC on `listen.grpc`.
//!
//! A receiver is thin: [`gate`] reads and admits the body, a codec walks it, the pipeline's intake
//! appends it, and the receiver answers in its protocol's own form. Reading order:
//! [`remote_write`], [`gate`], then any other.

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, post};
use tracing::Instrument;

use crate::telemetry::OWN_SPANS;

pub mod bulk;
pub mod elasticsearch;
pub mod gate;
pub mod grpc;
pub mod otlp;
pub mod remote_write;
mod rest;
pub mod zipkin;

use gate::Gate;

/// The table of contents of `listen.ingest`.
pub fn router(gate: Gate) -> Router {
    Router::new()
        .route("/api/v1/write", post(remote_write::write))
        .route("/api/v2/spans", post(zipkin::spans))
        .route("/v1/traces", post(otlp::traces))
        .route("/v1/logs", post(otlp::logs))
        .route("/_bulk", post(bulk::bulk).put(bulk::bulk))
        .route("/{index}/_bulk", post(bulk::bulk_into).put(bulk::bulk_into))
        .fallback(any(bulk::handshake))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(gate)
        .layer(middleware::from_fn(own_span))
        .layer(middleware::from_fn(rest::discard))
}

/// 405; `Allow` is the router's.
async fn method_not_allowed(method: Method, uri: Uri) -> (StatusCode, String) {
    (StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not taken at {}: send POST\n", uri.path()))
}

/// A span about the request, where a tracer is installed.
async fn own_span(request: Request, next: Next) -> Response {
    let span = tracing::trace_span!(target: OWN_SPANS, "receive", otel.kind = "server", path = request.uri().path());
    next.run(request).instrument(span).await
}
