//! A test file as promtool's `test rules` reads it.

use crate::model::time::Millis;
use crate::rule::promql::Dialect;
use crate::yaml::{Map, Node, Place, Problems, parse};

/// The interval of files that name none.
const INTERVAL: Millis = 60_000;

/// A test file.
#[derive(Clone, Debug, PartialEq)]
pub struct TestFile {
    /// Patterns of rule files, relative to the test file.
    pub rule_files: Vec<String>,
    pub(super) evaluation_interval: Millis,
    pub(super) group_eval_order: Vec<String>,
    pub(super) fuzzy_compare: bool,
    pub(super) tests: Vec<Test>,
}

/// One of `tests:`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    /// Empty if it has none.
    pub(super) name: String,
    pub(super) interval: Millis,
    /// Series and values as written.
    pub(super) series: Vec<(String, String, Place)>,
    pub(super) alerts: Vec<AlertTest>,
    pub(super) exprs: Vec<ExprTest>,
    pub(super) external_labels: Vec<(String, String)>,
    pub(super) external_url: String,
    pub(super) start: Millis,
}

/// Which alerts fire at one time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AlertTest {
    pub(super) at: Millis,
    pub(super) name: String,
    /// Labels and annotations of each.
    pub(super) wanted: Vec<[Vec<(String, String)>; 2]>,
}

/// What an expression yields at one time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ExprTest {
    pub(super) at: Millis,
    pub(super) text: String,
    /// A metric and its value.
    pub(super) wanted: Vec<(String, f64)>,
}

impl TestFile {
    /// What expressions may hold, in its rules too: a subquery without a step takes the evaluation interval.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        Dialect { step_ms: self.evaluation_interval, experimental: false }
    }

    /// Reads a test file; every problem of it goes to `problems`.
    pub fn read(text: &str, problems: &mut Problems) -> Option<Self> {
        let root = match parse(text) {
            Ok(root) => root,
            Err(problem) => {
                problems.extend([problem]);
                return None;
            }
        };
        let file = read(&root, problems);
        if problems.has_errors() { None } else { file }
    }
}

fn read(root: &Node, problems: &mut Problems) -> Option<TestFile> {
    let root =
        if root.is_null() { &Node { value: crate::yaml::Value::Mapping(Vec::new()), ..Node::NULL } } else { root };
    let mut map = root.map("", problems)?;
    let rule_files = texts(&mut map, "rule_files", problems);
    let interval = positive(&mut map, "evaluation_interval", problems).unwrap_or(INTERVAL);
    let group_eval_order = texts(&mut map, "group_eval_order", problems);
    let fuzzy_compare = map.bool("fuzzy_compare", problems).unwrap_or(false);
    let mut tests = Vec::new();
    for (number, node) in map.list("tests", problems).iter().enumerate() {
        tests.extend(test(node, &format!("tests[{number}]"), interval, problems));
    }
    map.finish(problems);
    Some(TestFile { rule_files, evaluation_interval: interval, group_eval_order, fuzzy_compare, tests })
}

fn texts(map: &mut Map<'_>, key: &str, problems: &mut Problems) -> Vec<String> {
    let found = map.take(key).and_then(|node| node.texts(&map.path(key), problems));
    found.unwrap_or_default().into_iter().map(str::to_owned).collect()
}

fn positive(map: &mut Map<'_>, key: &str, problems: &mut Problems) -> Option<Millis> {
    map.duration(key, problems).filter(|millis| *millis > 0)
}

fn test(node: &Node, path: &str, evaluation_interval: Millis, problems: &mut Problems) -> Option<Test> {
    let mut map = node.map(path, problems)?;
    let mut series = Vec::new();
    for (number, node) in map.list("input_series", problems).iter().enumerate() {
        let Some(mut map) = node.map(&format!("{path}.input_series[{number}]"), problems) else { continue };
        let name = map.text("series", problems).unwrap_or_default().to_owned();
        let values = map.text("values", problems).unwrap_or_default().to_owned();
        map.finish(problems);
        series.push((name, values, node.place));
    }
    let mut alerts = Vec::new();
    for (number, node) in map.list("alert_rule_test", problems).iter().enumerate() {
        alerts.extend(alert(node, &format!("{path}.alert_rule_test[{number}]"), problems));
    }
    let mut exprs = Vec::new();
    for (number, node) in map.list("promql_expr_test", problems).iter().enumerate() {
        exprs.extend(expr(node, &format!("{path}.promql_expr_test[{number}]"), problems));
    }
    let start = map.take("start_timestamp").and_then(|node| {
        let what = "seconds since 1970 or a time such as 2024-01-31T08:00:00Z";
        node.scalar(&map.path("start_timestamp"), "a point in time", what, instant, problems)
    });
    let test = Test {
        name: map.text("name", problems).unwrap_or_default().to_owned(),
        interval: positive(&mut map, "interval", problems).unwrap_or(evaluation_interval),
        series,
        alerts,
        exprs,
        external_labels: pairs(&mut map, "external_labels", problems),
        external_url: map.text("external_url", problems).unwrap_or_default().to_owned(),
        start: start.unwrap_or(0),
    };
    map.finish(problems);
    Some(test)
}

fn alert(node: &Node, path: &str, problems: &mut Problems) -> Option<AlertTest> {
    let mut map = node.map(path, problems)?;
    let mut wanted = Vec::new();
    for (number, node) in map.list("exp_alerts", problems).iter().enumerate() {
        let Some(mut map) = node.map(&format!("{path}.exp_alerts[{number}]"), problems) else {
            wanted.push([Vec::new(), Vec::new()]);
            continue;
        };
        let labels = pairs(&mut map, "exp_labels", problems);
        wanted.push([labels, pairs(&mut map, "exp_annotations", problems)]);
        map.finish(problems);
    }
    let at = map.duration("eval_time", problems).unwrap_or(0);
    let name = map.text("alertname", problems).unwrap_or_default().to_owned();
    map.finish(problems);
    Some(AlertTest { at, name, wanted })
}

fn expr(node: &Node, path: &str, problems: &mut Problems) -> Option<ExprTest> {
    let mut map = node.map(path, problems)?;
    let mut wanted = Vec::new();
    for (number, node) in map.list("exp_samples", problems).iter().enumerate() {
        let Some(mut map) = node.map(&format!("{path}.exp_samples[{number}]"), problems) else { continue };
        let labels = map.text("labels", problems).unwrap_or_default().to_owned();
        let value = map.take("value").and_then(|node| node.float(&map.path("value"), problems));
        map.later("histogram", problems);
        map.finish(problems);
        wanted.push((labels, value.unwrap_or(0.0)));
    }
    let at = map.duration("eval_time", problems).unwrap_or(0);
    let text = map.text("expr", problems).unwrap_or_default().to_owned();
    map.finish(problems);
    Some(ExprTest { at, text, wanted })
}

fn pairs(map: &mut Map<'_>, key: &str, problems: &mut Problems) -> Vec<(String, String)> {
    let node = map.take(key);
    node.map(|node| node.text_map(&map.path(key), problems)).unwrap_or_default()
}

fn instant(text: &str) -> Option<Millis> {
    if let Ok(seconds) = text.parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds; far-off times saturate")]
        return Some((seconds * 1000.0).trunc() as Millis).filter(|_| seconds.is_finite());
    }
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}
