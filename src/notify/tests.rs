//! Against a small HTTP server: what arrives, what is tried again, who waits for whom.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::alert::config::load;
use crate::model::alert::AlertState;
use crate::model::labels::Labels;
use crate::model::time::wall_clock;
use crate::yaml::Problems;

/// A target that gives scripted answers and hands on what it gets.
struct Hook {
    url: String,
    got: mpsc::Receiver<(HeaderMap, Value)>,
}

type Script = Arc<Mutex<VecDeque<(u16, &'static str)>>>;

async fn take(
    State((script, sender)): State<(Script, mpsc::Sender<(HeaderMap, Value)>)>,
    headers: HeaderMap,
    body: String,
) -> impl IntoResponse {
    let (status, retry_after) = script.lock().pop_front().unwrap_or((200, ""));
    let body = serde_json::from_str(&body).expect("a JSON payload");
    sender.send((headers, body)).await.expect("the test listens");
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("retry-after", retry_after)]).into_response()
}

async fn hook(script: &[(u16, &'static str)]) -> Hook {
    let (sender, got) = mpsc::channel(100);
    let script: Script = Arc::new(Mutex::new(script.iter().copied().collect()));
    let app = Router::new().route("/hook", post(take)).with_state((script, sender));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Hook { url, got }
}

fn config(hooks: &str) -> Config {
    let text = format!("route: {{receiver: r, group_wait: 0s}}\nreceivers: [{{name: r, webhook_configs: [{hooks}]}}]");
    let mut problems = Problems::new();
    load(&text, Path::new("/"), &mut problems).unwrap_or_else(|| panic!("{}", problems.print("config")))
}

fn firing(name: &str) -> Alert {
    let now = wall_clock();
    Alert {
        labels: Labels::from_pairs([("alertname", name)]),
        annotations: Labels::default(),
        group: "g".into(),
        expr: "up == 0".into(),
        state: AlertState::Firing,
        value: 0.0,
        active_at: now,
        fired_at: Some(now),
        resolved_at: None,
        keep_firing_since: None,
        received_at: Some(now),
    }
}

struct Running {
    notifier: Notifier,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    latencies: Arc<AtomicU64>,
    changes: mpsc::Receiver<()>,
}

fn start(config: Config) -> Running {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let latencies = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&latencies);
    let (changed, changes) = mpsc::channel(100);
    let settings = Settings {
        external_url: "http://gw".into(),
        backoff: Backoff { initial: Duration::from_millis(1), max: Duration::from_millis(5) },
        on_sent: Box::new(move |latency| {
            assert!((0.0..60.0).contains(&latency));
            seen.fetch_add(1, Ordering::Relaxed);
        }),
        on_change: Box::new(move || {
            let _ = changed.try_send(());
        }),
    };
    let (notifier, worker) = Notifier::new(Dispatcher::new(config), settings).expect("TLS");
    let stop = CancellationToken::new();
    let task = tokio::spawn(worker.run(stop.clone()));
    Running { notifier, stop, task, latencies, changes }
}

#[tokio::test]
async fn an_alert_arrives_with_headers_and_credentials() {
    let mut hook = hook(&[]).await;
    let auth = "http_config: {basic_auth: {username: u, password: p}}";
    let mut running = start(config(&format!("{{url: '{}', {auth}}}", hook.url)));
    running.notifier.observe(&[firing("a")], wall_clock());
    let (headers, body) = hook.got.recv().await.expect("a notification");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["authorization"], "Basic dTpw");
    assert_eq!((&body["status"], &body["alerts"][0]["labels"]["alertname"]), (&"firing".into(), &"a".into()));
    running.changes.recv().await.expect("a change");
    assert_eq!(running.latencies.load(Ordering::Relaxed), 1);
    assert_eq!(running.notifier.counts(), Counts { sent: 1, ..Counts::default() });
    assert_eq!(running.notifier.state().log.len(), 1);
    running.stop.cancel();
    running.task.await.expect("the worker ends");
}

#[tokio::test]
async fn what_may_help_is_tried_again_and_what_may_not_is_not() {
    let mut hook = hook(&[(503, "0"), (429, "Wed, 21 Oct 2015 07:28:00 GMT"), (500, "")]).await;
    let mut running = start(config(&format!("{{url: '{}'}}", hook.url)));
    running.notifier.observe(&[firing("a")], wall_clock());
    for _ in 0..4 {
        hook.got.recv().await.expect("an attempt");
    }
    running.changes.recv().await.expect("a change");
    assert_eq!(running.notifier.counts(), Counts { sent: 1, retried: 3, ..Counts::default() });

    let mut hook = self::hook(&[(404, "")]).await;
    let mut running = start(config(&format!("{{url: '{}'}}", hook.url)));
    running.notifier.observe(&[firing("a")], wall_clock());
    hook.got.recv().await.expect("an attempt");
    running.changes.recv().await.expect("a change");
    assert_eq!(running.notifier.counts(), Counts { refused: 1, ..Counts::default() });
    assert_eq!(running.notifier.state().log.len(), 0, "it is due again at the next interval");
}

#[tokio::test]
async fn a_dead_target_holds_up_no_other() {
    let mut hook = hook(&[]).await;
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let silent = dead.local_addr().expect("an address");
    let text = format!("{{url: 'http://{silent}/'}}, {{url: 'http://127.0.0.1:9/'}}, {{url: '{}'}}", hook.url);
    let mut running = start(config(&text));
    for name in ["a", "b", "c"] {
        running.notifier.observe(&[firing(name)], wall_clock());
    }
    let (_, body) = hook.got.recv().await.expect("a notification");
    assert_eq!(body["alerts"][0]["labels"]["alertname"], "a");
    running.changes.recv().await.expect("a change");
    assert_eq!(running.notifier.counts().sent, 1);
    running.stop.cancel();
}

#[tokio::test]
async fn failures_name_no_more_of_a_url_than_its_host() {
    let config = config("{url: 'http://127.0.0.1:9/secret?token=x'}");
    let webhook = &config.receivers[0].webhooks[0];
    assert_eq!(webhook::redacted(webhook).await, "http://127.0.0.1");
    let mut dispatcher = Dispatcher::new(config.clone());
    let now = wall_clock();
    dispatcher.on_alert(&firing("a"), now);
    let notification = dispatcher.due(wall_clock() + 10).remove(0);
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let clients = webhook::Clients::new().expect("TLS");
    let failure = webhook::post(&clients, &notification, "", now).await.expect_err("nobody listens");
    assert!(matches!(&failure, webhook::Failure::Retryable { what, .. } if !what.contains("secret")), "{failure}");
}
