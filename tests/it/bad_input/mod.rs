//! What wrong, hostile and too much input gets (blueprint §3), receiver by receiver: the status, the protocol's own
//! words, memory that stays bounded, and nothing of it in the journal.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::Value;

use crate::support::gateway::Gateway;

mod answers;
mod body;
mod full;
mod hostile;
mod partial;

/// An answer with its headers.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }
}

/// Sends `body` to the receiver at `path`; panics when no answer comes.
async fn send(
    client: &Client,
    gateway: &Gateway,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Reply {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            HeaderValue::from_str(value).expect("a value"),
        );
    }
    let url = format!("{}{path}", gateway.ingest);
    let request = client.request(method.clone(), &url).headers(map).body(body);
    let response = request.send().await.unwrap_or_else(|error| panic!("{method} {url}: {error:?}"));
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, body: response.bytes().await.expect("the whole answer").to_vec() }
}

/// The wire formats on `listen.ingest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    RemoteWrite,
    Zipkin,
    Traces,
    Logs,
    Bulk,
}

impl Protocol {
    const ALL: [Self; 5] = [Self::RemoteWrite, Self::Zipkin, Self::Traces, Self::Logs, Self::Bulk];

    fn path(self) -> &'static str {
        match self {
            Self::RemoteWrite => "/api/v1/write",
            Self::Zipkin => "/api/v2/spans",
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Bulk => "/_bulk",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::RemoteWrite | Self::Traces | Self::Logs => "application/x-protobuf",
            Self::Zipkin => "application/json",
            Self::Bulk => "application/x-ndjson",
        }
    }

    /// What a sender of this protocol says about a body of `encoding`.
    fn headers(self, encoding: &'static str) -> Vec<(&'static str, &'static str)> {
        let mut headers = vec![("content-type", self.content_type())];
        if !encoding.is_empty() {
            headers.push(("content-encoding", encoding));
        }
        headers
    }

    /// The encoding that its senders use.
    fn usual_encoding(self) -> &'static str {
        if self == Self::RemoteWrite { "snappy" } else { "" }
    }

    /// Whether `reply` is an error in this protocol's own form, and what it says.
    fn error(self, reply: &Reply) -> String {
        match self {
            Self::RemoteWrite | Self::Zipkin => {
                assert!(reply.header("content-type").starts_with("text/plain"), "{reply:?}");
                reply.text()
            }
            Self::Traces | Self::Logs => {
                assert_eq!(reply.header("content-type"), "application/x-protobuf", "{reply:?}");
                let status = <body::RpcStatus as prost::Message>::decode(&*reply.body).expect("a google.rpc.Status");
                assert!(status.code > 0, "{status:?}");
                status.message
            }
            Self::Bulk => {
                assert_eq!(reply.header("x-elastic-product"), "Elasticsearch", "{reply:?}");
                let json = reply.json();
                assert_eq!(json["status"], reply.status, "{json}");
                assert!(json["error"]["type"].is_string(), "{json}");
                json["error"]["reason"].as_str().expect("a reason").to_owned()
            }
        }
    }

    async fn post(self, client: &Client, gateway: &Gateway, encoding: &'static str, body: Vec<u8>) -> Reply {
        send(client, gateway, Method::POST, self.path(), &self.headers(encoding), body).await
    }
}

/// Items in the journal of each signal: metrics, logs, traces.
async fn journalled(gateway: &Gateway) -> [u64; 3] {
    let accounts = gateway.get("/api/watchgate/v1/pipeline").await.ok().json();
    ["metrics", "logs", "traces"].map(|signal| accounts["signals"][signal]["items"].as_u64().expect("a count"))
}

/// Bytes in the journal of each signal.
async fn journal_bytes(gateway: &Gateway) -> [u64; 3] {
    let accounts = gateway.get("/api/watchgate/v1/pipeline").await.ok().json();
    ["metrics", "logs", "traces"].map(|signal| accounts["signals"][signal]["bytes"].as_u64().expect("a count"))
}
