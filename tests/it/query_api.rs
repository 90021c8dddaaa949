//! The query API beside the real Prometheus' over the same samples: the same status, the same body.

use std::time::Duration;

use serde_json::Value;
use watchgate::model::sample::STALE_NAN;
use watchgate::model::time::wall_clock;

use crate::support::gateway::Gateway;
use crate::support::http::{client, escape, get, post};
use crate::support::parts::{self, Prometheus, Release};
use crate::support::process::until;
use crate::support::remote_write::{TimeSeries, body, send};

/// Rules that read what the queries below ask for, as far back as they do.
const RULES: &str = r#"groups:
- name: wanted
  rules:
  - { record: a, expr: "sum(rate(q_total[30m]))" }
  - { record: b, expr: "max_over_time({__name__=~'q_gauge|q_bucket'}[30m])" }
"#;

const SAMPLES: i64 = 100;

fn series(now: i64) -> Vec<TimeSeries> {
    let over_time = |value: &dyn Fn(i64) -> f64| -> Vec<(i64, f64)> {
        (0..SAMPLES).map(|at| (now - (SAMPLES - at) * 15_000 + 123, value(at))).collect()
    };
    let mut found = Vec::new();
    for (job, zone, slope) in [("a", "x", 3), ("a", "y", 7), ("b", "x", 11)] {
        let labels = [("__name__", "q_total"), ("job", job), ("zone", zone)];
        found.push(TimeSeries::new(&labels, &over_time(&|at| (at % 60 * slope) as f64)));
        let labels = [("__name__", "q_gauge"), ("job", job), ("zone", zone)];
        let gauge = |at: i64| match at % 25 {
            3 => f64::NAN,
            4 => f64::NEG_INFINITY,
            5 => 1e-7 / slope as f64,
            6 => 1e22 * slope as f64,
            7 => STALE_NAN,
            at => (at * slope) as f64 / 13.0,
        };
        found.push(TimeSeries::new(&labels, &over_time(&gauge)));
    }
    for (le, slope) in [("0.1", 1), ("1", 2), ("+Inf", 4)] {
        let labels = [("__name__", "q_bucket"), ("job", "ü \"q\"\n"), ("le", le)];
        found.push(TimeSeries::new(&labels, &over_time(&|at| (at * slope) as f64)));
    }
    found
}

/// An answer without what may differ: warnings, and the order of a vector.
fn plain(mut answer: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("warnings");
        answer.remove("infos");
    }
    if let Some(result) = answer.pointer_mut("/data/result").and_then(Value::as_array_mut) {
        result.sort_by_key(|series| series["metric"].to_string());
    }
    answer
}

/// Paths and parameters; `{now}` and `{then}` are instants.
fn requests() -> Vec<String> {
    let instant = [
        "1+1",
        "time()",
        "vector(0.1)",
        "q_gauge",
        "q_gauge > 1",
        "-q_gauge",
        "q_gauge{job=\"a\"} offset 1m",
        "q_gauge @ {now} - q_gauge @ end()",
        "rate(q_total[5m])",
        "sum by (job) (rate(q_total[5m]))",
        "topk(2, q_total)",
        "max_over_time(rate(q_total[2m])[10m:30s])",
        "histogram_quantile(0.9, rate(q_bucket[5m]))",
        "count_values(\"v\", q_total)",
        "absent(nothing{a=\"b\"})",
        "nothing",
        "q_gauge * on (job) q_total",
        "label_replace(q_gauge, \"zone\", \"\", \"\", \"\")",
    ];
    let mut found: Vec<String> =
        instant.iter().map(|text| format!("query?time={{now}}&query={}", escape(text))).collect();
    found.extend(instant.iter().flat_map(|text| {
        [7, 30].map(|step| format!("query_range?start={{then}}&end={{now}}&step={step}&query={}", escape(text)))
    }));
    let refused = ["1 +", "rate(q_total)", "", "foo(q_total)", "q_total{"];
    found.extend(refused.iter().map(|text| format!("query?query={}", escape(text))));
    let others = [
        "query?query=1&time=x",
        "query?query=1&limit=-1",
        "query?query=q_total&limit=1&time={now}",
        "query?query=1&timeout=x",
        "query_range?query=1&start={then}&end={now}",
        "query_range?query=1&start={then}&end={now}&step=0",
        "query_range?query=1&start={now}&end={then}&step=1",
        "query_range?query=1&start=0&end={now}&step=1",
        "query_range?query=1&end={now}&step=1",
        "series",
        "series?match[]=q_gauge&match[]=q_total{job=\"a\"}",
        "series?match[]=nothing",
        "series?match[]=rate(q_total[5m])",
        "labels",
        "labels?match[]=q_bucket",
        "label/job/values",
        "label/zone/values?match[]=q_total{job=\"b\"}",
        "label/__name__/values",
        "label/nothing/values",
        "metadata",
    ];
    found.extend(others.iter().map(|text| (*text).to_owned()));
    found
}

/// Whether both refuse in their own words, which is enough.
fn refused_alike(ours: &Value, theirs: &Value) -> bool {
    ours["status"] == "error" && ours["errorType"] == "bad_data" && theirs["errorType"] == "bad_data"
}

#[tokio::test]
async fn answers_are_those_of_prometheus() {
    let _turn = parts::turn().await;
    let Some(prometheus) = Prometheus::start(Release::Current, "").await else { return };
    let gateway = Gateway::start("rules: { files: ['{folder}/rules.yaml'] }\n", &[("rules.yaml", RULES)]).await;
    let (client, now) = (client(), wall_clock());
    prometheus.write(body(series(now))).await.ok();
    send(&client, &gateway.ingest, series(now)).await.expect("an answer").ok();
    let seconds = |at: i64| format!("{}.{:03}", at / 1000, at % 1000);
    let counted = format!("/api/v1/query?query={}&time={}", escape("count(q_bucket)"), seconds(now));
    until("the gateway's windows are filled", Duration::from_secs(10), async || {
        let answer = gateway.get(&counted).await.ok().json();
        (answer["data"]["result"][0]["value"][1] == "3").then_some(())
    })
    .await;
    let mut wrong = Vec::new();
    let all = requests();
    for request in &all {
        let filled = |text: &str| text.replace("{now}", &seconds(now)).replace("{then}", &seconds(now - 600_000));
        let request = filled(&request.replace("%7Bnow%7D", "{now}")).replace('"', "%22").replace('{', "%7B");
        let request = request.replace('}', "%7D");
        let ours = gateway.get(&format!("/api/v1/{request}")).await;
        let theirs = get(&client, &format!("{}/api/v1/{request}", prometheus.url)).await;
        let (mine, real) = (plain(ours.json()), plain(theirs.json()));
        if ours.status != theirs.status || (mine != real && !refused_alike(&mine, &real)) {
            wrong.push(format!("{request}\n  ours   {} {mine}\n  theirs {} {real}", ours.status, theirs.status));
        }
    }
    println!("{} requests compared", all.len());
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));

    let form = format!("query={}&time={}", escape("q_total"), seconds(now));
    let url = format!("{}/api/v1/query", gateway.api);
    let posted = post(&client, &url, "application/x-www-form-urlencoded", form).await.ok().json();
    assert_eq!(posted["data"]["result"].as_array().map(Vec::len), Some(3));
    let warning = posted["warnings"][0].as_str().unwrap_or_default();
    assert_eq!(warning, "only series that rules want are kept: windows reach back 30m");
}
