//! The HTTP interface for people and tools: Prometheus' API where it has one, our own elsewhere.
//!
//! The router below is the table of contents; each resource is one small file. What the handlers
//! show comes through the function handles of [`State`]: nothing here knows the engine, the journal
//! or the wiring, and nothing here waits for them longer than a lock.
//!
//! Requests pass [`guard`] first: until there is `auth`, the only callers are those on this machine.

mod alerts;
mod answer;
pub mod dead_letters;
mod guard;
mod health;
mod metrics;
mod number;
#[expect(clippy::result_large_err, reason = "a refusal is the response itself")]
mod params;
mod pipeline;
#[expect(clippy::result_large_err, reason = "a refusal is the response itself")]
mod query;
mod reload;
mod result;
mod rules;
#[expect(clippy::result_large_err, reason = "a refusal is the response itself")]
mod series;
mod status;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

pub use guard::Allowed;
pub use query::Querier;

use crate::rule::engine::GroupView;

/// A handle to something that answers when asked.
pub type Ask<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// A handle to something that takes a moment to answer.
pub type AskLater<T> = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = T> + Send>> + Send + Sync>;

/// What the interface shows and triggers. Cloning is cheap.
#[derive(Clone)]
pub struct State {
    /// Rule groups with their rules and alerts, in the order of files and groups.
    pub groups: AskLater<Vec<GroupView>>,
    /// Own metrics in the OpenMetrics text format.
    pub metrics: Ask<String>,
    /// Whether requests are taken; if not, why.
    pub ready: Ask<Result<(), String>>,
    /// Reads rules and alerting anew; all problems if the old ones stay.
    pub reload: AskLater<Result<(), String>>,
    /// The accounting of `/api/watchgate/v1/pipeline`.
    pub pipeline: Ask<serde_json::Value>,
    /// The engine's series, for queries.
    pub querier: Querier,
    /// Dead letters: listed, shown, replayed, purged.
    pub letters: dead_letters::Asks,
    /// The callers let in.
    pub allowed: Arc<Allowed>,
}

/// Every path of the interface.
pub fn router(state: State) -> Router {
    let allowed = Arc::clone(&state.allowed);
    Router::new()
        .route("/api/v1/alerts", get(alerts::list))
        .route("/api/v1/label/{name}/values", get(series::values))
        .route("/api/v1/labels", get(series::names).post(series::names))
        .route("/api/v1/metadata", get(series::metadata))
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route("/api/v1/rules", get(rules::list))
        .route("/api/v1/rules/{namespace}/{group}", any(answer::no_ruler))
        .route("/api/v1/series", get(series::list).post(series::list))
        .route("/api/v1/status/buildinfo", get(status::build_info))
        .route("/api/watchgate/v1/pipeline", get(pipeline::show))
        .route("/api/watchgate/v1/dead-letters", get(dead_letters::list).delete(dead_letters::purge))
        .route("/api/watchgate/v1/dead-letters/replay", post(dead_letters::replay))
        .route("/api/watchgate/v1/dead-letters/{id}", get(dead_letters::show))
        .route("/metrics", get(metrics::show))
        .route("/-/healthy", get(health::healthy))
        .route("/-/ready", get(health::ready))
        .route("/-/reload", post(reload::reload).put(reload::reload))
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::method_not_allowed)
        .with_state(state)
        .layer(from_fn_with_state(allowed, guard::check))
}
