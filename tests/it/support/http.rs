//! A small HTTP client for tests: every answer is a status and a body, JSON where asked for.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::Value;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    /// Itself, if the status is 2xx.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "answered {}: {}", self.status, self.text());
        self
    }
}

/// A client; each test makes its own, for a connection must not outlive the runtime that drives it.
pub fn client() -> Client {
    static PROVIDER: LazyLock<()> = LazyLock::new(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    LazyLock::force(&PROVIDER);
    Client::builder().timeout(TIMEOUT).no_proxy().build().expect("an HTTP client")
}

/// Sends one request; `Err` when no answer came.
pub async fn request(
    client: &Client,
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Result<Answer, reqwest::Error> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            (name, HeaderValue::from_str(value).expect("a header value"))
        })
        .collect();
    let response = client.request(method, url).headers(headers).body(body.into()).send().await?;
    let status = response.status().as_u16();
    Ok(Answer { status, body: response.bytes().await?.to_vec() })
}

/// `GET`; panics when no answer came.
pub async fn get(client: &Client, url: &str) -> Answer {
    request(client, Method::GET, url, &[], "").await.unwrap_or_else(|error| panic!("GET {url}: {error:?}"))
}

/// `GET` that answers `None` unless the status is 200: for polling.
pub async fn try_get(client: &Client, url: &str) -> Option<Answer> {
    request(client, Method::GET, url, &[], "").await.ok().filter(|answer| answer.status == 200)
}

/// `POST` of `body` as `content_type`; panics when no answer came.
pub async fn post(client: &Client, url: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    let headers = [(CONTENT_TYPE.as_str(), content_type)];
    request(client, Method::POST, url, &headers, body).await.unwrap_or_else(|error| panic!("POST {url}: {error:?}"))
}

/// `text` with everything but unreserved characters escaped, for query strings.
pub fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
