//! The shipped dashboards ask only for metrics that exist, in PromQL that compiles.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use watchgate::rule::promql;
use watchgate::telemetry::Telemetry;

/// Every expression of a dashboard, with Grafana's variable put in.
fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets.map(|target| target["expr"].as_str().expect("an expression").replace("$__rate_interval", "1m")).collect()
}

/// Names of own metrics as they are exposed: with `_total` and the parts of histograms.
fn exposed() -> BTreeSet<String> {
    let text = Telemetry::default().render();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).filter_map(|line| line.split_once(' '));
    types
        .flat_map(|(name, kind)| match kind {
            "counter" => vec![format!("{name}_total")],
            "histogram" => ["_bucket", "_sum", "_count"].map(|part| format!("{name}{part}")).to_vec(),
            _ => vec![name.to_owned()],
        })
        .collect()
}

#[test]
fn dashboards_ask_for_metrics_that_exist() {
    let exposed = exposed();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    let mut asked = 0;
    for file in std::fs::read_dir(folder).expect("dashboards").flatten() {
        let text = std::fs::read_to_string(file.path()).expect("a dashboard");
        let dashboard: Value = serde_json::from_str(&text).expect("JSON");
        for expr in expressions(&dashboard) {
            let compiled = promql::compile(&expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
            for selector in &compiled.selectors {
                let metric = selector.metric().expect("a metric name");
                assert!(exposed.contains(metric), "{expr}: `{metric}` is not among\n{exposed:#?}");
                asked += 1;
            }
        }
    }
    assert!(asked > 10, "dashboards were read");
}
