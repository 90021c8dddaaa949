//! Starting, reloading, draining, dying and coming back: alerts are neither lost nor told twice.

use std::process::Command;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use watchgate::model::time::wall_clock;

use crate::support::gateway::Gateway;
use crate::support::http::{client, post as http_post, request};
use crate::support::process::{free_port, until};
use crate::support::remote_write::{TimeSeries, send};
use crate::support::webhook::Webhook;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// A moment in which something that must not happen would.
const MOMENT: Duration = Duration::from_secs(3);

const CONFIG: &str = "rules: { files: ['{folder}/rules.yaml'], evaluation_interval: 1s, settle: 10ms }\n\
                      alerting: { config: '{folder}/alertmanager.yml' }\n";

const RULES: &str = "groups:\n- name: g\n  rules:\n  - { alert: Down, expr: up == 0 }\n  \
                     - { alert: Strange, expr: ratio != 1 }\n";

async fn start(webhook: &Webhook) -> Gateway {
    start_with(CONFIG, &webhook.config()).await
}

async fn start_with(config: &str, alerting: &str) -> Gateway {
    Gateway::start(config, &[("rules.yaml", RULES), ("alertmanager.yml", alerting)]).await
}

async fn sample(gateway: &Gateway, name: &str, value: f64) {
    let series = TimeSeries::new(&[("__name__", name), ("job", "shop")], &[(wall_clock(), value)]);
    send(&client(), &gateway.ingest, vec![series]).await.expect("an answer").ok();
}

async fn firing(gateway: &Gateway) -> Vec<Value> {
    let alerts = gateway.get("/api/v1/alerts").await.ok().json();
    alerts["data"]["alerts"].as_array().expect("alerts").clone()
}

#[tokio::test]
async fn a_kill_after_a_notification_neither_repeats_nor_loses_one() {
    let webhook = Webhook::start().await;
    let mut gateway = start(&webhook).await;
    sample(&gateway, "up", 0.0).await;
    webhook.wait_for("Down", "firing", PATIENCE).await;
    // what a kill in the very moment of sending costs is one repetition; a moment later it costs none
    tokio::time::sleep(Duration::from_millis(500)).await;
    gateway.crash_and_recover_with(async || {}).await;
    assert_eq!(firing(&gateway).await.len(), 1, "it fires on");
    tokio::time::sleep(MOMENT).await;
    assert_eq!(webhook.count("Down", "firing"), 1, "{:?}", webhook.all());

    sample(&gateway, "up", 1.0).await;
    webhook.wait_for("Down", "resolved", PATIENCE).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    gateway.crash_and_recover_with(async || {}).await;
    tokio::time::sleep(MOMENT).await;
    assert_eq!((webhook.count("Down", "firing"), webhook.count("Down", "resolved")), (1, 1), "{:?}", webhook.all());
}

#[tokio::test]
async fn an_alert_that_fires_while_its_target_is_gone_arrives_when_it_is_back_even_over_a_restart() {
    let port = free_port();
    let alerting = format!(
        "route: {{ receiver: r, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}\n\
         receivers: [{{ name: r, webhook_configs: [{{ url: 'http://127.0.0.1:{port}/', send_resolved: true }}] }}]\n"
    );
    let mut gateway = start_with(CONFIG, &alerting).await;
    sample(&gateway, "up", 0.0).await;
    until("it fires", PATIENCE, async || (!firing(&gateway).await.is_empty()).then_some(())).await;
    let failed = async || {
        let metrics = gateway.get("/metrics").await.text();
        metrics
            .lines()
            .any(|line| line.starts_with("watchgate_notify_failures_total") && !line.ends_with(" 0"))
            .then_some(())
    };
    until("an attempt fails", PATIENCE, failed).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    gateway.crash_and_recover_with(async || {}).await;
    let webhook = Webhook::start_at(port).await;
    webhook.wait_for("Down", "firing", Duration::from_secs(60)).await;
    tokio::time::sleep(MOMENT).await;
    assert_eq!(webhook.count("Down", "firing"), 1);
    let metrics = gateway.get("/metrics").await.text();
    assert!(metrics.contains("watchgate_notify_sent_total 1"), "{metrics}");
}

#[tokio::test]
async fn an_alert_whose_value_is_no_number_survives_restarts() {
    let webhook = Webhook::start().await;
    let mut gateway = start(&webhook).await;
    sample(&gateway, "ratio", f64::NAN).await;
    webhook.wait_for("Strange", "firing", PATIENCE).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    gateway.process.stop();
    gateway.process.start_again();
    gateway.ready().await;
    gateway.crash_and_recover_with(async || {}).await;
    let alerts = firing(&gateway).await;
    assert_eq!(
        (alerts.len(), &alerts[0]["state"], &alerts[0]["value"]),
        (1, &json!("firing"), &json!("NaN")),
        "{alerts:?}"
    );
    sample(&gateway, "ratio", 1.0).await;
    webhook.wait_for("Strange", "resolved", PATIENCE).await;
    assert_eq!(webhook.count("Strange", "firing"), 1);
}

#[tokio::test]
async fn a_reload_keeps_states_and_a_wrong_one_keeps_the_old_rules_and_says_so_everywhere() {
    let webhook = Webhook::start().await;
    let gateway = start(&webhook).await;
    sample(&gateway, "up", 0.0).await;
    webhook.wait_for("Down", "firing", PATIENCE).await;
    let since = firing(&gateway).await[0]["activeAt"].clone();
    let reload = async || {
        let answer = request(&client(), Method::POST, &format!("{}/-/reload", gateway.api), &[], "").await;
        answer.expect("an answer")
    };

    gateway.write("rules.yaml", &RULES.replace("ratio != 1", "ratio >"));
    let refused = reload().await;
    assert_eq!((refused.status, refused.text().contains("rules.yaml:5:")), (500, true), "{}", refused.text());
    let shown = gateway.get("/api/watchgate/v1/pipeline").await.ok().json();
    assert!(shown["reload"]["error"].as_str().is_some_and(|error| error.contains("rules.yaml:5:")), "{shown}");
    assert!(gateway.get("/metrics").await.text().contains("watchgate_rule_reload_succeeded 0"));
    assert!(gateway.process.printed().contains("the old rules and alerting stay"), "{}", gateway.process.printed());
    assert_eq!(firing(&gateway).await[0]["activeAt"], since);

    gateway.write("rules.yaml", &RULES.replace("Strange", "Peculiar"));
    gateway.process.signal("HUP");
    until("the new rule is there", PATIENCE, async || {
        gateway.get("/api/v1/rules").await.text().contains("Peculiar").then_some(())
    })
    .await;
    assert_eq!(firing(&gateway).await[0]["activeAt"], since);
    until("the reload has ended well", PATIENCE, async || {
        gateway.get("/api/watchgate/v1/pipeline").await.ok().json()["reload"]["error"].is_null().then_some(())
    })
    .await;
    assert!(gateway.get("/metrics").await.text().contains("watchgate_rule_reload_succeeded 1"));
    tokio::time::sleep(MOMENT).await;
    assert_eq!((webhook.count("Down", "firing"), webhook.count("Down", "resolved")), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_requests_finish_and_keeps_what_was_acknowledged() {
    let mut gateway = Gateway::start("journal: { durability: fsync }\n", &[]).await;
    let mut stream = TcpStream::connect(gateway.ingest.trim_start_matches("http://")).await.expect("a connection");
    let body = br#"[{"traceId":"1","id":"1"}]"#;
    let head = format!(
        "POST /api/v2/spans HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    stream.write_all(&body[..5]).await.expect("it is sent");
    tokio::time::sleep(Duration::from_millis(200)).await;
    gateway.process.signal("TERM");
    tokio::time::sleep(Duration::from_millis(300)).await;
    stream.write_all(&body[5..]).await.expect("the rest is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer and the end");
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    gateway.process.stop();
    gateway.process.start_again();
    gateway.ready().await;
    let accounts = gateway.get("/api/watchgate/v1/pipeline").await.ok().json();
    assert_eq!(accounts["signals"]["traces"]["items"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fsync_acknowledges_under_load_and_survives_a_kill() {
    let mut gateway = Gateway::start("journal: { durability: fsync }\n", &[]).await;
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let url = format!("{}/api/v2/spans", gateway.ingest);
        senders.spawn(async move {
            let client = client();
            for _ in 0..25 {
                http_post(&client, &url, "application/json", r#"[{"traceId":"1","id":"1"}]"#).await.ok();
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended.expect("every request is acknowledged");
    }
    gateway.crash_and_recover_with(async || {}).await;
    let accounts = gateway.get("/api/watchgate/v1/pipeline").await.ok().json();
    assert_eq!(accounts["signals"]["traces"]["items"], 400);
}

/// What `watchgate serve` says when it cannot start with these lines of configuration.
fn refusal(gateway: &Gateway, config: &str) -> String {
    let file = gateway.data_dir().parent().expect("a folder").join("second.yaml");
    std::fs::write(&file, config).expect("a file");
    let ended = Command::new(env!("CARGO_BIN_EXE_watchgate")).arg("serve").arg("--config").arg(&file).output();
    let ended = ended.expect("it starts");
    assert!(!ended.status.success());
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

#[tokio::test]
async fn what_keeps_it_from_starting_is_named_with_the_way_out() {
    let mut gateway = Gateway::start("", &[]).await;
    let (data, ingest) = (gateway.data_dir(), gateway.ingest.trim_start_matches("http://").to_owned());
    let data = data.display();
    let free = format!("listen: {{ ingest: 127.0.0.1:{}, api: 127.0.0.1:{} }}\n", free_port(), free_port());

    let said = refusal(&gateway, &format!("listen: {{ ingest: '{ingest}', api: 127.0.0.1:{} }}\n", free_port()));
    assert!(said.contains("listen.ingest: cannot listen on") && said.contains(&ingest), "{said}");
    let said = refusal(&gateway, &format!("{free}data_dir: {data}\n"));
    assert!(said.contains("in use by another process") && said.contains("data_dir"), "{said}");
    let own = format!("listen: {{ ingest: 127.0.0.1:4999, api: 127.0.0.1:{} }}\n", free_port());
    let said =
        refusal(&gateway, &format!("{own}telemetry: {{ zipkin_endpoint: http://localhost:4999/api/v2/spans }}\n"));
    assert!(said.contains("second.yaml:2:31: `telemetry.zipkin_endpoint`") && said.contains("listen.ingest"), "{said}");

    gateway.process.stop();
    std::fs::write(
        gateway.data_dir().join("watchgate.db"),
        "this is no database, but long enough to be one".repeat(100),
    )
    .expect("a file");
    let said = refusal(&gateway, &format!("{free}data_dir: {data}\n"));
    assert!(said.contains("is not a usable database") && said.contains("move it"), "{said}");
    assert!(!said.contains('\u{1b}'), "no colours in a file: {said}");
}

/// A Zipkin that keeps the names of the spans it gets.
async fn zipkin(names: Arc<Mutex<Vec<String>>>) -> String {
    let keep = move |axum::Json(spans): axum::Json<Value>| async move {
        let name = |span: &Value| span["name"].as_str().unwrap_or_default().to_owned();
        names.lock().extend(spans.as_array().expect("spans").iter().map(name));
        axum::http::StatusCode::ACCEPTED
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/api/v2/spans", listener.local_addr().expect("its address"));
    let router = Router::new().route("/api/v2/spans", post(keep));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    url
}

#[tokio::test]
async fn own_spans_arrive_and_beget_none() {
    let (own, delivered) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (own_url, store_url) = (zipkin(Arc::clone(&own)).await, zipkin(Arc::clone(&delivered)).await);
    let config =
        format!("telemetry: {{ zipkin_endpoint: '{own_url}' }}\nexporters:\n  zipkin: {{ endpoint: '{store_url}' }}\n");
    let mut gateway = Gateway::start(&config, &[]).await;
    http_post(
        &client(),
        &format!("{}/api/v2/spans", gateway.ingest),
        "application/json",
        r#"[{"traceId":"1","id":"1","name":"theirs"}]"#,
    )
    .await
    .ok();
    let both = async || {
        let own = own.lock();
        (own.contains(&"receive".to_owned()) && own.contains(&"export".to_owned())).then_some(())
    };
    until("both own spans arrive", PATIENCE, both).await;
    gateway.process.stop();
    assert_eq!(*own.lock(), ["receive", "export"], "one each, and none about the sending of spans");
    assert_eq!(*delivered.lock(), ["theirs"]);
}
