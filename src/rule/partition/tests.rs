//! The key of every node, and the property that makes keys worth having.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Key;
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::rule::promql::tests::Held;
use crate::rule::promql::tests::generate::{self, NOW, Random};
use crate::rule::promql::{Dialect, EvalError, Expr, Value, compile, compile_as, eval, eval_part};

type Data = Vec<(Labels, Vec<Sample>)>;

fn compiled(text: &str) -> Expr {
    compile(text).unwrap_or_else(|error| panic!("{text}: {error} at {}", error.at))
}

/// A result by labels; every NaN is alike.
fn outputs(expr: &Expr, series: &Data, at: i64) -> Result<Vec<(Labels, u64)>, EvalError> {
    eval(expr, &Held { series, selectors: &expr.selectors }, at).map(listed)
}

fn listed(value: Value) -> Vec<(Labels, u64)> {
    let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    let mut found = match value {
        Value::Scalar(value) => vec![(Labels::default(), bits(value))],
        Value::Vector(elements) => elements.into_iter().map(|element| (element.labels, bits(element.value))).collect(),
    };
    found.sort();
    found
}

/// Evaluates each partition with its own samples only, and unites what it yields under its own key.
fn in_partitions(expr: &Expr, key: &Key, series: &Data, at: i64) -> Result<Vec<(Labels, u64)>, EvalError> {
    let mut partitions: BTreeMap<Labels, Data> = BTreeMap::new();
    if expr.always_yields() {
        partitions.insert(Labels::default(), Vec::new());
    }
    for (labels, samples) in series {
        if expr.selectors.iter().any(|selector| selector.matches(labels)) {
            partitions.entry(key.project(labels)).or_default().push((labels.clone(), samples.clone()));
        }
    }
    let mut united = Vec::new();
    let (mut many, mut duplicates) = (0, Vec::new());
    for (partition, series) in &partitions {
        let (result, joins) = eval_part(expr, &Held { series, selectors: &expr.selectors }, at);
        united.extend(listed(result?).into_iter().filter(|(labels, _)| key.project(labels) == *partition));
        many |= joins.many;
        duplicates.extend(joins.duplicates);
    }
    if let Some((_, error)) = duplicates.into_iter().find(|(join, _)| many >> join & 1 == 1) {
        return Err(error);
    }
    united.sort();
    Ok(united)
}

fn random_data(random: &mut Random) -> Data {
    let sample = |(timestamp_ms, value)| Sample { timestamp_ms, value };
    let owned =
        |(labels, samples): generate::Series| (Labels::from_pairs(labels), samples.into_iter().map(sample).collect());
    generate::series(random).into_iter().map(owned).collect()
}

fn shown(key: &Key) -> String {
    match key {
        Key::Keep(kept) => format!("keep {}", kept.iter().cloned().collect::<Vec<_>>().join(" ")),
        Key::Drop(dropped) => {
            let own = dropped.iter().filter(|name| !super::METADATA.contains(&name.as_str()));
            format!("drop {}", own.cloned().collect::<Vec<_>>().join(" "))
        }
    }
    .trim_end()
    .to_owned()
}

#[test]
fn every_node_has_the_key_of_the_table() {
    for (text, expected) in [
        ("up", "drop"),
        ("rate(x[5m])", "drop"),
        ("-abs(x) + 1", "drop"),
        ("time() - x", "drop"),
        ("sort(x)", "drop"),
        ("max_over_time(rate(x[5m])[1h:1m])", "drop"),
        ("max_over_time(sum by (a) (x)[1h:1m])", "keep a"),
        ("absent_over_time(sum by (a) (x)[1h:1m])", "keep"),
        ("sum(x)", "keep"),
        ("sum by (a, b) (x)", "keep a b"),
        ("sum by (a) (max by (a, b) (x))", "keep a"),
        ("sum by (c) (max by (a, b) (x))", "keep"),
        ("avg without (a) (x)", "drop a"),
        ("max by (a, b) (avg without (a) (x))", "keep b"),
        ("avg without (a) (sum without (b) (x))", "drop a b"),
        ("topk by (a) (2, x)", "keep a"),
        ("topk(2, x)", "keep"),
        ("topk by (a) (scalar(y), x)", "keep"),
        ("quantile by (a) (0.9, x)", "keep a"),
        ("count_values by (a, v) (\"v\", x)", "keep a"),
        ("count_values without (a) (\"v\", x)", "drop a v"),
        ("x / y", "drop"),
        ("x / on (a) y", "keep a"),
        ("x / ignoring (a) y", "drop a"),
        ("x * on (a, b) group_left (c) y", "keep a b"),
        ("x * ignoring (a) group_left (c) y", "drop a c"),
        ("sum by (a) (x) / on (a, b) sum by (a, b) (y)", "keep a"),
        ("x and on (a) y", "keep a"),
        ("x unless y", "drop"),
        ("x or on (a) y", "keep a"),
        ("x and on () (hour() > 8)", "drop"),
        ("x unless on () vector(1)", "drop"),
        ("vector(1) and on () x", "keep"),
        ("x * on () group_left () vector(2)", "drop"),
        ("x * on () group_left (c) vector(2)", "drop c"),
        ("vector(2) * on () group_right () x", "drop"),
        ("x * on () vector(2)", "keep"),
        ("x or vector(0)", "drop"),
        ("x or on () vector(0)", "keep"),
        ("x + scalar(y)", "keep"),
        ("x + scalar(vector(1))", "drop"),
        ("absent(x)", "keep"),
        ("absent_over_time(x[5m])", "keep"),
        ("x and absent(y)", "keep"),
        ("label_replace(x, \"a\", \"\", \"\", \"\")", "drop a"),
        ("label_join(sum by (a, b) (x), \"a\", \"\")", "keep b"),
        ("histogram_quantile(0.9, x)", "drop le"),
        ("histogram_quantile(0.9, sum by (le, a) (rate(x[5m])))", "keep a"),
        ("vector(1)", "drop"),
        ("label_replace(vector(1), \"a\", \"b\", \"\", \"\")", "drop a"),
        ("x or count_values(\"v\", vector(1))", "drop v"),
        ("1 + time()", "drop"),
    ] {
        assert_eq!(shown(&Key::of(&compiled(text))), expected, "{text}");
    }
    let key = Key::of(&compiled("sum by (a, b) (x)")).without(["a", "alertname"]);
    assert_eq!(shown(&key), "keep b", "what a rule sets is taken away");
    assert_eq!(shown(&Key::of(&compiled("x")).without(["a"])), "drop a");
}

/// For each expression a label that its key must not hold, and series by which it would fail.
#[test]
fn a_label_more_breaks_an_example() {
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, f64)]);
    let cases: [Case<'_>; 15] = [
        ("sum by (a) (x)", "b", &[("x a=1 b=1", 1.0), ("x a=1 b=2", 2.0)]),
        ("sum without (a) (x)", "a", &[("x a=1 b=1", 1.0), ("x a=2 b=1", 2.0)]),
        ("topk(1, x)", "a", &[("x a=1", 1.0), ("x a=2", 2.0)]),
        ("count_values without (v) (\"v\", x)", "v", &[("x v=9", 1.0), ("x v=8", 1.0)]),
        ("x / on (a) y", "b", &[("x a=1 b=1", 1.0), ("y a=1 b=2", 2.0)]),
        ("x / ignoring (a) y", "a", &[("x a=1 b=1", 1.0), ("y a=2 b=1", 2.0)]),
        ("x * on (a) group_left (c) y", "c", &[("x a=1", 1.0), ("y a=1 c=3", 2.0)]),
        ("x and on (a) y", "b", &[("x a=1 b=1", 1.0), ("y a=1 b=2", 2.0)]),
        ("x unless on (a) y", "b", &[("x a=1 b=1", 1.0), ("y a=1 b=2", 2.0)]),
        ("x or on (a) y", "b", &[("x a=1 b=1", 1.0), ("y a=1 b=2", 2.0)]),
        ("x or on () vector(0)", "a", &[("x a=1", 1.0)]),
        ("absent(x)", "a", &[("x a=1", 1.0)]),
        ("x > scalar(y)", "a", &[("x a=1", 3.0), ("y a=2", 2.0)]),
        ("label_replace(x, \"a\", \"9\", \"\", \"\")", "a", &[("x a=1", 1.0)]),
        ("histogram_quantile(0.5, x)", "le", &[("x le=1", 1.0), ("x le=+Inf", 2.0)]),
    ];
    for (text, label, series) in cases {
        let expr = compiled(text);
        let labels = |text: &str| {
            let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
            let pairs = rest.split_whitespace().filter_map(|pair| pair.split_once('='));
            Labels::from_pairs(pairs.chain([("__name__", name)]))
        };
        let series: Data = series
            .iter()
            .map(|(text, value)| (labels(text), vec![Sample { timestamp_ms: 0, value: *value }]))
            .collect();
        let key = Key::of(&expr);
        let whole = outputs(&expr, &series, 0);
        assert_eq!(in_partitions(&expr, &key, &series, 0), whole, "{text} with its key");
        let wider = match key {
            Key::Keep(mut kept) => {
                assert!(kept.insert(label.to_owned()), "{text} keeps {label} already");
                Key::Keep(kept)
            }
            Key::Drop(mut dropped) => {
                assert!(dropped.remove(label), "{text} does not drop {label}");
                Key::Drop(dropped)
            }
        };
        assert_ne!(in_partitions(&expr, &wider, &series, 0), whole, "{text} with {label} in its key");
    }
}

#[test]
fn labels_that_a_constant_makes_up_are_in_no_key() {
    let made = [
        "count_values by (instance) (\"v\", vector(1000))",
        "label_replace(vector(1), \"a\", \"b\", \"\", \"\")",
        "label_replace(vector(1), \"a\", \"b\", \"\", \"\") or x",
    ];
    let series: Data = vec![(
        Labels::from_pairs([("__name__", "x"), ("a", "b"), ("c", "d")]),
        vec![Sample { timestamp_ms: 0, value: 1.0 }],
    )];
    for text in made {
        let expr = compiled(text);
        let whole = outputs(&expr, &series, 0);
        assert_eq!(in_partitions(&expr, &Key::of(&expr), &series, 0), whole, "{text}");
        assert!(whole.is_ok_and(|whole| !whole.is_empty()), "{text} yields");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn evaluating_in_partitions_equals_evaluating_whole(seed in any::<u64>(), back in 0i64..400_000) {
        let mut random = Random::new(seed);
        let series = random_data(&mut random);
        let depth = 1 + u32::try_from(random.below(3)).unwrap_or(0);
        let text = generate::vector(&mut random, depth);
        if let Ok(expr) = compile_as(&text, Dialect { experimental: true, ..Dialect::default() }) {
            let key = Key::of(&expr);
            let united = in_partitions(&expr, &key, &series, NOW - back);
            match outputs(&expr, &series, NOW - back) {
                Ok(whole) => prop_assert_eq!(united, Ok(whole), "{} by {:?}", text, key),
                // Only inside a subquery may an error stay away.
                Err(error) => prop_assert!(united.is_err() || text.contains(':'), "{} by {:?}: {}", text, key, error),
            }
        }
    }
}
