//! `POST /-/reload`: configuration and rules anew, or every reason why the old ones stay.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::State;

pub(super) async fn reload(Extract(state): Extract<State>) -> Response {
    let reload = Arc::clone(&state.reload);
    let outcome = match tokio::task::spawn_blocking(move || reload()).await {
        Ok(outcome) => outcome,
        Err(panicked) => Err(format!("the reload broke off: {panicked}")),
    };
    match outcome {
        Ok(()) => StatusCode::OK.into_response(),
        Err(problems) => {
            let text = format!("failed to reload config, the old one stays:\n{}\n", problems.trim_end());
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}
