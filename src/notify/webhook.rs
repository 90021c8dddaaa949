//! One POST of one notification, and what its outcome means. Trying again is [`delivery`](super::delivery)'s.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use thiserror::Error;

use super::payload::Payload;
use crate::alert::config::{Authorization, Source, Webhook, check_url};
use crate::alert::dispatcher::Notification;
use crate::limits::{NOTIFICATION_ANSWER_BYTES_MAX, SECRET_BYTES_MAX};
use crate::model::time::Millis;

/// Longest wait for an answer where the configuration names none.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a notification was not taken. No message holds more of a URL than scheme and host.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// It may be taken later: no connection, no answer in time, 429, 5xx.
    #[error("{what}")]
    Retryable {
        /// What happened.
        what: String,
        /// How long the target asks us to wait.
        retry_after: Option<Duration>,
    },
    /// Repeating it as it is will not help: any other status.
    #[error("{what}")]
    Permanent {
        /// What happened.
        what: String,
    },
}

/// The HTTP clients: with and without following redirects.
#[derive(Clone, Debug)]
pub struct Clients {
    following: Client,
    plain: Client,
}

impl Clients {
    /// Both clients. The process's rustls provider must be installed before.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        let build = |policy| {
            Client::builder()
                .redirect(policy)
                .no_proxy()
                .connect_timeout(TIMEOUT)
                .pool_idle_timeout(TIMEOUT * 9)
                .build()
        };
        Ok(Self { following: build(Policy::limited(10))?, plain: build(Policy::none())? })
    }
}

/// Posts `notification` once.
///
/// # Errors
/// What came instead of a 2xx.
pub async fn post(
    clients: &Clients,
    notification: &Notification,
    external_url: &str,
    now: Millis,
) -> Result<(), Failure> {
    let webhook = &*notification.webhook;
    let url = reveal(&webhook.url).await?;
    check_url(&url).map_err(permanent)?;
    let body = serde_json::to_vec(&Payload::new(notification, external_url))
        .map_err(|error| permanent(format!("payload cannot be written: {error}")))?;
    let client = if webhook.http.follow_redirects { &clients.following } else { &clients.plain };
    let mut request = client
        .post(url)
        .timeout(webhook.timeout.unwrap_or(TIMEOUT))
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("watchgate/", env!("CARGO_PKG_VERSION")))
        .body(body);
    if let Some(authorization) = &webhook.http.authorization {
        request = request.header(AUTHORIZATION, header(authorization).await?);
    }
    let answer = request.send().await.map_err(unreachable)?;
    judge(answer, now).await
}

/// Scheme and host of the target, for logs.
pub async fn redacted(webhook: &Webhook) -> String {
    let url = match &webhook.url {
        Source::Inline(secret) => secret.reveal().to_owned(),
        Source::File(_) => reveal(&webhook.url).await.unwrap_or_default(),
    };
    let parsed = reqwest::Url::parse(&url).ok();
    let host = parsed.as_ref().and_then(|url| Some(format!("{}://{}", url.scheme(), url.host_str()?)));
    host.unwrap_or_else(|| "a url that cannot be read".to_owned())
}

async fn judge(mut answer: Response, now: Millis) -> Result<(), Failure> {
    let status = answer.status();
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| wait_asked_for(value, now));
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > NOTIFICATION_ANSWER_BYTES_MAX {
            break;
        }
    }
    let what = format!("answered {status}");
    if status.is_success() {
        Ok(())
    } else if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        Err(Failure::Retryable { what, retry_after })
    } else {
        Err(Failure::Permanent { what })
    }
}

fn permanent(what: impl Into<String>) -> Failure {
    Failure::Permanent { what: what.into() }
}

/// The error's innermost cause, without a URL.
fn unreachable(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let what = if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() };
    if error.is_builder() || error.is_redirect() {
        permanent(what)
    } else {
        Failure::Retryable { what, retry_after: None }
    }
}

/// `Retry-After`: seconds, or a date.
fn wait_asked_for(value: &HeaderValue, now: Millis) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(date.as_millisecond() - now).ok().map(Duration::from_millis)
}

async fn header(authorization: &Authorization) -> Result<HeaderValue, Failure> {
    let text = match authorization {
        Authorization::Basic { username, password } => {
            let pair = format!("{}:{}", reveal(username).await?, reveal(password).await?);
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
        Authorization::Scheme { scheme, credentials } => format!("{scheme} {}", reveal(credentials).await?),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| permanent("the credentials hold characters that no header may hold"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The secret itself; one in a file is read anew each time, so that it can be rotated.
async fn reveal(source: &Source) -> Result<String, Failure> {
    match source {
        Source::Inline(secret) => Ok(secret.reveal().to_owned()),
        Source::File(path) => read_secret(path).await,
    }
}

async fn read_secret(path: &Path) -> Result<String, Failure> {
    let failed = |what: String| Failure::Retryable { what: format!("{}: {what}", path.display()), retry_after: None };
    let size = tokio::fs::metadata(path).await.map_err(|error| failed(error.to_string()))?.len();
    if size > SECRET_BYTES_MAX {
        return Err(failed(format!("holds {size} bytes, a secret at most {SECRET_BYTES_MAX}")));
    }
    let text = tokio::fs::read_to_string(path).await.map_err(|error| failed(error.to_string()))?;
    Ok(text.trim().to_owned())
}
