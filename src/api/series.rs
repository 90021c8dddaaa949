//! `/api/v1/series`, `/api/v1/labels`, `/api/v1/label/NAME/values`: what series rules read.

use std::collections::BTreeSet;

use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::State;
use super::answer::{failure, invalid_parameter, success, with_warnings};
use super::params::Params;
use super::query::unparsable;
use crate::model::labels::Labels;
use crate::model::time::Millis;
use crate::rule::promql::selector;

/// `/api/v1/series`
pub(super) async fn list(Extract(state): Extract<State>, params: Params) -> Response {
    if params.all("match[]").next().is_none() {
        return failure(StatusCode::BAD_REQUEST, "bad_data", "no match[] parameter provided");
    }
    match selected(&state, &params).await {
        Ok((series, limit)) => limited(series, limit),
        Err(refused) => refused,
    }
}

/// `/api/v1/labels`
pub(super) async fn names(Extract(state): Extract<State>, params: Params) -> Response {
    match selected(&state, &params).await {
        Ok((series, limit)) => {
            let names: BTreeSet<&str> = series.iter().flat_map(Labels::iter).map(|(name, _)| name).collect();
            limited(names.into_iter().collect(), limit)
        }
        Err(refused) => refused,
    }
}

/// `/api/v1/label/NAME/values`
pub(super) async fn values(Extract(state): Extract<State>, Path(name): Path<String>, params: Params) -> Response {
    match selected(&state, &params).await {
        Ok((series, limit)) => {
            let values: BTreeSet<&str> = series.iter().map(|labels| labels.get(&name)).collect();
            limited(values.into_iter().filter(|value| !value.is_empty()).collect(), limit)
        }
        Err(refused) => refused,
    }
}

/// `/api/v1/metadata`: samples come without types and help texts.
pub(super) async fn metadata() -> Response {
    success(json!({}))
}

async fn selected(state: &State, params: &Params) -> Result<(Vec<Labels>, usize), Response> {
    let limit = params.limit()?;
    let (first, last) = (params.time("start", Some(Millis::MIN))?, params.time("end", Some(Millis::MAX))?);
    if last < first {
        return Err(invalid_parameter("end", "end timestamp must not be before start time"));
    }
    let read = |text| selector(text).map_err(|error| invalid_parameter("match[]", unparsable(text, &error)));
    let selectors = params.all("match[]").map(read).collect::<Result<_, _>>()?;
    Ok(((state.querier.series)(selectors, first..last).await, limit))
}

fn limited(mut found: Vec<impl Serialize>, limit: usize) -> Response {
    let more = found.len() > limit;
    found.truncate(limit);
    let warnings = more.then(|| "results truncated due to limit".to_owned());
    with_warnings(found, warnings.into_iter().collect())
}
