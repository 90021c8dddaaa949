//! Senders who mean harm: bombs, amplification, slow bodies, idle connections. Memory and others are unharmed.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::body::{gzip_bomb, snappy, usual};
use super::{Protocol, journalled};
use crate::support::gateway::Gateway;
use crate::support::http::client;
use crate::support::process::until;

/// Hostile requests at once.
const AT_ONCE: usize = 24;

/// The largest that the process may ever have been: the program itself, the budget of `limits.memory_bytes`, what a
/// buffer takes twice while it grows, and what an allocator keeps: 270 to 330 MiB. Without the budget these requests
/// would take 24 times up to 64 MiB, and more for what is made of them.
const RESIDENT_MAX: u64 = 512 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_and_amplifying_requests_cost_no_more_memory_than_the_budget() {
    let gateway = Gateway::start("", &[]).await;
    let zeros = gzip_bomb(b"\0", 512);
    let deletes = gzip_bomb(b"{\"delete\":{\"_index\":\"a\",\"_id\":\"b\"}}\n", 48);
    let spans = gzip_bomb(b"[[[[[[[[", 60);
    let dense = snappy(&vec![0; 60 << 20]);
    let mut senders = JoinSet::new();
    for round in 0..AT_ONCE {
        let (protocol, encoding, body) = match round % 6 {
            0 => (Protocol::Traces, "gzip", &zeros),
            1 => (Protocol::Logs, "gzip", &zeros),
            2 => (Protocol::Bulk, "gzip", &zeros),
            3 => (Protocol::Bulk, "gzip", &deletes),
            4 => (Protocol::Zipkin, "gzip", &spans),
            _ => (Protocol::RemoteWrite, "snappy", &dense),
        };
        let (url, headers, body) =
            (format!("{}{}", gateway.ingest, protocol.path()), protocol.headers(encoding), body.clone());
        senders.spawn(async move {
            let mut request = client().post(url).body(body);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            request.send().await.expect("an answer").status().as_u16()
        });
    }
    while let Some(status) = senders.join_next().await {
        let status = status.expect("a sender ends");
        assert!([400, 413, 429, 503].contains(&status), "answered {status}");
    }
    assert_eq!(journalled(&gateway).await, [0, 0, 0]);
    let resident = gateway.process.resident_max();
    println!("after {AT_ONCE} hostile requests at once the process had at most {} MiB", resident >> 20);
    assert!(resident < RESIDENT_MAX, "{} MiB", resident >> 20);
    let reply = Protocol::Zipkin.post(&client(), &gateway, "", usual(Protocol::Zipkin, 1)).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
}

/// The head of a request to the Zipkin receiver with a body of `bytes`.
fn head(bytes: usize) -> String {
    format!(
        "POST /api/v2/spans HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {bytes}\r\n\r\n"
    )
}

async fn connect(gateway: &Gateway) -> TcpStream {
    TcpStream::connect(gateway.ingest.trim_start_matches("http://")).await.expect("a connection")
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let read = stream.read(&mut bytes).await.expect("an answer");
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_body_holds_its_memory_for_ten_seconds_and_an_idle_connection_lives() {
    let gateway = Gateway::start("limits: { request_bytes_max: 1MiB, memory_bytes: 1MiB }\n", &[]).await;
    let mut idle = connect(&gateway).await;
    idle.write_all(format!("{}[]", head(2)).as_bytes()).await.expect("it is sent");
    assert!(answer(&mut idle).await.starts_with("HTTP/1.1 202"));

    let mut slow = connect(&gateway).await;
    slow.write_all(head(1 << 20).as_bytes()).await.expect("it is sent");
    slow.write_all(&vec![b' '; 900 << 10]).await.expect("it is sent");
    let started = Instant::now();
    // until the gateway has read that: otherwise the large ones below could be there first
    tokio::time::sleep(Duration::from_secs(1)).await;
    let client = client();
    let large = || [vec![b' '; 600 << 10], usual(Protocol::Zipkin, 1)].concat();
    let refused = until("the slow one holds the memory", Duration::from_secs(8), async || {
        let reply = Protocol::Zipkin.post(&client, &gateway, "", large()).await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    assert!(refused.text().contains("limits.memory_bytes"), "{}", refused.text());
    assert!(!refused.header("retry-after").is_empty());

    let given_up = answer(&mut slow).await;
    assert!(given_up.starts_with("HTTP/1.1 503") && given_up.contains("did not come in time"), "{given_up}");
    let waited = started.elapsed();
    assert!(waited > Duration::from_secs(8) && waited < Duration::from_secs(20), "{waited:?}");
    until("its memory is free again", Duration::from_secs(5), async || {
        (Protocol::Zipkin.post(&client, &gateway, "", large()).await.status == 202).then_some(())
    })
    .await;

    idle.write_all(format!("{}[]", head(2)).as_bytes()).await.expect("it is sent");
    assert!(answer(&mut idle).await.starts_with("HTTP/1.1 202"), "a sender that reports every ten seconds");
}

#[tokio::test]
async fn a_sender_that_goes_away_in_the_middle_leaves_nothing() {
    let gateway = Gateway::start("", &[]).await;
    for _ in 0..20 {
        let mut stream = connect(&gateway).await;
        stream.write_all(format!("{}[{{\"traceId\":\"1\",", head(1000)).as_bytes()).await.expect("it is sent");
    }
    let reply = Protocol::Zipkin.post(&client(), &gateway, "", usual(Protocol::Zipkin, 2)).await;
    assert_eq!(reply.status, 202);
    assert_eq!(journalled(&gateway).await, [0, 0, 2]);
}
