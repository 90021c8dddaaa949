//! `/api/watchgate/v1/pipeline`: what was accepted, and where it is now.

use axum::Json;
use axum::extract::State as Extract;

use super::State;

pub(super) async fn show(Extract(state): Extract<State>) -> Json<serde_json::Value> {
    Json((state.pipeline)())
}
