//! `/-/healthy` and `/-/ready`, for orchestrators.

use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::State;

/// The process answers.
pub(super) async fn healthy() -> &'static str {
    "Watchgate is Healthy.\n"
}

/// Requests are taken, or 503 and why not.
pub(super) async fn ready(Extract(state): Extract<State>) -> Response {
    match (state.ready)() {
        Ok(()) => "Watchgate is Ready.\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
    }
}
