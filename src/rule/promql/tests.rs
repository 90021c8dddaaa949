//! Stories of expressions over data, and of what is refused.

pub(in crate::rule) mod generate;

use proptest::prelude::*;

use super::{Dialect, Element, EvalError, Expr, Inputs, Selector, SeriesView, Value, compile, compile_as, eval};
use crate::model::labels::Labels;
use crate::model::sample::{STALE_NAN, Sample};

/// Series held in memory.
pub(in crate::rule) struct Held<'a> {
    pub(in crate::rule) series: &'a [(Labels, Vec<Sample>)],
    pub(in crate::rule) selectors: &'a [Selector],
}

impl Inputs for Held<'_> {
    fn each(&self, selector: usize, visit: &mut dyn FnMut(SeriesView<'_>)) {
        for (labels, samples) in self.series.iter().filter(|(labels, _)| self.selectors[selector].matches(labels)) {
            visit(SeriesView { labels, samples });
        }
    }
}

fn compiled(text: &str) -> Expr {
    compile(text).unwrap_or_else(|error| panic!("{text}: {error} at {}", error.at))
}

/// The labels that a selector with only `=` matchers names.
fn labels(text: &str) -> Labels {
    let expr = compiled(text);
    let pairs = expr.selectors[0].matchers.iter().map(|matcher| (matcher.name.clone(), matcher.value.clone()));
    Labels::from_pairs(pairs)
}

/// Lines of `series value value …`, one value every 15 s from 0 on; `_` is none, `stale` the end marker.
fn data(lines: &str) -> Vec<(Labels, Vec<Sample>)> {
    let line = |line: &str| {
        let (series, values) = line.trim().rsplit_once(": ").expect("series: values");
        let value = |(index, text): (i64, &str)| {
            let value = match text {
                "_" => return None,
                "stale" => STALE_NAN,
                _ => text.parse().expect("a number"),
            };
            Some(Sample { timestamp_ms: index * 15_000, value })
        };
        (labels(series), (0..).zip(values.split_whitespace()).filter_map(value).collect())
    };
    lines.lines().map(str::trim).filter(|text| !text.is_empty()).map(line).collect()
}

fn run(series: &[(Labels, Vec<Sample>)], text: &str, at_seconds: i64) -> Result<Value, EvalError> {
    let expr = compiled(text);
    eval(&expr, &Held { series, selectors: &expr.selectors }, at_seconds * 1000)
}

/// A result as text: `labels=value`, sorted.
fn shown(result: Result<Value, EvalError>) -> String {
    let element = |element: &Element| format!("{}={}", element.labels, element.value);
    match result {
        Err(error) => format!("error: {error}"),
        Ok(Value::Scalar(value)) => value.to_string(),
        Ok(Value::Vector(elements)) => {
            let mut elements: Vec<_> = elements.iter().map(element).collect();
            elements.sort();
            elements.join(" ")
        }
    }
}

/// Expression, instant in seconds, result.
fn check(lines: &str, cases: &[(&str, i64, &str)]) {
    let series = data(lines);
    for (text, at, expected) in cases {
        assert_eq!(shown(run(&series, text, *at)), *expected, "{text} at {at} s");
    }
}

#[test]
fn windows_and_lookback_are_open_on_the_left() {
    check(
        "up{job=\"a\"}: 1 _ 3",
        &[
            ("up", 29, "up{job=\"a\"}=1"),
            ("up", 30, "up{job=\"a\"}=3"),
            ("up", 329, "up{job=\"a\"}=3"),
            ("up", 330, ""),
            ("count_over_time(up[30s])", 30, "{job=\"a\"}=1"),
            ("count_over_time(up[31s])", 30, "{job=\"a\"}=2"),
            ("up offset 15s", 30, "up{job=\"a\"}=1"),
            ("up offset -30s", 0, "up{job=\"a\"}=3"),
            ("timestamp(up)", 45, "{job=\"a\"}=30"),
            ("timestamp(up + 0)", 45, "{job=\"a\"}=45"),
        ],
    );
}

#[test]
fn an_end_marker_hides_a_series_at_once_and_is_no_value() {
    check(
        "up: 1 2 stale _ 5",
        &[
            ("up", 29, "up=2"),
            ("up", 30, ""),
            ("up", 60, "up=5"),
            ("sum_over_time(up[2m])", 60, "{}=8"),
            ("absent(up)", 30, "{}=1"),
            ("absent_over_time(up[15s])", 30, "{}=1"),
        ],
    );
    check("up: NaN 2", &[("up", 0, "up=NaN"), ("max_over_time(up[1m])", 15, "{}=2")]);
}

#[test]
fn rates_extrapolate_but_not_below_zero() {
    check(
        "c: 0 15 30 45 60 75 90 105 120",
        &[
            ("rate(c[1m])", 120, "{}=0.9999999999999999"),
            ("increase(c[1m])", 120, "{}=60"),
            ("rate(c[1m])", 15, "{}=0.25"),
            ("irate(c[1m])", 120, "{}=1"),
            ("delta(c[1m])", 120, "{}=60"),
            ("rate(c[15s])", 120, ""),
        ],
    );
    check(
        "c: 10 20 5 15",
        &[
            ("increase(c[45s])", 45, "{}=22.5"),
            ("resets(c[1m])", 45, "{}=1"),
            ("changes(c[1m])", 45, "{}=3"),
            ("idelta(c[1m])", 30, "{}=-15"),
            ("irate(c[30s])", 30, "{}=0.3333333333333333"),
        ],
    );
}

#[test]
fn names_stay_with_filters_and_go_with_arithmetic() {
    check(
        "a{x=\"1\"}: 1
         b{x=\"1\"}: 2
         b{x=\"2\"}: 3",
        &[
            ("b > 2", 0, "b{x=\"2\"}=3"),
            ("2 < b", 0, "b{x=\"2\"}=3"),
            ("b > bool 2", 0, "{x=\"1\"}=0 {x=\"2\"}=1"),
            ("-b", 0, "{x=\"1\"}=-2 {x=\"2\"}=-3"),
            ("a + b", 0, "{x=\"1\"}=3"),
            ("b > a", 0, "b{x=\"1\"}=2"),
            ("b and on (x) a", 0, "b{x=\"1\"}=2"),
            ("a or b", 0, "a{x=\"1\"}=1 b{x=\"2\"}=3"),
            ("b unless a", 0, "b{x=\"2\"}=3"),
            ("last_over_time(b[1m])", 0, "b{x=\"1\"}=2 b{x=\"2\"}=3"),
            ("sum(b)", 0, "{}=5"),
            ("sum without (x) (b)", 0, "{}=5"),
            ("topk(1, b)", 0, "b{x=\"2\"}=3"),
            ("count_values(\"v\", b)", 0, "{v=\"2\"}=1 {v=\"3\"}=1"),
        ],
    );
}

#[test]
fn ambiguous_matches_are_errors_in_prometheus_words() {
    check(
        "a{x=\"1\", y=\"1\"}: 1
         a{x=\"1\", y=\"2\"}: 2
         b{x=\"1\", z=\"q\"}: 10",
        &[
            (
                "b * on (x) a",
                0,
                "error: found duplicate series for the match group {x=\"1\"} on the right hand-side of the operation: \
                 [{__name__=\"a\", x=\"1\", y=\"2\"}, {__name__=\"a\", x=\"1\", y=\"1\"}];many-to-many matching not \
                 allowed: matching labels must be unique on one side",
            ),
            (
                "a * on (x) b",
                0,
                "error: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            ),
            ("a * on (x) group_left (z) b", 0, "{x=\"1\", y=\"1\", z=\"q\"}=10 {x=\"1\", y=\"2\", z=\"q\"}=20"),
            (
                "a * on (x) group_left (y) b",
                0,
                "error: multiple matches for labels: grouping labels must ensure unique matches",
            ),
            (
                "label_replace(a, \"y\", \"\", \"\", \"\")",
                0,
                "error: vector cannot contain metrics with the same labelset",
            ),
            ("topk(NaN, a)", 0, "error: Parameter value is NaN"),
        ],
    );
}

#[test]
fn histograms_of_classic_buckets() {
    check(
        "h_bucket{le=\"0.1\"}: 10
         h_bucket{le=\"1\"}: 8
         h_bucket{le=\"+Inf\"}: 20
         h_bucket{le=\"oops\"}: 1",
        &[
            ("histogram_quantile(0.25, h_bucket)", 0, "{}=0.05"),
            ("histogram_quantile(0.9, h_bucket)", 0, "{}=1"),
            ("histogram_quantile(2, h_bucket)", 0, "{}=inf"),
            ("histogram_fraction(0, 0.1, h_bucket)", 0, "{}=0.5"),
            ("histogram_quantile(0.5, h_bucket{le!=\"+Inf\"})", 0, "{}=NaN"),
        ],
    );
}

#[test]
fn absent_names_what_equality_named() {
    let cases = [
        ("absent(x{a=\"1\", b=~\"2\"})", "{a=\"1\"}=1"),
        ("absent(x{a=\"1\", a=\"2\", c=\"3\"})", "{c=\"3\"}=1"),
        ("absent(sum(x{a=\"1\"}))", "{}=1"),
        ("absent_over_time(x{a=\"1\"}[5m])", "{a=\"1\"}=1"),
        ("absent(vector(1))", ""),
    ];
    cases.iter().for_each(|(text, expected)| check("", &[(text, 0, expected)]));
}

/// What is refused, where, and in which words.
#[test]
fn refusals_name_the_thing_and_its_place() {
    for (text, at, word) in [
        ("", 0, "empty"),
        ("rate(up[5m:1m][5m])", 14, "a range stands once"),
        ("rate(up[1y:1ms])", 11, "a longer step"),
        ("max_over_time((up > 0)[5m:0s])", 26, "longer than 0"),
        ("max_over_time(5[5m:])", 15, "only allowed after an instant vector"),
        ("max_over_time(up[5m:1m) + 1", 22, "expected"),
        ("up @ now()", 5, "`start()` or `end()`"),
        ("up @ 1 @ 2", 7, "twice"),
        ("(up) @ 1", 5, "directly after"),
        ("rate(up @ 1 [5m])", 12, "before its offset and `@`"),
        ("up @ Inf", 5, "expected seconds"),
        ("1 + mad_over_time(up[5m])", 4, "`mad_over_time` is experimental"),
        ("info(up)", 0, "not supported yet"),
        ("sum(limitk(2, up))", 4, "`limitk` is experimental"),
        ("histogram_count(up)", 0, "native histograms"),
        ("up </ 3", 3, "native histograms"),
        ("up + fill(0) up", 5, "`fill`"),
        ("rate(up[5m + 1m])", 11, "durations"),
        ("rate(up[step()])", 8, "durations"),
        ("rate(up[5m] anchored)", 12, "anchored"),
        ("raet(up[5m])", 0, "did you mean `rate`"),
        ("rate(up)", 5, "append a range"),
        ("up[5m]", 0, "wrap it in a function"),
        ("up{a=~\"(\"}", 6, "unclosed group"),
        ("up = 1", 3, "write `==`"),
        ("1 > 2", 2, "bool"),
        ("sum(up) by (job", 15, "expected"),
        ("\"text\"", 0, "string"),
        ("up{job=\"a}", 7, "closing quote"),
        ("{job=~\".*\"}", 0, "does not match the empty string"),
        ("5 offset 5m", 2, "offset"),
        ("clamp(up, 1)", 0, "takes 3 argument(s), got 2"),
        ("é", 0, "unexpected character"),
    ] {
        let error = compile(text).expect_err(text);
        assert!(error.at == at && error.message.contains(word), "{text}: at {} {}", error.at, error.message);
    }
}

#[test]
fn nesting_is_bounded_before_the_stack_is() {
    for text in ["(".repeat(100_000), "-".repeat(100_000), vec!["up"; 100_000].join(" + "), "abs(".repeat(100_000)] {
        assert!(compile(&text).expect_err("too deep").message.contains("nests deeper"));
    }
    let deep = vec!["up"; 250].join(" + ");
    assert_eq!(shown(run(&data("up: 1"), &deep, 0)), "{}=250");
    let nested = format!("{}up{}", "abs(".repeat(62), ")".repeat(62));
    assert_eq!(shown(run(&data("up: 1"), &nested, 0)), "{}=1");
}

#[test]
fn tells_what_yields_without_series_and_what_depends_on_one() {
    for (text, always, single) in [
        ("up == 0", false, true),
        ("rate(x[5m]) > 0.1 * 2", false, true),
        ("vector(1)", true, true),
        ("hour() > 8", true, true),
        ("1 + 1", true, true),
        ("absent(up)", true, false),
        ("up and on () (hour() > 8)", false, true),
        ("up and on (job) down", false, false),
        ("up or vector(0)", true, false),
        ("vector(1) unless on () up", true, false),
        ("sum(up)", false, false),
        ("up * scalar(x)", false, false),
        ("histogram_quantile(0.9, x)", false, false),
        ("label_replace(up, \"a\", \"b\", \"\", \"\")", false, true),
        ("max_over_time(rate(up[5m])[1h:1m])", false, true),
        ("max_over_time(sum(up)[1h:1m])", false, false),
        ("max_over_time(vector(1)[1h:1m])", true, true),
    ] {
        let expr = compiled(text);
        assert_eq!((expr.always_yields(), expr.single_series()), (always, single), "{text}");
    }
}

#[test]
fn knows_when_a_result_changes_without_data() {
    let series = data("up: 1 _ 3");
    let next = |text: &str, at: i64| {
        let expr = compiled(text);
        expr.next_change(&Held { series: &series, selectors: &expr.selectors }, at)
    };
    assert_eq!(next("up", 0), Some(30_000), "a sample dated ahead comes into sight");
    assert_eq!(next("up", 30_000), Some(330_000), "the newest sample leaves the lookback");
    assert_eq!(next("up", 330_000), None);
    assert_eq!(next("rate(up[1m])", 30_000), Some(60_000), "the oldest leaves the window");
    assert_eq!(next("rate(up[1m])", 60_000), Some(90_000));
    assert_eq!(next("up offset 1m", 30_000), Some(60_000), "an offset brings it into sight");
    assert_eq!(next("up offset 1m or up", 30_000), Some(60_000));
    assert_eq!(next("max_over_time(up[2m:1m])", 30_000), Some(60_000), "a step comes");
    assert_eq!(next("max_over_time(up[90s:1m])", 60_000), Some(90_000), "a step goes");
    assert_eq!(next("max_over_time(up[2m:1m])", 500_000), None);
    assert_eq!(next("up @ end()", 0), Some(30_000));
    assert_eq!(next("up @ 15", 0), None);
    assert_eq!(next("time()", 0), None);
}

#[test]
fn windows_reach_back_as_far_as_range_and_offset() {
    let window = |text: &str| compiled(text).selectors[0].window_ms();
    assert_eq!(window("up"), 300_000);
    assert_eq!(window("up offset 1m"), 360_000);
    assert_eq!(window("up offset -1m"), 300_000);
    assert_eq!(window("rate(up[1h] offset 5m)"), 3_900_000);
    assert_eq!(window("max_over_time(up[1h:1m])"), 3_900_000);
    assert_eq!(window("max_over_time(rate(up[5m])[1h:1m] offset 1d)"), 86_400_000 + 3_900_000);
    assert_eq!(window("max_over_time((sum_over_time(up[10m:1m]) > 1)[1h:1m])"), 4_500_000);
    assert_eq!(window("max_over_time((up @ end())[1h:1m])"), 300_000);
    assert_eq!(compiled("max_over_time(up[1h:1m] offset 1d)").selectors[0].lag_ms(), 86_400_000);
    assert_eq!(compiled("a{x=\"1\"} + b").selectors[1].metric(), Some("b"));
}

#[test]
fn subqueries_evaluate_at_multiples_of_their_step() {
    check(
        "c: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
         d: 1 _ _ _ 2",
        &[
            ("count_over_time(c[1m:20s])", 65, "{}=3"),
            ("sum_over_time(c[1m:20s])", 65, "{}=7"),
            ("count_over_time(c[1m:])", 59, "{}=1"),
            ("sum_over_time(c[2m:1m] offset 30s)", 240, "{}=20"),
            ("sum_over_time((c + 1)[1m:30s] offset -30s)", 65, "{}=12"),
            ("max_over_time(sum_over_time(c[30s:15s])[1m:30s])", 120, "{}=15"),
            ("max_over_time((c > 3 < 6)[4m:15s])", 240, "{}=5"),
            ("last_over_time(d[1m:30s])", 75, "d=2"),
            ("rate(c[2m:30s])", 120, "{}=0.06666666666666665"),
            ("absent_over_time(x{a=\"b\"}[1m:30s])", 120, "{}=1"),
            ("count_over_time(vector(1)[1m:15s])", 120, "{}=4"),
            ("timestamp(c)", 70, "{}=60"),
            ("max_over_time(timestamp(c)[1m:7s])", 70, "{}=60"),
        ],
    );
}

#[test]
fn at_pins_an_instant() {
    check(
        "c: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        &[
            ("c @ 30", 120, "c=2"),
            ("c @ 30 offset 15s", 120, "c=1"),
            ("c offset -15s @ 30.2", 120, "c=3"),
            ("c @ end() - c @ start()", 120, "{}=0"),
            ("sum_over_time(c[30s] @ 60)", 120, "{}=7"),
            ("sum_over_time(c[30s:15s] @ 60)", 120, "{}=7"),
            ("sum_over_time((c @ 60)[1m:15s])", 120, "{}=16"),
            ("sum_over_time((c @ end())[1m:15s])", 120, "{}=32"),
            ("sum_over_time((c - c @ end())[30s:15s] offset 1m)", 120, "{}=-9"),
            ("timestamp(c @ 47)", 120, "{}=45"),
            ("c @ -1", 120, ""),
        ],
    );
}

#[test]
fn one_series_may_not_take_the_place_of_another_within_a_range() {
    check(
        "a: 1 2 stale
         b: _ _ _ 3 4",
        &[
            (
                "sum_over_time((-{__name__=~\"a|b\"})[1m:15s])",
                60,
                "error: vector cannot contain metrics with the same labelset",
            ),
            ("sum_over_time((-{__name__=~\"a|b\"})[30s:15s])", 60, "{}=-7"),
        ],
    );
}

#[test]
fn a_query_makes_only_so_many_points() {
    let text = "sum_over_time(sum_over_time(vector(1)[6h:1s])[6h:1s])";
    assert_eq!(shown(run(&[], text, 86_400)), format!("error: {}", EvalError::TooManySamples));
}

/// Pieces of PromQL, for texts that nearly parse.
const PIECES: [&str; 40] = [
    "up",
    "sum",
    "by",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    "5m",
    "1_0",
    "0x",
    "'",
    "\"a\"",
    "`",
    "\\",
    "=~",
    "!~",
    "=",
    "==",
    "-",
    "+",
    "^",
    "*",
    "@",
    ":",
    "offset",
    "bool",
    "on",
    "group_left",
    "and",
    "or",
    "rate",
    "label_replace",
    "#",
    "\n",
    "é",
    "topk",
    "NaN",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_parser(text in "\\PC*", picks in proptest::collection::vec(0..PIECES.len(), 0..25)) {
        let soup = picks.iter().map(|pick| PIECES[*pick]).collect::<Vec<_>>();
        for text in [text, soup.join(" "), soup.concat()] {
            if let Err(error) = compile(&text) {
                prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at), "{text:?}: {}", error.at);
            }
        }
    }

    #[test]
    fn no_pattern_breaks_the_translation(pattern in "(\\PC|[\\\\QEpPxCdb{}\\[\\]^,:0-9-]){0,20}") {
        let _ = super::pattern::anchored(&pattern);
    }

    /// Until `next_change`, and not one millisecond longer than it promises, a result stays as it is.
    #[test]
    fn nothing_changes_before_next_change(seed in any::<u64>(), back in 0i64..400_000) {
        let mut random = generate::Random::new(seed);
        let sample = |(timestamp_ms, value)| Sample { timestamp_ms, value };
        let series: Vec<(Labels, Vec<Sample>)> = generate::series(&mut random)
            .into_iter()
            .map(|(labels, samples)| (Labels::from_pairs(labels), samples.into_iter().map(sample).collect()))
            .collect();
        let text = generate::vector(&mut random, 2);
        let follows_the_clock = ["rate(", "increase(", "delta(", "predict_linear", "time", "hour()", "minute()"];
        if let Ok(expr) = compile_as(&text, Dialect { experimental: true, ..Dialect::default() })
            && !follows_the_clock.iter().any(|part| text.contains(part))
        {
            let held = Held { series: &series, selectors: &expr.selectors };
            let at = generate::NOW - back;
            let next = expr.next_change(&held, at).unwrap_or(at + 3_600_000);
            prop_assert!(next > at);
            prop_assert_eq!(shown(eval(&expr, &held, at)), shown(eval(&expr, &held, next - 1)), "{}", text);
        }
    }
}
