//! PromQL against the real Prometheus: random series are written to it, random expressions asked of
//! both, and the results compared bit for bit.
//!
//! `WATCHGATE_PROMQL_ROUNDS` and `WATCHGATE_PROMQL_SEED` widen the search by hand.

#[path = "../../src/rule/promql/tests/generate.rs"]
mod generate;

use std::collections::BTreeMap;

use generate::{NOW, Random, Series};
use reqwest::Client;
use watchgate::model::labels::Labels;
use watchgate::model::sample::Sample;
use watchgate::rule::promql::{self, Dialect, Inputs, Selector, SeriesView, Value};

use crate::support::http::{client, escape, get};
use crate::support::parts::{self, Prometheus, Release};
use crate::support::remote_write::{TimeSeries, body};

/// A result that can be compared: values by labels, as bits, every NaN alike.
#[derive(Debug, PartialEq)]
enum Answer {
    Scalar(u64),
    Vector(BTreeMap<String, Vec<u64>>),
    Error(String),
}

fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

struct Held<'a> {
    series: &'a [(Labels, Vec<Sample>)],
    selectors: &'a [Selector],
}

impl Inputs for Held<'_> {
    fn each(&self, selector: usize, visit: &mut dyn FnMut(SeriesView<'_>)) {
        for (labels, samples) in self.series.iter().filter(|(labels, _)| self.selectors[selector].matches(labels)) {
            visit(SeriesView { labels, samples });
        }
    }
}

fn ours(text: &str, series: &[(Labels, Vec<Sample>)], at: i64) -> Answer {
    let dialect = Dialect { experimental: true, ..Dialect::default() };
    let expr = match promql::compile_as(text, dialect) {
        Ok(expr) => expr,
        Err(error) => return Answer::Error(format!("at {}: {error}", error.at)),
    };
    match promql::eval(&expr, &Held { series, selectors: &expr.selectors }, at) {
        Err(error) => Answer::Error(error.to_string()),
        Ok(Value::Scalar(value)) => Answer::Scalar(bits(value)),
        Ok(Value::Vector(elements)) => {
            let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            for element in elements {
                let labels = element.labels.iter().fold(String::new(), |text, (n, v)| format!("{text}{n}={v:?},"));
                found.entry(labels).or_default().push(bits(element.value));
            }
            Answer::Vector(found)
        }
    }
}

/// A Prometheus that holds `written`; `None` without its binary.
async fn holding(written: &[Series]) -> Option<Prometheus> {
    let flag = ["--enable-feature=promql-experimental-functions"];
    let prometheus = Prometheus::start_with(Release::Current, "", &flag).await?;
    let series = written.iter().map(|(labels, samples)| {
        let labels: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        TimeSeries::new(&labels, samples)
    });
    prometheus.write(body(series.collect())).await.ok();
    Some(prometheus)
}

/// What Prometheus answers to an instant query.
async fn theirs(client: &Client, prometheus: &Prometheus, text: &str, at: i64) -> Answer {
    let time = format!("{}.{:03}", at / 1000, at % 1000);
    let url = format!("{}/api/v1/query?query={}&time={time}", prometheus.url, escape(text));
    let answer = get(client, &url).await.json();
    if answer["status"] == "error" {
        return Answer::Error(answer["error"].as_str().unwrap_or_default().to_owned());
    }
    let number = |value: &serde_json::Value| {
        let text = value[1].as_str().expect("a number as text");
        bits(text.parse().expect("a number"))
    };
    let result = &answer["data"]["result"];
    match answer["data"]["resultType"].as_str() {
        Some("scalar") => return Answer::Scalar(number(result)),
        Some("vector") => {}
        // A rule's result can be neither, which Prometheus finds out later than we.
        other => return Answer::Error(format!("parse error: {other:?} is no result of a rule")),
    }
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for element in result.as_array().expect("a vector") {
        let labels: BTreeMap<String, String> =
            serde_json::from_value(element["metric"].clone()).expect("labels are strings");
        let labels = labels.iter().fold(String::new(), |text, (n, v)| format!("{text}{n}={v:?},"));
        found.entry(labels).or_default().push(number(&element["value"]));
    }
    Answer::Vector(found)
}

/// Whether two answers agree: equal bits, but a few units in the last place where the platform's
/// transcendental functions had a part in it, and our own words for what does not parse.
fn agree(text: &str, ours: &Answer, theirs: &Answer) -> bool {
    let loose = text.contains('^') || text.contains("atan2");
    let near = |a: &u64, b: &u64| {
        let (a, b) = (f64::from_bits(*a), f64::from_bits(*b));
        a.to_bits() == b.to_bits() || (loose && (a - b).abs() <= a.abs().max(b.abs()) * 1e-13)
    };
    match (ours, theirs) {
        (Answer::Scalar(a), Answer::Scalar(b)) => near(a, b),
        (Answer::Vector(a), Answer::Vector(b)) => {
            a.keys().eq(b.keys())
                && a.values()
                    .zip(b.values())
                    .all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b)))
        }
        (Answer::Error(a), Answer::Error(b)) => {
            a == b || a.starts_with("at ") || b.contains("parse error") || is_unordered(text)
        }
        _ => false,
    }
}

/// Whether Prometheus hands elements on in the order of a Go map: of several equal elements `topk`
/// then keeps any, sums round differently, and errors name other examples each time.
fn is_unordered(text: &str) -> bool {
    ["histogram_", "count_values", ":", "limit"].iter().any(|name| text.contains(name))
}

/// Whether Prometheus 3.13 loses the result: of a function that follows the clock over a subquery with
/// `@`, it evaluates the subquery but not the function.
fn is_lost(text: &str) -> bool {
    text.match_indices("predict_linear(").any(|(at, _)| {
        let call = &text[at..];
        call.contains(':') && call.contains('@')
    })
}

fn is_arbitrary(text: &str) -> bool {
    is_lost(text)
        || (is_unordered(text)
            && ["topk", "bottomk", "sum(", "sum ", "avg(", "avg ", "std", "limitk"]
                .iter()
                .any(|name| text.contains(name)))
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn held(written: Vec<Series>) -> Vec<(Labels, Vec<Sample>)> {
    let sample = |(timestamp_ms, value)| Sample { timestamp_ms, value };
    let owned = |(labels, samples): Series| (Labels::from_pairs(labels), samples.into_iter().map(sample).collect());
    written.into_iter().map(owned).collect()
}

/// Numbers, strings, precedence, keywords as names, quoted names, comments, functions of one number.
const WRITTEN_OUT: &[&str] = &[
    "1_000",
    "0x1F",
    "0X_ff",
    "0755",
    "08",
    "1e3",
    "1E-3",
    ".5",
    "5.",
    "1_0.5",
    "1__0",
    "1_",
    "0b1",
    "1.5.2",
    "1e",
    "1e+",
    "5m",
    "1h30m",
    "1w2d",
    "30m1h",
    "500ms",
    "1.5m",
    "5mm",
    "Inf",
    "+inf",
    "-INF",
    "nan",
    "NaN",
    "-1 ^ 2",
    "2 ^ 3 ^ 2",
    "2 ^ -1",
    "2 ^ -1 * 3",
    "-2 ^ 2 ^ 0.5",
    "1 + 2 * 3 % 4",
    "10 - 2 - 3",
    "1 - -1",
    "--1",
    "+-+2",
    "1 == 1",
    "1 == bool 1",
    "1 > bool 2 + 3",
    "8 atan2 3 * 2",
    "1 atan2 2",
    "3 % -2",
    "-3 % 2",
    "5 / 0",
    "0 / 0",
    "g and g or g unless g",
    "g or k and k",
    "sum(g) by (job)",
    "SUM BY (job) (g)",
    "sum by (job,) (g)",
    "sum by () (g)",
    "sum(g,)",
    "sum()",
    "sum",
    "by",
    "offset",
    "on",
    "bool",
    "group_left",
    "start",
    "limitk",
    "sum{job='a'}",
    r#"{"g"}"#,
    r#"{"g", job="a"}"#,
    r#"{"g", "job"="a"}"#,
    r#"g{"job"=~"a|b",}"#,
    r#"{job="a", __name__="g"}"#,
    r#"g{__name__="g"}"#,
    "{}",
    r#"{job=""}"#,
    r#"{job=~".*"}"#,
    r#"{job=~".+", __name__=~"g|k"}"#,
    "g{,}",
    "g{job}",
    "g # a comment",
    "# only a comment",
    "g\n# c\n+ k",
    "g offset 1m offset 1m",
    "g offset 0s offset 1m",
    "g @ 1699999940",
    "g @ 1699999940 offset 1m",
    "g offset 1m @ 1699999940",
    "g @ +1699999940.5",
    "g @ -1",
    "g @ 1e3",
    "g @ 5m",
    "g @ Inf",
    "g @ NaN",
    "g @ 1 @ 2",
    "g @ start()",
    "g @ END ( ) offset 1m",
    "g @ start() @ end()",
    "g @ step()",
    "g @",
    "(g) @ 5",
    "(g) offset 5m",
    "sum(g) @ 5",
    "rate(g @ start() [5m])",
    "rate(g @ 1699999940 [5m])",
    "rate(g[5m] @ 1699999940)",
    "rate(g offset 0s [5m])",
    "predict_linear(g[5m] @ 1699999940, 60)",
    "timestamp(g @ 1699999940)",
    "timestamp(abs(g @ 1699999940))",
    "g[5m:1m]",
    "rate(g[5m:1m])",
    "rate(g[5m:])",
    "rate(g[5m:0s])",
    "rate(g[0:1m])",
    "rate(g[5m:-1m])",
    "rate(g[5m:1m)",
    "rate(g[5m:1m][5m])",
    "rate(g[5m:1m][5m:1m])",
    "rate(g[5m][5m:1m])",
    "rate((g)[5m:1m])",
    "rate((g)[5m])",
    "rate((g[5m:1m]))",
    "rate((g[5m:1m])[5m:1m])",
    "rate((g[5m:1m]) offset 1m)",
    "rate(g[5m:1m] offset 1m offset 1m)",
    "rate(g[5m:1m] @ 1699999940 offset 1m)",
    "rate(1[5m:1m])",
    "rate(time()[5m:1m])",
    "sum_over_time(vector(time())[5m:1m])",
    "sum_over_time(vector(1)[5m:1m] @ 0)",
    "sum_over_time(vector(1)[5m:1m] @ -30)",
    "sum_over_time(-g[5m:1m])",
    "max_over_time((-g)[5m:1m])",
    "max_over_time(g + k[5m:1m])",
    "max_over_time((time() - timestamp(g))[5m:7s])",
    "sum(g[5m:1m])",
    "g[5m:1m] + 1",
    "absent(g[5m:1m])",
    "absent_over_time(nothing{a='b'}[5m:1m])",
    "max_over_time(max_over_time(g[2m:30s])[5m:1m] offset 1m)",
    "max_over_time((g @ end())[5m:1m])",
    "max_over_time((max_over_time(g[2m:30s] @ start()))[5m:1m])",
    "quantile_over_time(scalar(g{job='a',instance='1'}), g[5m:30s])",
    "sum_over_time(-{__name__=~'g|k'}[5m:30s])",
    "sum_over_time((-{__name__=~'g|k'})[5m:30s])",
    "sum_over_time(abs({__name__=~'g|k'})[5m:30s])",
    "sum_over_time(rate({__name__=~'c_total|d_total'}[1m])[5m:30s])",
    "g[5m]",
    "rate(g)",
    "rate(g[5m])",
    "rate(g[5m] offset -1m)",
    "rate(g offset 1m [5m])",
    "rate((g[5m]))",
    "rate(g[0s])",
    "rate(g[-5m])",
    "rate(g[5])",
    r#"label_replace(g, "x", '$1\x41\u00e4', "job", `(.)`)"#,
    r#"label_replace(g, "", "", "job", "")"#,
    r#"label_join(g, "x", "-")"#,
    r#"'a' + 1"#,
    "g + on(job) 1",
    "1 and g",
    "g and on(job) group_left k",
];

/// Patterns in Go's syntax, each of which selects some of [`VALUES`] or is refused.
const PATTERNS: [&str; 45] = [
    "",
    "a",
    "a|b",
    "a.*",
    ".",
    ".+",
    "(?i)A",
    "(?i)É",
    "(?s).",
    "(?-s).",
    "a{2}",
    "a{2,}",
    "a{,2}",
    "a{b}",
    "{",
    "a{1",
    r"\Qa.b\E.*",
    r"\d+",
    r"\D",
    r"\w+",
    r"\W",
    r"\s",
    r"\S+",
    r"a\b.*",
    r"a\B.",
    r"\Ba",
    r"\bé\b",
    "[a&&b]+",
    "[a-c]+",
    "[a-]+",
    "[]]",
    "[^a]",
    "[[a]+",
    r"[\w-]+",
    r"[\d\D]",
    "[[:alpha:]]+",
    "[[:^alpha:]]",
    r"\pL+",
    r"\p{Greek}",
    r"\p{^L}",
    r"\x41|\x{e9}",
    r"\101",
    "^a$",
    "a$b",
    r"(a)\1",
];

/// Label values that patterns tell apart.
const VALUES: [&str; 30] = [
    "a", "b", "aa", "aaa", "ab", "A", "é", "É", "α", "1", "12", "٣", " ", "\n", "a\nb", "a.b", "a.bc", "axb", "a{b}",
    "a{,2}", "{", "a{1", "[", "]", "&", "-", "a-b", "_", "a b", "\u{2028}",
];

#[tokio::test]
async fn patterns_select_what_prometheus_selects() {
    let _turn = parts::turn().await;
    let labelled = |value: &&str| {
        let labels = vec![("__name__".to_owned(), "p".to_owned()), ("v".to_owned(), (*value).to_owned())];
        (labels, vec![(NOW, 1.0)])
    };
    let written: Vec<Series> = VALUES.iter().map(labelled).collect();
    let Some(prometheus) = holding(&written).await else { return };
    let (client, held) = (client(), held(written));
    let mut wrong = Vec::new();
    for pattern in PATTERNS {
        for text in [
            format!("p{{v=~{pattern:?}}}"),
            format!("p{{v!~{pattern:?}}}"),
            format!("label_replace(p, \"w\", \"<$0>\", \"v\", {pattern:?})"),
        ] {
            let (ours, theirs) = (ours(&text, &held, NOW), theirs(&client, &prometheus, &text, NOW).await);
            if !agree(&text, &ours, &theirs) {
                wrong.push(format!("{text}\n    ours   {ours:?}\n    theirs {theirs:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} patterns differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Functions of one number, to a few units in the last place.
const OF_ONE_NUMBER: [&str; 23] = [
    "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad",
];

#[tokio::test]
async fn reads_what_prometheus_reads() {
    let _turn = parts::turn().await;
    let written = generate::series(&mut Random::new(7));
    let Some(prometheus) = holding(&written).await else { return };
    let client = client();
    let held = held(written);
    let of_one = OF_ONE_NUMBER.iter().flat_map(|function| {
        ["0", "-0.0", "1", "-1", "0.3", "1000", "1e-9", "123456.789", "1e300", "Inf", "-Inf", "NaN"]
            .map(|number| format!("{function}(vector({number}))"))
    });
    let mut wrong = Vec::new();
    for text in WRITTEN_OUT.iter().map(|text| (*text).to_owned()).chain(of_one) {
        let (ours, theirs) = (ours(&text, &held, NOW), theirs(&client, &prometheus, &text, NOW).await);
        let loose = format!("{text}{}", if text.contains("vector(") { "^" } else { "" });
        if !agree(&loose, &ours, &theirs) {
            wrong.push(format!("{text}\n    ours   {ours:?}\n    theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} texts differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn answers_as_prometheus_does() {
    let _turn = parts::turn().await;
    let client = client();
    let first = setting("WATCHGATE_PROMQL_SEED", 1);
    let rounds = setting("WATCHGATE_PROMQL_ROUNDS", 600);
    let mut wrong = Vec::new();
    let (mut values, mut errors) = (0, 0);
    for seed in first..first + 3 {
        let mut random = Random::new(seed);
        let written = generate::series(&mut random);
        let Some(prometheus) = holding(&written).await else { return };
        let held = held(written);
        for round in 0..rounds {
            let text = generate::vector(&mut random, 1 + u32::try_from(round % 3).expect("small"));
            let at = NOW - i64::try_from(random.below(400_000)).expect("small");
            let (ours, theirs) = (ours(&text, &held, at), theirs(&client, &prometheus, &text, at).await);
            match &theirs {
                Answer::Error(_) => errors += 1,
                Answer::Vector(found) => values += found.len(),
                Answer::Scalar(_) => values += 1,
            }
            if !agree(&text, &ours, &theirs) && !is_arbitrary(&text) {
                wrong.push(format!("seed {seed} at {at}: {text}\n    ours   {ours:?}\n    theirs {theirs:?}"));
            }
        }
    }
    println!("{} expressions, {values} values compared, {errors} errors alike", 3 * rounds);
    let shown = wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} expressions differ:\n{shown}", wrong.len());
}
