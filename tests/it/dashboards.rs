//! The shipped dashboards ask only for metrics that exist, in PromQL that compiles.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use watchgate::rule::promql;

/// Every expression of a dashboard, with Grafana's variable put in.
fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets.map(|target| target["expr"].as_str().expect("an expression").replace("$__rate_interval", "1m")).collect()
}

/// Names of own metrics as they are registered; families without a series yet are not rendered.
fn registered() -> BTreeSet<String> {
    let source = include_str!("../../src/telemetry/mod.rs");
    let names = source.split("registry.register(").skip(1).filter_map(|call| call.split('"').nth(1));
    names.map(|name| format!("watchgate_{name}")).collect()
}

/// The name under which `metric` was registered: without what its type adds.
fn base(metric: &str) -> &str {
    let endings = ["_total", "_bucket", "_sum", "_count"];
    endings.iter().find_map(|ending| metric.strip_suffix(ending)).unwrap_or(metric)
}

#[test]
fn dashboards_ask_for_metrics_that_exist() {
    let registered = registered();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    let mut asked = 0;
    for file in std::fs::read_dir(folder).expect("dashboards").flatten() {
        let text = std::fs::read_to_string(file.path()).expect("a dashboard");
        let dashboard: Value = serde_json::from_str(&text).expect("JSON");
        for expr in expressions(&dashboard) {
            let compiled = promql::compile(&expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
            for selector in &compiled.selectors {
                let metric = selector.metric().expect("a metric name");
                assert!(registered.contains(base(metric)), "{expr}: `{metric}` is not among\n{registered:#?}");
                asked += 1;
            }
        }
    }
    assert!(asked > 10, "dashboards were read");
}

#[test]
fn gateway_alerts_ask_for_metrics_that_exist() {
    let registered = registered();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("alert-rules/system/gateway.yaml");
    let text = std::fs::read_to_string(path).expect("the shipped rules");
    let mut asked = 0;
    for expr in text.lines().filter_map(|line| line.trim().strip_prefix("expr: ")) {
        let compiled = promql::compile(expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
        for selector in &compiled.selectors {
            let metric = selector.metric().expect("a metric name");
            assert!(registered.contains(base(metric)), "{expr}: `{metric}` is not among\n{registered:#?}");
            asked += 1;
        }
    }
    assert!(asked > 10, "rules were read");
}
