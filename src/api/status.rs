//! `/api/v1/status/buildinfo`: without it Grafana takes us for something else.

use axum::response::Response;
use serde::Serialize;

use super::answer::success;

/// The Prometheus whose API this is; clients choose what they ask by it.
const PROMETHEUS_API: &str = "3.13.0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    revision: &'static str,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

pub(super) async fn build_info() -> Response {
    success(BuildInfo {
        version: PROMETHEUS_API,
        revision: concat!("watchgate-", env!("CARGO_PKG_VERSION")),
        branch: "",
        build_user: "",
        build_date: "",
        go_version: "",
    })
}
