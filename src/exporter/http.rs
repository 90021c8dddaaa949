//! One POST to a store, and what its answer means before any store's own rules.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};

use super::config::Exporter;
use super::secret::Auth;
use crate::model::time::wall_clock;
use crate::net::client::client;
use crate::pipeline::breaker::Outcome;
use crate::pipeline::exporter::{Answer, RetryReason};
use crate::pipeline::pool::Pool;

/// Longest part of a store's answer that is kept as a reason.
const DETAIL_BYTES_MAX: usize = 512;
/// Answers larger than this are not read: a `_bulk` answer of 15 MB of documents is below it.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// No store's `Retry-After` makes us wait longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// A store's endpoints; which of them a request goes to is the [`Pool`]'s decision.
#[derive(Debug)]
pub struct Endpoints {
    client: Client,
    urls: Vec<Url>,
    headers: HeaderMap,
    auth: Auth,
    pool: Arc<Pool>,
}

/// Why endpoints cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// TLS or the client.
    #[error("cannot set up the client: {0}")]
    Client(#[from] reqwest::Error),
    /// A configured header is none.
    #[error("`headers.{0}` is no valid header: names are letters, digits and `-`, values are one line")]
    Header(String),
}

/// An answer that says that the store took the request, or blames it.
#[derive(Debug)]
pub enum Reply {
    /// 2xx, with its body.
    Taken(Bytes),
    /// 400 and its like: the content is to blame.
    Blamed(String),
    /// 413.
    TooLarge(String),
}

impl Endpoints {
    /// The endpoints of `config`, each at its own of `urls`; every request carries the configured
    /// headers over those of the protocol.
    ///
    /// # Errors
    /// When the client or a header cannot be set up.
    pub fn new(config: &Exporter, urls: Vec<Url>, protocol: &[(&'static str, &str)]) -> Result<Self, SetupError> {
        let client = client(config.timeout)?;
        let mut headers = HeaderMap::new();
        let own = protocol.iter().map(|(name, value)| (*name, *value));
        let configured = config.headers.iter().map(|(name, value)| (name.as_str(), value.reveal()));
        for (name, value) in own.chain(configured) {
            let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::from_str(value).ok());
            let (name, mut value) = parsed.ok_or_else(|| SetupError::Header(name.to_owned()))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let members = config.endpoints.iter().map(|endpoint| (name(&endpoint.url), endpoint.priority));
        let pool = Arc::new(Pool::new(members, config.balance, config.retry));
        Ok(Self { client, urls, headers, auth: config.auth.clone(), pool })
    }

    /// The endpoints with their health.
    #[must_use]
    pub const fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Adds who we are; a secret in a file is read anew, so that it may rotate.
    fn authorise(&self, request: RequestBuilder) -> std::io::Result<RequestBuilder> {
        Ok(match &self.auth {
            Auth::None => request,
            Auth::Basic { username, password } => request.basic_auth(username, Some(password.read()?.reveal())),
            Auth::Bearer { token } => request.bearer_auth(token.read()?.reveal()),
        })
    }

    /// Whether an endpoint answers `method` at its own address, or at its root for `GET`, with 2xx.
    pub async fn probe(&self, method: Method, body: Bytes) -> bool {
        for url in &self.urls {
            let mut url = url.clone();
            if method == Method::GET {
                url.set_path("/");
                url.set_query(None);
            }
            let request = self.client.request(method.clone(), url).headers(self.headers.clone()).body(body.clone());
            let Ok(request) = self.authorise(request) else { continue };
            if request.send().await.is_ok_and(|response| response.status().is_success()) {
                return true;
            }
        }
        false
    }

    /// Sends `body` once, to an endpoint that takes requests; waits for one if none does.
    ///
    /// # Errors
    /// [`Answer::Retry`] where the same request must be sent again.
    pub async fn post<R>(&self, body: Bytes) -> Result<Reply, Answer<R>> {
        let permit = self.pool.acquire().await;
        let url = self.urls[permit.endpoint()].clone();
        let request = self.client.post(url).headers(self.headers.clone()).body(body);
        let request = self.authorise(request).map_err(|error| Answer::Retry {
            reason: RetryReason::Paused,
            after: None,
            detail: format!("cannot read the secret: {error}"),
        })?;
        let answer = match request.send().await {
            Ok(response) => judge(response).await,
            Err(error) => Err(unanswered(&error)),
        };
        permit.end(outcome(&answer));
        answer
    }
}

/// What an answer says about the endpoint.
const fn outcome<R>(answer: &Result<Reply, Answer<R>>) -> Outcome {
    match answer {
        Err(Answer::Retry { reason: RetryReason::Paused, .. }) => Outcome::Refused,
        Err(Answer::Retry { reason: RetryReason::Busy, .. }) | Ok(_) => Outcome::Alive,
        Err(_) => Outcome::Failed,
    }
}

/// What a status means wherever it comes from.
async fn judge<R>(response: Response) -> Result<Reply, Answer<R>> {
    let (status, after) = (response.status(), retry_after(response.headers()));
    let body = read(response).await.map_err(|error| unanswered(&error))?;
    if status.is_success() {
        return Ok(Reply::Taken(body));
    }
    let detail = detail(status, &body);
    let retry = |reason| Answer::Retry { reason, after, detail: detail.clone() };
    Err(match status {
        StatusCode::PAYLOAD_TOO_LARGE => return Ok(Reply::TooLarge(detail)),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => retry(RetryReason::Busy),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => retry(RetryReason::Paused),
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => retry(RetryReason::Paused),
        // a redirect is an address to mend, as a 404 is
        status if status.is_redirection() => retry(RetryReason::Paused),
        status if status.is_server_error() => retry(RetryReason::ServerError),
        _ => return Ok(Reply::Blamed(detail)),
    })
}

/// An address without path, query and secrets.
fn name(url: &Url) -> String {
    url.origin().ascii_serialization()
}

async fn read(mut response: reqwest::Response) -> reqwest::Result<Bytes> {
    let mut body = response.chunk().await?.unwrap_or_default();
    let mut joined = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if joined.is_empty() {
            joined.extend_from_slice(&body);
        }
        let room = ANSWER_BYTES_MAX - joined.len().min(ANSWER_BYTES_MAX);
        joined.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    if !joined.is_empty() {
        body = joined.into();
    }
    Ok(body)
}

fn unanswered<R>(error: &reqwest::Error) -> Answer<R> {
    let reason = if error.is_connect() { RetryReason::Unreachable } else { RetryReason::NoAnswer };
    // the address may hold a secret: the error is named by its causes only
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Answer::Retry { reason, after: None, detail: cause.to_string() }
}

fn detail(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(DETAIL_BYTES_MAX)]);
    format!("{}: {}", status.as_u16(), text.trim())
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110 §10.2.3).
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let asked = match text.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
            Duration::from_millis(u64::try_from(date - wall_clock()).ok()?)
        }
    };
    Some(asked.min(RETRY_AFTER_MAX))
}
