//! Prometheus' envelope: `{"status":"success","data":…}` or an error with its type.

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

#[derive(Serialize)]
struct Success<T> {
    status: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    status: &'static str,
    error_type: &'static str,
    error: String,
}

/// 200 with `data`.
pub(super) fn success(data: impl Serialize) -> Response {
    with_warnings(data, Vec::new())
}

/// 200 with `data` and what is doubtful about it.
pub(super) fn with_warnings(data: impl Serialize, warnings: Vec<String>) -> Response {
    Json(Success { status: "success", data, warnings }).into_response()
}

/// An error in Prometheus' form.
pub(super) fn failure(code: StatusCode, error_type: &'static str, error: impl Into<String>) -> Response {
    (code, Json(Failure { status: "error", error_type, error: error.into() })).into_response()
}

/// 400 about one parameter, in Prometheus' words.
pub(super) fn invalid_parameter(name: &str, why: impl std::fmt::Display) -> Response {
    failure(StatusCode::BAD_REQUEST, "bad_data", format!("invalid parameter \"{name}\": {why}"))
}

/// 404 for what is not there.
pub(super) async fn not_found(uri: Uri) -> Response {
    failure(StatusCode::NOT_FOUND, "not_found", format!("page not found: {}", uri.path()))
}

/// 404 in the words by which Grafana knows that there is no Cortex ruler.
pub(super) async fn no_ruler() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// 405 for a path that knows other methods.
pub(super) async fn method_not_allowed(uri: Uri) -> Response {
    let error = format!("method not allowed for {}", uri.path());
    failure(StatusCode::METHOD_NOT_ALLOWED, "bad_data", error)
}
