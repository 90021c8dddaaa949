//! `/api/v1/query` and `/api/v1/query_range` over the series that rules read.
//!
//! The engine only copies samples out; evaluation happens beside it, so many at a time, so long.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::Response;
use moka::sync::Cache;
use tokio::sync::Semaphore;

use super::State;
use super::answer::{failure, invalid_parameter, with_warnings};
use super::params::Params;
use super::result::{Data, Matrix};
use crate::limits::{QUERIES_MAX, QUERY_SAMPLES_MAX, QUERY_TIMEOUT_MS};
use crate::model::labels::Labels;
use crate::model::time::{Millis, wall_clock};
use crate::rule::engine::Selection;
use crate::rule::promql::{
    Dialect, EvalError, Expr, ExprError, Instants, Selector, Value, compile_as, eval, eval_range,
};
use crate::yaml::format_duration;

/// Bytes of the texts of expressions that are kept compiled.
const COMPILED_BYTES_MAX: u64 = 256 << 10;
/// A text that nobody asks for this long is forgotten.
const COMPILED_IDLE: Duration = Duration::from_secs(600);

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What an expression reads over a range of instants; none if it is too much.
type Select = Arc<dyn Fn(Arc<Expr>, Range<Millis>) -> Later<Option<Selection>> + Send + Sync>;

/// Series by selectors, with samples in a range of time.
type Series = Arc<dyn Fn(Vec<Selector>, Range<Millis>) -> Later<Vec<Labels>> + Send + Sync>;

/// Prometheus' bound on the instants of a range query.
const INSTANTS_MAX: i64 = 11_000;

/// What queries ask of the engine. Cloning is cheap.
#[derive(Clone)]
pub struct Querier {
    select: Select,
    pub(super) series: Series,
    dialect: Dialect,
    turns: Arc<Semaphore>,
    /// Compiled expressions by their text: a panel asks the same at each refresh.
    compiled: Cache<String, Arc<Expr>>,
}

impl Querier {
    /// A querier whose queries take turns; `dialect` is what expressions mean.
    #[must_use]
    pub fn new(select: Select, series: Series, dialect: Dialect) -> Self {
        let weight = |text: &String, _: &Arc<Expr>| u32::try_from(text.len()).unwrap_or(u32::MAX);
        let compiled = Cache::builder().weigher(weight).max_capacity(COMPILED_BYTES_MAX).time_to_idle(COMPILED_IDLE);
        Self { select, series, dialect, turns: Arc::new(Semaphore::new(QUERIES_MAX)), compiled: compiled.build() }
    }

    fn compile(&self, text: &str) -> Result<Arc<Expr>, ExprError> {
        if let Some(known) = self.compiled.get(text) {
            return Ok(known);
        }
        let expr = Arc::new(compile_as(text, self.dialect)?);
        self.compiled.insert(text.to_owned(), Arc::clone(&expr));
        Ok(expr)
    }
}

/// `/api/v1/query`
pub(super) async fn instant(Extract(state): Extract<State>, params: Params) -> Response {
    let at = params.time("time", Some(wall_clock()));
    let query = at.and_then(|at| Query::read(&state, &params, Instants { first: at, last: at, step_ms: 0 }));
    answer(query, &state.querier).await
}

/// `/api/v1/query_range`
pub(super) async fn range(Extract(state): Extract<State>, params: Params) -> Response {
    let query = instants(&params).and_then(|instants| Query::read(&state, &params, instants));
    answer(query, &state.querier).await
}

fn instants(params: &Params) -> Result<Instants, Response> {
    let (first, last) = (params.time("start", None)?, params.time("end", None)?);
    if last < first {
        return Err(invalid_parameter("end", "end timestamp must not be before start time"));
    }
    let step_ms = params.duration("step")?;
    if step_ms <= 0 {
        let why = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(invalid_parameter("step", why));
    }
    if last.saturating_sub(first) / step_ms > INSTANTS_MAX {
        let why = "exceeded maximum resolution of 11,000 points per timeseries. \
                   Try decreasing the query resolution (?step=XX)";
        return Err(failure(StatusCode::BAD_REQUEST, "bad_data", why));
    }
    Ok(Instants { first, last, step_ms })
}

/// A query that has been read.
struct Query {
    expr: Arc<Expr>,
    instants: Instants,
    limit: usize,
    timeout: Duration,
}

impl Query {
    fn read(state: &State, params: &Params, instants: Instants) -> Result<Self, Response> {
        let limit = params.limit()?;
        let asked = if params.get("timeout").is_empty() { QUERY_TIMEOUT_MS } else { params.duration("timeout")? };
        let timeout = Duration::from_millis(asked.clamp(0, QUERY_TIMEOUT_MS).unsigned_abs());
        if !params.get("lookback_delta").is_empty() {
            return Err(invalid_parameter("lookback_delta", "not supported, it is always 5m, leave it out"));
        }
        let text = params.get("query");
        let compiled = state.querier.compile(text);
        let expr = compiled.map_err(|error| invalid_parameter("query", unparsable(text, &error)))?;
        Ok(Self { expr, instants, limit, timeout })
    }

    /// The result, over everything that the query reads.
    fn run(&self, selection: &Selection) -> Result<Data, Failed> {
        let started = Instant::now();
        let Instants { first, step_ms, .. } = self.instants;
        if step_ms == 0 {
            return match eval(&self.expr, selection, first)? {
                Value::Scalar(value) => Ok(Data::Scalar(first, value)),
                Value::Vector(elements) => Ok(Data::Vector(first, elements)),
            };
        }
        let (mut matrix, mut points, mut late) = (Matrix::new(), 0, false);
        eval_range(&self.expr, selection, self.instants, &mut |at, value| {
            match value {
                Value::Scalar(value) => matrix.entry(Labels::default()).or_default().push((at, value)),
                Value::Vector(elements) => {
                    points += elements.len();
                    for element in elements {
                        matrix.entry(element.labels).or_default().push((at, element.value));
                    }
                }
            }
            late = started.elapsed() > self.timeout;
            !late && points <= QUERY_SAMPLES_MAX
        })?;
        match () {
            () if late => Err(Failed::Late),
            () if points > QUERY_SAMPLES_MAX => Err(EvalError::TooManySamples.into()),
            () => Ok(Data::Matrix(matrix)),
        }
    }
}

/// Why a query has no result.
enum Failed {
    Evaluation(EvalError),
    Late,
}

impl From<EvalError> for Failed {
    fn from(error: EvalError) -> Self {
        Self::Evaluation(error)
    }
}

impl Failed {
    fn response(&self) -> Response {
        match self {
            Self::Evaluation(error) => failure(StatusCode::UNPROCESSABLE_ENTITY, "execution", error.to_string()),
            Self::Late => {
                let message = "query timed out in expression evaluation";
                failure(StatusCode::SERVICE_UNAVAILABLE, "timeout", message)
            }
        }
    }
}

async fn answer(query: Result<Query, Response>, querier: &Querier) -> Response {
    let query = match query {
        Ok(query) => query,
        Err(refused) => return refused,
    };
    let (limit, reads) = (query.limit, !query.expr.selectors.is_empty());
    let Ok(Ok(turn)) = tokio::time::timeout(query.timeout, Arc::clone(&querier.turns).acquire_owned()).await else {
        return Failed::Late.response();
    };
    let Instants { first, last, .. } = query.instants;
    let Some(selection) = (querier.select)(Arc::clone(&query.expr), first..last).await else {
        return Failed::from(EvalError::TooManySamples).response();
    };
    let mut warnings: Vec<String> = reads.then(|| kept(selection.back_ms)).into_iter().collect();
    // The turn ends with the work, also when whoever asked has gone.
    let work = tokio::task::spawn_blocking(move || {
        let done = query.run(&selection);
        drop(turn);
        done
    });
    match work.await {
        Ok(Ok(mut data)) => {
            if data.truncate(limit) {
                warnings.push("results truncated due to limit".to_owned());
            }
            with_warnings(data, warnings)
        }
        Ok(Err(failed)) => failed.response(),
        Err(_) => failure(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the query ended abnormally"),
    }
}

/// What a reader must know about every result.
fn kept(back_ms: Option<Millis>) -> String {
    let what = "only series that rules want are kept";
    match back_ms {
        Some(back) => format!("{what}: windows reach back {}", format_duration(back)),
        None => format!("{what}: none that this query selects"),
    }
}

/// An error as Prometheus words it: line and column, then the reason.
pub(super) fn unparsable(text: &str, error: &ExprError) -> String {
    let before = text.get(..error.at).unwrap_or(text);
    let (line, column) = (before.matches('\n').count() + 1, before.rsplit('\n').next().map_or(0, str::len) + 1);
    format!("{line}:{column}: parse error: {}", error.message)
}
