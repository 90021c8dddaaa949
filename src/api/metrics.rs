//! `/metrics`: own metrics in the OpenMetrics text format.

use axum::extract::State as Extract;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::State;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn show(Extract(state): Extract<State>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], (state.metrics)()).into_response()
}
