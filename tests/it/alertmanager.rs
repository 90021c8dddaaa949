//! Alertmanager's own verdict on configurations, and its own payloads beside ours.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use watchgate::alert::Dispatcher;
use watchgate::alert::config::{Config, load};
use watchgate::model::alert::{Alert, AlertState};
use watchgate::model::labels::Labels;
use watchgate::model::time::{Millis, rfc3339, wall_clock};
use watchgate::notify::{Notifier, Settings, payload};
use watchgate::yaml::Problems;

use crate::support::http::{client, post, try_get};
use crate::support::parts::{require, run};
use crate::support::process::{Process, free_port, until};
use crate::support::webhook::Webhook;

const PATIENCE: Duration = Duration::from_secs(30);

fn read(text: &str) -> Result<Config, String> {
    let mut problems = Problems::new();
    load(text, Path::new("/etc/alertmanager"), &mut problems).ok_or_else(|| problems.print("config"))
}

/// The root route with `route`, one receiver with `webhook`, and `top` beside them.
fn config(route: &str, webhook: &str, top: &str) -> String {
    format!(
        "route:\n  receiver: a\n{route}\nreceivers:\n- name: a\n  webhook_configs:\n  - url: 'http://127.0.0.1:1/'\n{webhook}\n{top}\n"
    )
}

/// Routes, as lines below `route:`.
const ROUTES: [(&str, bool); 27] = [
    ("", true),
    ("  group_by: ['...']", true),
    ("  group_by: []", true),
    ("  group_by: [a, b]", true),
    ("  group_by: [a, a]", false),
    ("  group_by: ['...', a]", false),
    ("  group_wait: 0s", true),
    ("  group_interval: 0s", false),
    ("  repeat_interval: 0s", false),
    ("  repeat_interval: 1d12h", true),
    ("  group_wait: 1.5s", false),
    ("  group_wait: 30", false),
    ("  group_waits: 30s", false),
    ("  continue: true", false),
    ("  matchers: [a=b]", false),
    ("  match: {a: b}", false),
    ("  routes: [{receiver: nobody}]", false),
    ("  routes: [{matchers: ['a=\"b\"', 'c!=d', 'e=~\"f.*\"', 'g!~h'], continue: yes}]", true),
    ("  routes: [{matchers: ['{a=b,c=\"d,e\"}']}]", true),
    ("  routes: [{matchers: ['a']}]", false),
    ("  routes: [{matchers: ['a=~\"(\"']}]", false),
    ("  routes: [{matchers: ['a=\"b']}]", false),
    ("  routes: [{match: {a: b}, match_re: {c: 'd|e'}}]", true),
    ("  routes: [{match: {a-b: c}}]", false),
    ("  routes: [{match_re: {a: '('}}]", false),
    ("  routes: [{group_by: ['...'], routes: [{group_by: [x]}]}]", true),
    ("  routes: [{mute_time_intervals: [unknown]}]", false),
];

/// Keys of the webhook, as lines below its URL.
const WEBHOOKS: [(&str, bool); 14] = [
    ("    send_resolved: false", true),
    ("    send_resolved: maybe", false),
    ("    max_alerts: 10", true),
    ("    max_alerts: -1", false),
    ("    max_alert: 10", false),
    ("    http_config: {follow_redirects: false}", true),
    ("    http_config: {basic_auth: {username: u, password: p}}", true),
    ("    http_config: {basic_auth: {username: u, password: p, password_file: f}}", false),
    ("    http_config: {authorization: {credentials: c}}", true),
    ("    http_config: {authorization: {type: basic, credentials: c}}", false),
    ("    http_config: {authorization: {credentials: c}, basic_auth: {username: u}}", false),
    ("    http_config: {bearer_token: t}", true),
    ("    http_config: {bearer_token: t, bearer_token_file: f}", false),
    ("    http_config: {bearer: t}", false),
];

/// What stands beside route and receivers.
const TOPS: [(&str, bool); 8] = [
    ("global: {resolve_timeout: 5m}", true),
    ("global: {resolve_timeout: soon}", false),
    ("global: {http_config: {follow_redirects: true}}", true),
    ("global: {resolve_timeouts: 5m}", false),
    ("inhibit_rules: []", true),
    ("templates: []", true),
    ("time_intervals:", true),
    ("rules: []", false),
];

/// Whole files.
const FILES: [(&str, bool); 9] = [
    ("receivers: [{name: a}]", false),
    ("route: {receiver: a}", false),
    ("route: {}\nreceivers: [{name: a}]", false),
    ("route: {receiver: a}\nreceivers: [{name: a}, {name: a}]", false),
    ("route: {receiver: a}\nreceivers: [{name: a}]", true),
    ("route: {receiver: a}\nreceivers: [{name: a}, {webhook_configs: []}]", false),
    ("route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{send_resolved: true}]}]", false),
    ("route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'ftp://h/'}]}]", false),
    ("route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http:///x'}]}]", false),
];

#[test]
fn configurations_are_taken_and_refused_as_by_alertmanager() {
    if require("amtool").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let routes = ROUTES.iter().map(|(text, ok)| (config(text, "", ""), *ok));
    let webhooks = WEBHOOKS.iter().map(|(text, ok)| (config("", text, ""), *ok));
    let tops = TOPS.iter().map(|(text, ok)| (config("", "", text), *ok));
    let files = FILES.iter().map(|(text, ok)| ((*text).to_owned(), *ok));
    for (text, ok) in routes.chain(webhooks).chain(tops).chain(files) {
        let file = folder.path().join("alertmanager.yml");
        fs::write(&file, &text).expect("a configuration file");
        let verdict = run("amtool", &["check-config", &file.display().to_string()]).expect("amtool is there");
        let said = String::from_utf8_lossy(&verdict.stdout).into_owned() + &String::from_utf8_lossy(&verdict.stderr);
        assert_eq!(verdict.status.success(), ok, "amtool on\n{text}\n{said}");
        let ours = read(&text);
        assert_eq!(ours.is_ok(), ok, "{ours:?} on\n{text}");
    }
}

const EXTERNAL_URL: &str = "http://gateway:9480";

/// A route with both forms of matchers and a receiver whose name has to be quoted.
fn story(url: &str) -> String {
    format!(
        "route:\n  receiver: other\n  routes:\n  - receiver: 'team.x (a)'\n    matchers: ['severity=~\"page|ticket\"', kind!=test]\n    \
         match_re: {{ alertname: 'Pay.*' }}\n    group_by: [alertname, severity]\n    group_wait: 1s\n    group_interval: 1s\n\
         receivers:\n- name: other\n- name: 'team.x (a)'\n  webhook_configs: [{{ url: '{url}', max_alerts: 4 }}]\n"
    )
}

fn alerts(fired_at: Millis) -> Vec<Alert> {
    let sets: [&[(&str, &str)]; 5] = [
        &[("job", "b"), ("instance", "2")],
        &[("channel", "支付 \"card\"\n")],
        &[("job", "b"), ("instance", "10")],
        &[("job", "a"), ("zone", "x")],
        &[("channel", "cash"), ("zone", "x")],
    ];
    let alert = |(index, own): (i64, &[(&str, &str)])| Alert {
        labels: Labels::from_pairs([("alertname", "PayFails"), ("severity", "page")].iter().chain(own).copied()),
        annotations: Labels::from_pairs([("summary", "payments fail".to_owned()), ("n", index.to_string())]),
        group: "shop".into(),
        expr: "rate(pay_failed_total[5m]) > 0.5 and on () up{job=~\"a|b\"}".into(),
        state: AlertState::Firing,
        value: 1.0,
        active_at: fired_at,
        fired_at: Some(fired_at + index * 10),
        resolved_at: None,
        keep_firing_since: None,
        received_at: None,
    };
    (0..).zip(sets).map(alert).collect()
}

fn for_alertmanager(alerts: &[Alert]) -> Value {
    let one = |alert: &Alert| {
        json!({
            "labels": alert.labels,
            "annotations": alert.annotations,
            "startsAt": alert.fired_at.map(rfc3339),
            "endsAt": alert.resolved_at.map_or_else(|| rfc3339(wall_clock() + 3_600_000), rfc3339),
            "generatorURL": payload::generator_url(EXTERNAL_URL, &alert.expr),
        })
    };
    alerts.iter().map(one).collect()
}

/// A real Alertmanager on loopback.
struct Alertmanager {
    url: String,
    _process: Process,
    _folder: TempDir,
}

impl Alertmanager {
    async fn start(config: &str) -> Option<Self> {
        let program = require("alertmanager")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("alertmanager.yml");
        fs::write(&file, config).expect("a configuration file");
        let port = free_port();
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!("--web.external-url={EXTERNAL_URL}"))
            .arg("--web.route-prefix=/")
            .arg("--cluster.listen-address=");
        let mut process = Process::start("alertmanager", command, folder.path());
        let url = format!("http://127.0.0.1:{port}");
        until("alertmanager is ready", PATIENCE, async || {
            process.must_run();
            try_get(&client(), &format!("{url}/-/ready")).await
        })
        .await;
        Some(Self { url, _process: process, _folder: folder })
    }

    async fn push(&self, alerts: &[Alert]) {
        let body = for_alertmanager(alerts).to_string();
        post(&client(), &format!("{}/api/v2/alerts", self.url), "application/json", body).await.ok();
    }
}

/// The next notification of this status that each of the two got.
async fn both(theirs: &Webhook, ours: &Webhook, status: &str) -> (Value, Value) {
    let theirs = theirs.wait_for("PayFails", status, PATIENCE).await.1;
    let ours = ours.wait_for("PayFails", status, PATIENCE).await.1;
    (theirs, ours)
}

/// Ours, with the same configuration.
struct Ours {
    notifier: Notifier,
    stop: CancellationToken,
}

impl Ours {
    fn start(config: &str) -> Self {
        // Making a client installs the process's crypto provider.
        drop(client());
        let settings = Settings { external_url: EXTERNAL_URL.into(), ..Settings::default() };
        let dispatcher = Dispatcher::new(read(config).expect("a configuration"));
        let (notifier, worker) = Notifier::new(dispatcher, settings).expect("a notifier");
        let stop = CancellationToken::new();
        tokio::spawn(worker.run(stop.clone()));
        Self { notifier, stop }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn payloads_are_alertmanagers_own() {
    let (theirs, ours) = (Webhook::start().await, Webhook::start().await);
    let Some(alertmanager) = Alertmanager::start(&story(&theirs.url)).await else { return };
    let gateway = Ours::start(&story(&ours.url));

    let mut alerts = alerts(wall_clock());
    alertmanager.push(&alerts).await;
    gateway.notifier.observe(&alerts, wall_clock());
    let (want, got) = both(&theirs, &ours, "firing").await;
    assert_eq!(got, want);
    assert_eq!((&got["truncatedAlerts"], &got["receiver"]), (&json!(1), &json!(r"team\.x \(a\)")));

    let now = wall_clock();
    for alert in &mut alerts {
        (alert.state, alert.resolved_at) = (AlertState::Resolved, Some(now));
    }
    alertmanager.push(&alerts).await;
    gateway.notifier.observe(&alerts, now);
    let (want, got) = both(&theirs, &ours, "resolved").await;
    assert_eq!(got, want);
}

/// What a target was told: `+` fires, `-` resolved, in order, a line a notification.
fn told(webhook: &Webhook, since: Instant) -> Vec<(f64, String)> {
    let line = |body: &Value| {
        let alerts = body["alerts"].as_array().expect("alerts").iter().map(|alert| {
            let sign = if alert["status"] == "firing" { '+' } else { '-' };
            format!(" {sign}{}", alert["labels"]["channel"].as_str().unwrap_or_default())
        });
        body["status"].as_str().unwrap_or_default().to_owned() + &alerts.collect::<String>()
    };
    webhook.all().iter().map(|(at, body)| (at.duration_since(since).as_secs_f64(), line(body))).collect()
}

/// One step of a story: after so many seconds, these alerts fire (`+`) or are resolved (`-`).
const STEPS: [(f64, &[&str]); 7] = [
    (0.0, &["+card"]),
    (0.6, &["+cash"]),
    (1.8, &["+wire", "-cash"]),
    (4.0, &["-wire"]),
    (11.8, &["-card"]),
    (12.1, &["+flap"]),
    (12.3, &["-flap"]),
];

#[tokio::test]
async fn notifications_come_when_alertmanagers_come() {
    let (theirs, ours) = (Webhook::start().await, Webhook::start().await);
    let config = |url: &str| {
        let times = "group_wait: 1s, group_interval: 2s, repeat_interval: 5s";
        format!("route: {{receiver: r, {times}}}\nreceivers: [{{name: r, webhook_configs: [{{url: '{url}'}}]}}]\n")
    };
    let Some(alertmanager) = Alertmanager::start(&config(&theirs.url)).await else { return };
    let gateway = Ours::start(&config(&ours.url));
    let mut fired = HashMap::new();
    let start = Instant::now();
    for (after, changes) in STEPS {
        tokio::time::sleep_until((start + Duration::from_secs_f64(after)).into()).await;
        let now = wall_clock();
        let alerts: Vec<Alert> = changes.iter().map(|change| step(change, now, &mut fired)).collect();
        gateway.notifier.observe(&alerts, now);
        alertmanager.push(&alerts).await;
    }
    tokio::time::sleep_until((start + Duration::from_secs(16)).into()).await;
    let (want, got) = (told(&theirs, start), told(&ours, start));
    let same =
        |((want_at, want), (at, got)): (&(f64, String), &(f64, String))| want == got && (want_at - at).abs() < 0.5;
    assert!(want.len() == got.len() && want.iter().zip(&got).all(same), "want {want:#?}\ngot {got:#?}");
    assert!(want.len() >= 5, "{want:#?}");
}

fn step(change: &str, now: Millis, fired: &mut HashMap<String, Millis>) -> Alert {
    let (sign, channel) = change.split_at(1);
    let fired_at = if sign == "+" { now } else { fired[channel] };
    fired.insert(channel.to_owned(), fired_at);
    Alert {
        labels: Labels::from_pairs([("alertname", "PayFails"), ("channel", channel)]),
        state: if sign == "+" { AlertState::Firing } else { AlertState::Resolved },
        resolved_at: (sign == "-").then_some(now),
        ..alerts(fired_at).swap_remove(0)
    }
}
