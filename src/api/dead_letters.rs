//! `/api/watchgate/v1/dead-letters`: what stores refused; list, inspect, replay, purge.

use std::pin::Pin;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::State;
use super::answer::{failure, invalid_parameter};
use crate::model::signal::Signal;
use crate::pipeline::letter::{Filter, LetterId};

/// Letters shown at once unless the caller says otherwise, and at most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// What can be asked about dead letters.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Some of them, oldest first, after the one named.
    List {
        /// Which.
        filter: Filter,
        /// How many at most.
        limit: usize,
        /// The last one of the page before.
        after: Option<LetterId>,
    },
    /// One with its payload.
    Show(LetterId),
    /// Send them through their exporters again.
    Replay(Filter),
    /// Delete them.
    Purge(Filter),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no such letter.
    #[error("there is no dead letter {0}; it may have been replayed or purged")]
    NotFound(LetterId),
    /// The disk refuses, or the gateway does not run.
    #[error("{0}")]
    Failed(String),
}

/// The handle to those who know.
pub type Asks = Arc<dyn Fn(Ask) -> Pin<Box<dyn Future<Output = Result<Value, AskError>> + Send>> + Send + Sync>;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    exporter: Option<String>,
    signal: Option<String>,
    id: Option<String>,
    all: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

impl Parameters {
    fn filter(&self) -> Result<Filter, (&'static str, String)> {
        let ids = self.id.iter().flat_map(|ids| ids.split(','));
        let ids = ids.map(str::parse).collect::<Result<Vec<_>, _>>().map_err(|why| ("id", why))?;
        let signal = match &self.signal {
            None => None,
            Some(name) => {
                let found = Signal::ALL.into_iter().find(|signal| signal.name() == name);
                Some(found.ok_or_else(|| ("signal", format!("`{name}` is none of metrics, logs, traces")))?)
            }
        };
        Ok(Filter { ids, exporter: self.exporter.clone(), signal })
    }

    /// A filter that somebody meant.
    fn named(&self) -> Result<Filter, (&'static str, String)> {
        let filter = self.filter()?;
        if filter.is_all() && self.all.as_deref() != Some("true") {
            return Err(("id", "name letters by id, exporter or signal, or write all=true".to_owned()));
        }
        Ok(filter)
    }

    fn list(&self) -> Result<Ask, (&'static str, String)> {
        let limit = match self.limit.as_deref().map(str::parse) {
            None => LIMIT,
            Some(Ok(limit @ 1..=LIMIT_MAX)) => limit,
            Some(_) => return Err(("limit", format!("write 1 to {LIMIT_MAX}"))),
        };
        let after = self.after.as_deref().map(str::parse).transpose().map_err(|why| ("after", why))?;
        Ok(Ask::List { filter: self.filter()?, limit, after })
    }
}

async fn answer(state: &State, ask: Result<Ask, (&'static str, String)>) -> Response {
    let ask = match ask {
        Ok(ask) => ask,
        Err((name, why)) => return invalid_parameter(name, why),
    };
    match (state.letters)(ask).await {
        Ok(value) => Json(value).into_response(),
        Err(error @ AskError::NotFound(_)) => failure(StatusCode::NOT_FOUND, "not_found", error.to_string()),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string()),
    }
}

pub(super) async fn list(Extract(state): Extract<State>, Query(parameters): Query<Parameters>) -> Response {
    answer(&state, parameters.list()).await
}

pub(super) async fn show(Extract(state): Extract<State>, Path(id): Path<String>) -> Response {
    answer(&state, id.parse().map(Ask::Show).map_err(|why| ("id", why))).await
}

pub(super) async fn replay(Extract(state): Extract<State>, Query(parameters): Query<Parameters>) -> Response {
    answer(&state, parameters.named().map(Ask::Replay)).await
}

pub(super) async fn purge(Extract(state): Extract<State>, Query(parameters): Query<Parameters>) -> Response {
    answer(&state, parameters.named().map(Ask::Purge)).await
}
