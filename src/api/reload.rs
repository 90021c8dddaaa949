//! `POST /-/reload`: configuration and rules anew, or every reason why the old ones stay.

use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::State;

pub(super) async fn reload(Extract(state): Extract<State>) -> Response {
    match (state.reload)().await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(problems) => {
            let text = format!("failed to reload config, the old one stays:\n{}\n", problems.trim_end());
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}
