//! A gateway that is full: 503 or 429 with `Retry-After`, then it takes requests again.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use tokio::net::TcpListener;

use super::body::usual;
use super::{Protocol, Reply, journalled};
use crate::support::gateway::Gateway;
use crate::support::http::client;
use crate::support::process::{free_port, until};

/// How long it may take to be ready for more once its stores are back.
const RECOVERY: Duration = Duration::from_secs(30);

fn assert_come_back(protocol: Protocol, reply: &Reply, words: &str) {
    let said = protocol.error(reply);
    assert_eq!(reply.status, if protocol == Protocol::Bulk { 429 } else { 503 }, "{protocol:?}: {said}");
    assert!(reply.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{protocol:?}: {reply:?}");
    assert!(said.contains(words), "{protocol:?}: {said}");
}

/// A store that takes everything at `port`.
async fn store(port: u16) -> tokio::task::JoinHandle<()> {
    let bulk = |body: String| async move {
        let items = body.lines().count() / 2;
        let items = vec![r#"{"create":{"status":201}}"#; items].join(",");
        format!("{{\"errors\":false,\"items\":[{items}]}}")
    };
    let router = Router::new()
        .route("/api/v1/write", any(async || StatusCode::NO_CONTENT))
        .route("/api/v2/spans", any(async || StatusCode::ACCEPTED))
        .route("/_bulk", any(bulk))
        .route("/{index}/_bulk", any(bulk))
        .fallback(any(async || StatusCode::NOT_FOUND));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is still free");
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") })
}

#[tokio::test]
async fn a_full_journal_sends_senders_away_and_takes_them_back_once_its_stores_are_there() {
    let port = free_port();
    let retry = "retry: { initial: 50ms, max: 200ms }, start: earliest";
    let config = format!(
        "limits: {{ request_bytes_max: 64KiB }}\njournal: {{ bytes_max: 256KiB }}\nexporters:\n\
         \x20 prometheus: {{ endpoint: 'http://127.0.0.1:{port}/api/v1/write', {retry} }}\n\
         \x20 elasticsearch: {{ endpoints: ['http://127.0.0.1:{port}'], {retry} }}\n\
         \x20 zipkin: {{ endpoint: 'http://127.0.0.1:{port}/api/v2/spans', {retry} }}\n"
    );
    let gateway = Gateway::start(&config, &[]).await;
    let client = client();
    for protocol in Protocol::ALL {
        let mut taken = 0;
        let refused = loop {
            let reply = protocol.post(&client, &gateway, protocol.usual_encoding(), usual(protocol, 400)).await;
            if reply.status >= 300 {
                break reply;
            }
            taken += 1;
            assert!(taken < 500, "{protocol:?} is never full");
        };
        assert_come_back(protocol, &refused, "journal");
    }
    let metrics = gateway.get("/metrics").await.ok().text();
    assert!(metrics.contains("reason=\"busy\""), "{metrics}");
    assert_eq!(gateway.get("/-/healthy").await.status, 200, "full is not ill");

    let store = store(port).await;
    for protocol in Protocol::ALL {
        until(&format!("{protocol:?} is taken again"), RECOVERY, async || {
            let reply = protocol.post(&client, &gateway, protocol.usual_encoding(), usual(protocol, 1)).await;
            (reply.status < 300).then_some(())
        })
        .await;
    }
    store.abort();
}

#[tokio::test]
async fn a_disk_with_less_than_min_free_accepts_nothing() {
    let gateway = Gateway::start("journal: { min_free: 99.9% }\n", &[]).await;
    let client = client();
    for protocol in Protocol::ALL {
        let reply = protocol.post(&client, &gateway, protocol.usual_encoding(), usual(protocol, 1)).await;
        assert_come_back(protocol, &reply, "min_free");
    }
    assert_eq!(journalled(&gateway).await, [0, 0, 0]);
}
