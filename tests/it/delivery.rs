//! Delivery under faults that a programmable store makes: nothing is lost, nobody is hammered, and
//! in every snapshot of the pipeline the sums hold.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::faulty::{Faulty, bulk_answer};
use crate::support::gateway::Gateway;
use crate::support::http::{client, post};
use crate::support::process::until;

const PATIENCE: Duration = Duration::from_secs(30);

/// What the pipeline says about the one exporter, after the sums were checked.
async fn exporter(gateway: &Gateway) -> Value {
    let pipeline = gateway.get("/api/watchgate/v1/pipeline").await.ok().json();
    let exporter = pipeline["exporters"][0].clone();
    let number = |key: &str| exporter[key].as_u64().expect(key);
    let dropped: u64 = exporter["dropped"].as_object().expect("reasons").values().filter_map(Value::as_u64).sum();
    let sum = number("delivered") + number("pending") + number("dead_lettered") + dropped;
    assert_eq!(number("accepted"), sum, "{exporter:#}");
    exporter
}

async fn until_exporter(gateway: &Gateway, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    until(what, PATIENCE, async || Some(exporter(gateway).await).filter(&is)).await
}

async fn send_spans(gateway: &Gateway, from: usize, count: usize) {
    let client = client();
    for id in from..from + count {
        let span = json!([{ "traceId": format!("{:032x}", id + 1), "id": format!("{:016x}", id + 1), "name": "get" }]);
        post(&client, &format!("{}/api/v2/spans", gateway.ingest), "application/json", span.to_string()).await.ok();
    }
}

async fn send_logs(gateway: &Gateway, index: &str, count: usize) {
    let lines = |at| {
        format!("{{\"create\":{{\"_index\":\"{index}\"}}}}\n{{\"@timestamp\":\"2026-11-22T10:00:00Z\",\"n\":{at}}}\n")
    };
    let body: String = (0..count).map(lines).collect();
    post(&client(), &format!("{}/_bulk", gateway.ingest), "application/x-ndjson", body).await.ok();
}

#[tokio::test]
async fn a_failing_store_is_tried_by_one_probe_at_a_time_and_then_gets_everything() {
    let store = Faulty::start(503).await;
    let config = format!(
        "exporters: {{ zipkin: {{ endpoint: '{}/api/v2/spans', in_flight_max: 8, batch: {{ bytes_max: 100 }}, retry: {{ initial: 20ms, max: 200ms }} }} }}",
        store.url
    );
    let gateway = Gateway::start(&config, &[]).await;
    send_spans(&gateway, 0, 50).await;
    until_exporter(&gateway, "the breaker is open", |exporter| exporter["endpoints"][0]["breaker"] != "closed").await;
    let (before, window) = (store.seen().len(), Duration::from_secs(2));
    tokio::time::sleep(window).await;
    let tried = store.seen().len() - before;
    // 200 ms, half of it jitter: 10 to 20 probes
    assert!((5..=22).contains(&tried), "{tried} requests in {window:?} to a store that is down");
    assert_eq!(exporter(&gateway).await["delivered"], 0);
    store.answer(202);
    let came_back = Instant::now();
    let settled = until_exporter(&gateway, "everything is delivered", |exporter| exporter["pending"] == 0).await;
    println!("50 batches delivered {:?} after the store came back", came_back.elapsed());
    assert_eq!(
        (settled["delivered"].as_u64(), settled["endpoints"][0]["breaker"].as_str()),
        (Some(50), Some("closed"))
    );
}

#[tokio::test]
async fn a_store_that_bears_three_requests_gets_about_three() {
    let store = Faulty::start(202).await;
    store.program(async |request| {
        if request.in_progress > 3 {
            return (429, String::new());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        (202, String::new())
    });
    let config = format!(
        "exporters: {{ zipkin: {{ endpoint: '{}/', in_flight_max: 32, batch: {{ bytes_max: 50, delay_max: 0s }}, retry: {{ initial: 5ms, max: 20ms }} }} }}\nlimits: {{ memory_bytes: 64MiB }}",
        store.url
    );
    let gateway = Gateway::start(&config, &[]).await;
    send_spans(&gateway, 0, 600).await;
    let settled = until_exporter(&gateway, "everything is delivered", |exporter| exporter["pending"] == 0).await;
    assert_eq!(settled["delivered"], 600);
    let (seen, most) = (store.seen(), store.most_in_progress());
    let refused = seen.iter().filter(|seen| seen.status == 429).count();
    println!("{} requests, {refused} of them answered 429, at most {most} at once", seen.len());
    assert!(most <= 8 && refused * 3 < seen.len(), "{refused} of {} refused, {most} at once", seen.len());
}

#[tokio::test]
async fn the_second_endpoint_serves_while_the_first_is_down() {
    let (first, second) = (Faulty::start(202).await, Faulty::start(202).await);
    let config = format!(
        "exporters: {{ zipkin: {{ endpoints: [{{ url: '{}/' }}, {{ url: '{}/', priority: 1 }}], batch: {{ delay_max: 1ms }}, retry: {{ initial: 10ms, max: 100ms }} }} }}",
        first.url, second.url
    );
    let gateway = Gateway::start(&config, &[]).await;
    let delivered =
        async |count: u64| until_exporter(&gateway, "delivered", |exporter| exporter["delivered"] == count).await;
    send_spans(&gateway, 0, 5).await;
    delivered(5).await;
    assert_eq!(second.seen().len(), 0, "nothing goes to the second while the first is up");
    first.answer(500);
    send_spans(&gateway, 5, 5).await;
    delivered(10).await;
    assert!(!second.seen().is_empty());
    first.answer(202);
    until_exporter(&gateway, "the first is back", |exporter| {
        exporter["endpoints"][0]["up"] == true || { exporter["pending"] == 0 }
    })
    .await;
    // probes ride on requests
    for at in 0..20 {
        send_spans(&gateway, 10 + at, 1).await;
        delivered(11 + at as u64).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (before, at_second) = (first.seen().len(), second.seen().len());
    send_spans(&gateway, 30, 5).await;
    delivered(35).await;
    assert!(first.seen().len() > before && second.seen().len() == at_second, "the first serves again");
}

#[tokio::test]
async fn an_index_that_is_missing_stops_no_other() {
    let store = Faulty::start(200).await;
    let status = |action: &str| if action.contains("\"missing\"") { 404 } else { 201 };
    store.program(move |request| async move { (200, bulk_answer(&request.body, |action, _| status(action))) });
    let config = format!(
        "exporters: {{ elasticsearch: {{ endpoint: '{}', in_flight_max: 2, batch: {{ delay_max: 1ms }}, retry: {{ initial: 100ms, max: 500ms }} }} }}",
        store.url
    );
    let gateway = Gateway::start(&config, &[]).await;
    for _ in 0..10 {
        send_logs(&gateway, "missing", 3).await;
        send_logs(&gateway, "there", 7).await;
    }
    // what was delivered shows when its batch is settled; the store knows it at once
    let there = || {
        let count = |body: &[u8]| String::from_utf8_lossy(body).matches("\"there\"").count();
        store.seen().iter().map(|seen| count(&seen.body)).sum::<usize>()
    };
    until("the other index has everything", PATIENCE, async || (there() == 70).then_some(())).await;
    let paused = until_exporter(&gateway, "it is paused", |exporter| exporter["paused"] == true).await;
    assert!(paused["pending"].as_u64() >= Some(30) && paused["set_aside"].as_u64() > Some(0), "{paused:#}");
    store.program(async |request| (200, bulk_answer(&request.body, |_, _| 201)));
    let settled = until_exporter(&gateway, "everything is delivered", |exporter| exporter["pending"] == 0).await;
    assert_eq!((settled["delivered"].as_u64(), settled["paused"].as_bool()), (Some(100), Some(false)));
    assert_eq!(there(), 70, "nothing was sent twice");
}

fn elasticsearch(store: &Faulty) -> String {
    format!(
        "exporters: {{ elasticsearch: {{ endpoint: '{}', batch: {{ delay_max: 1ms }}, retry: {{ initial: 20ms, max: 200ms }} }} }}\n",
        store.url
    )
}

fn cli(gateway: &Gateway, arguments: &[&str]) -> (bool, String) {
    let config = gateway.data_dir().with_file_name("watchgate.yaml");
    let (action, rest) = arguments.split_first().expect("an action");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_watchgate"));
    command.args(["dead-letter", action, "--config"]).arg(config).args(rest);
    let run = command.output().expect("the program runs");
    (run.status.success(), String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr))
}

// the command line is waited for on a thread of its own: the store must go on
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_listed_replayed_and_purged_and_the_sums_hold_through_a_crash() {
    let store = Faulty::start(200).await;
    let refuse = |source: &str| if source.contains("\"n\":1}") || source.contains("\"n\":2}") { 400 } else { 201 };
    store.program(move |request| async move { (200, bulk_answer(&request.body, |_, source| refuse(source))) });
    let mut gateway = Gateway::start(&elasticsearch(&store), &[]).await;
    send_logs(&gateway, "logs-a-default", 5).await;
    let settled = until_exporter(&gateway, "settled", |exporter| exporter["pending"] == 0).await;
    assert_eq!((settled["delivered"].as_u64(), settled["dead_lettered"].as_u64()), (Some(3), Some(2)));

    let path = "/api/watchgate/v1/dead-letters";
    let letters = gateway.get(path).await.ok().json();
    let first = &letters["letters"][0];
    assert!(first["exporter"] == "elasticsearch" && first["reason"] == "400 told_to: told to", "{letters:#}");
    let id = first["id"].as_str().expect("an id").to_owned();
    let shown = gateway.get(&format!("{path}/{id}")).await.ok().json();
    assert!(shown["payload"].as_str().is_some_and(|payload| payload.contains("\"n\":1}")), "{shown:#}");

    // refused again: the one goes, another comes
    let (good, said) = cli(&gateway, &["replay", &id]);
    assert!(good && said.contains("replayed 1 letters: 0 items delivered, 1 refused again"), "{said}");
    let (good, said) = cli(&gateway, &["list"]);
    assert!(good && said.lines().count() == 2 && !said.contains(&id), "{said}");
    store.program(|request| async move { (200, bulk_answer(&request.body, |_, _| 201)) });
    // a store that is down when the gateway is killed: what waits is accounted for all the while
    gateway.process.kill();
    store.answer(503);
    gateway.process.start_again();
    gateway.ready().await;
    send_logs(&gateway, "logs-b-default", 4).await;
    let waiting = until_exporter(&gateway, "four wait", |exporter| exporter["pending"] == 4).await;
    assert_eq!((waiting["accepted"].as_u64(), waiting["dead_lettered"].as_u64()), (Some(9), Some(2)));
    let metrics = gateway.get("/metrics").await.ok().text();
    for (account, items) in [("accepted", 9), ("delivered", 3), ("pending", 4), ("dead_lettered", 2), ("dropped", 0)] {
        let line = format!("account_items{{exporter=\"elasticsearch\",signal=\"logs\",account=\"{account}\"}} {items}");
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
    gateway
        .crash_and_recover_with(async || {
            store.program(|request| async move { (200, bulk_answer(&request.body, |_, _| 201)) });
        })
        .await;
    let settled = until_exporter(&gateway, "settled", |exporter| exporter["pending"] == 0).await;
    assert_eq!((settled["accepted"].as_u64(), settled["delivered"].as_u64()), (Some(9), Some(7)));

    // without a gateway: its files
    gateway.process.stop();
    let (good, said) = cli(&gateway, &["list"]);
    assert!(good && said.lines().count() == 2, "{said}");
    let second = said.lines().nth(1).and_then(|line| line.split(' ').next()).expect("an id").to_owned();
    assert!(!cli(&gateway, &["replay", "--all"]).0, "nobody is there to send");
    assert!(!cli(&gateway, &["purge"]).0, "never all by leaving something out");
    let (good, said) = cli(&gateway, &["purge", &second]);
    assert!(good && said.contains("purged 1 letters, 1 items"), "{said}");
    gateway.process.start_again();
    gateway.ready().await;
    let (good, said) = cli(&gateway, &["replay", "--exporter", "elasticsearch"]);
    assert!(good && said.contains("replayed 1 letters: 1 items delivered, 0 refused again"), "{said}");
    assert_eq!(gateway.get(path).await.ok().json()["letters"], json!([]));
    assert!(exporter(&gateway).await["dead_lettered"] == 2, "what was buried stays on the account");
}

/// Alerts of the shipped rules that fire now.
async fn firing(gateway: &Gateway) -> Vec<String> {
    let alerts = gateway.get("/api/v1/alerts").await.ok().json();
    let alerts = alerts["data"]["alerts"].as_array().cloned().unwrap_or_default();
    let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
    firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_store_that_refuses_us_raises_an_alert_and_nothing_is_dropped() {
    let store = Faulty::start(403).await;
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/alert-rules/system/gateway.yaml"));
    // as shipped, but nobody waits a minute
    let rules = shipped.expect("the shipped rules").replace("for: 1m", "for: 1s").replace("for: 30s", "for: 1s");
    let config = elasticsearch(&store)
        + "rules: { files: ['{folder}/gateway.yaml'], evaluation_interval: 500ms, settle: 100ms }\n";
    let mut gateway = Gateway::start(&config, &[("gateway.yaml", &rules)]).await;
    send_logs(&gateway, "logs-a-default", 5).await;
    let fires = async |gateway: &Gateway, name: &str| {
        until(&format!("{name} fires"), PATIENCE, async || {
            firing(gateway).await.iter().any(|firing| firing == name).then_some(())
        })
        .await;
    };
    for name in ["GatewayExporterPaused", "GatewayBreakerOpen", "GatewayBackendDown"] {
        fires(&gateway, name).await;
    }
    assert_eq!(exporter(&gateway).await["pending"], 5);
    store.program(|request| async move {
        (200, bulk_answer(&request.body, |_, source| if source.contains("\"n\":3}") { 400 } else { 201 }))
    });
    fires(&gateway, "GatewayDeadLetters").await;
    until("the others end", PATIENCE, async || {
        firing(&gateway).await.iter().all(|name| name == "GatewayDeadLetters").then_some(())
    })
    .await;
    let metrics = gateway.get("/metrics").await.ok().text();
    let figure = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}"));
        line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number")
    };
    for name in ["watchgate_rule_evaluations_total ", "watchgate_rule_wanted_series ", "watchgate_rule_samples_total "]
    {
        assert!(figure(name) > 0.0, "{name}");
    }

    // taken out of the configuration: detached
    gateway.process.stop();
    let file = gateway.data_dir().with_file_name("watchgate.yaml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    let text: String =
        text.lines().filter(|line| !line.starts_with("exporters:")).map(|line| format!("{line}\n")).collect();
    std::fs::write(&file, text).expect("the configuration");
    gateway.process.start_again();
    gateway.ready().await;
    fires(&gateway, "GatewayExporterDetached").await;
    let pipeline = gateway.get("/api/watchgate/v1/pipeline").await.ok().json();
    assert_eq!(pipeline["detached"], json!([{ "exporter": "elasticsearch", "signal": "logs" }]));
}
