//! What holds for every stream of samples.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::support::{Story, at, group, labels, stage};
use crate::model::alert::AlertState;
use crate::model::labels::Labels;
use crate::model::sample::{STALE_NAN, Sample};
use crate::rule::Settings;
use crate::rule::promql::{Expr, SeriesView, Value, compile, eval};

const RULES: &str = "
  - {record: 'job:x:sum', expr: sum by (job) (x)}
  - {alert: High, expr: x > 6, for: 4s}
  - {alert: Sum, expr: 'job:x:sum > 9', keep_firing_for: 5s}
  - {alert: Rate, expr: 'sum by (job) (increase(x[10s])) > 5'}
  - {alert: Ratio, expr: 'x{kind=\"a\"} / ignoring (kind) x{kind=\"b\"} > 1'}
  - {alert: Any, expr: 'max(x) - min(x) > 7'}
  - {alert: Silent, expr: 'absent_over_time(x{kind=\"a\"}[6s])'}
  - {alert: Peak, expr: 'max_over_time(sum by (job) (x)[7s:2s]) > 9'}
  - {alert: Deep, expr: 'sum_over_time(max_over_time(x[4s:1s])[6s:3s] offset 1s) > 12'}
";

/// Seconds since the previous one, job, kind, value; 10 is a staleness marker.
type Step = (u8, u8, u8, u8);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..4_u8, 0..2_u8, 0..2_u8, 0..11_u8), 1..40)
}

fn line(step: Step) -> String {
    let value = if step.3 == 10 { "stale".to_owned() } else { step.3.to_string() };
    format!("x{{job={},kind={}}} {value}", step.1, if step.2 == 0 { "a" } else { "b" })
}

fn play(story: &mut Story, steps: &[Step]) -> f64 {
    let mut seconds = 1.0;
    for step in steps {
        seconds += f64::from(step.0);
        story.push(seconds, &line(*step));
    }
    seconds
}

/// Every series with all its samples.
struct Whole(BTreeMap<Labels, Vec<Sample>>);

impl Whole {
    fn of(steps: &[Step]) -> Self {
        let mut series: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
        let mut seconds = 1.0;
        for step in steps {
            seconds += f64::from(step.0);
            let name = line(*step).rsplit_once(' ').map(|(series, _)| labels(series)).expect("a series");
            let samples = series.entry(name).or_default();
            if samples.last().is_none_or(|last| last.timestamp_ms < at(seconds)) {
                samples.push(Sample { timestamp_ms: at(seconds), value: value(*step) });
            }
        }
        Self(series)
    }
}

struct Inputs<'a> {
    whole: &'a Whole,
    expr: &'a Expr,
}

impl crate::rule::promql::Inputs for Inputs<'_> {
    fn each(&self, selector: usize, visit: &mut dyn FnMut(SeriesView<'_>)) {
        for (labels, samples) in self.whole.0.iter().filter(|(labels, _)| self.expr.selectors[selector].matches(labels))
        {
            visit(SeriesView { labels, samples });
        }
    }
}

fn value(step: Step) -> f64 {
    if step.3 == 10 { STALE_NAN } else { f64::from(step.3) }
}

fn firing(story: &Story) -> Vec<String> {
    story.alerts(AlertState::Firing)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What is firing once data has settled at a tick is what an engine says that only knows ticks,
    /// for rules without memory of their own.
    #[test]
    fn evaluating_what_changed_equals_evaluating_all_at_a_tick(steps in steps()) {
        let rules: String = RULES.lines().filter(|line| !line.contains("for: ")).collect::<Vec<_>>().join("\n");
        let rules = format!("{rules}\n  - {{alert: Sum, expr: 'job:x:sum > 9'}}\n  - {{alert: High, expr: x > 6}}\n");
        let mut on_data = Story::new(&group("interval: 1s", &rules));
        let mut on_tick = Story::new(&group("interval: 1s, evaluate: on_tick".replace(", ", "\n  ").as_str(), &rules));
        let end = play(&mut on_data, &steps);
        play(&mut on_tick, &steps);
        for tick in 1..=8 {
            let seconds = end + f64::from(tick) + 0.0;
            on_data.until(seconds);
            on_tick.until(seconds);
            let due = |story: &Story| story.engine.groups()[0].last_evaluation;
            // Right at a tick both have looked at the same instant.
            let now = due(&on_tick).map_or(seconds, |tick| (tick - at(0.0)) as f64 / 1000.0);
            prop_assert!(now <= seconds);
            let next = on_tick.engine.groups()[0].last_evaluation.map(|last| last + 1000);
            on_data.until((next.unwrap_or(0) - at(0.0)) as f64 / 1000.0);
            on_tick.until((next.unwrap_or(0) - at(0.0)) as f64 / 1000.0);
            prop_assert_eq!(firing(&on_data), firing(&on_tick));
        }
    }

    /// The alerts of a rule at a tick are the results of its expression over all series at once.
    #[test]
    fn partitions_together_yield_what_the_whole_yields(steps in steps()) {
        let exprs = [
            "x > 6",
            "sum by (job) (x) > 9",
            "sum by (job) (increase(x[10s])) > 5",
            "x{kind=\"a\"} / ignoring (kind) x{kind=\"b\"} > 1",
            "x > on (job) group_left () max by (job) (x offset 3s)",
            "max(x) - min(x) > 7",
            "absent_over_time(x{kind=\"a\"}[6s])",
            "x unless on (job) (x{kind=\"b\"} > 3)",
            "count without (kind) (x != 5) == 2 or vector(1) < 0",
            "time() - x > 0 and changes(x[8s]) > 1",
            "max_over_time(sum by (job) (x)[10s:2s]) > 9",
            "max_over_time(increase(x[4s])[8s:1s] offset 2s) > 3",
            "x - x @ end() offset 5s > 2",
            "count_over_time((x > x @ start() offset 3s)[6s:3s]) > 1",
        ];
        let rules: String =
            (0..).zip(exprs).map(|(n, expr): (u32, _)| format!("  - {{alert: R{n}, expr: '{expr}'}}\n")).collect();
        let mut story = Story::new(&group("interval: 1s\n  evaluate: on_tick", &rules));
        let end = play(&mut story, &steps);
        story.until(end + 1.5);
        let tick = story.engine.groups()[0].last_evaluation.expect("ticks");
        let whole = Whole::of(&steps);
        let mut wanted = Vec::new();
        for (n, text) in exprs.iter().enumerate() {
            let expr = compile(text).expect("compiles");
            let inputs = Inputs { whole: &whole, expr: &expr };
            let Ok(Value::Vector(elements)) = eval(&expr, &inputs, tick) else { panic!("{text} yields a vector") };
            wanted.extend(elements.into_iter().map(|element| {
                let rest = element.labels.without(|name| name == "__name__");
                if rest.is_empty() { format!("R{n}") } else { format!("R{n}{rest}") }
            }));
        }
        wanted.sort();
        prop_assert_eq!(firing(&story), wanted);
    }

    /// Rules that match nothing change nothing.
    #[test]
    fn rules_that_do_not_match_change_nothing(steps in steps()) {
        let many: String = (0..60)
            .map(|n| format!("  - {{alert: N{n}, expr: 'sum by (job) (other_{n}{{job=~\"a.*\"}}) > x{{job=\"n{n}\"}}'}}\n"))
            .collect();
        let mut few = Story::new(&group("interval: 5s", RULES));
        let mut all = Story::new(&group("interval: 5s", &format!("{RULES}{many}")));
        let end = play(&mut few, &steps) + 30.0;
        play(&mut all, &steps);
        few.until(end);
        all.until(end);
        prop_assert_eq!(few.told(), all.told());
    }

    /// An engine that is stopped and goes on with its saved state and the frames since says what one
    /// says that never stopped.
    #[test]
    fn a_restart_with_replay_equals_none(steps in steps(), cut in 0..40_usize) {
        let files = group("interval: 5s", RULES);
        let cut = cut.min(steps.len());
        let mut whole = Story::new(&files);
        let end = play(&mut whole, &steps) + 30.0;
        whole.until(end);

        let mut first = Story::new(&files);
        let stopped = play(&mut first, &steps[..cut]);
        let mut second = Story::with(&files, Settings::default());
        let mut seconds = 1.0;
        for step in &steps[..cut] {
            seconds += f64::from(step.0);
            let series = line(*step).rsplit_once(' ').map(|(series, _)| labels(series)).expect("a series");
            let (staged, known) = stage(&[(series, Sample { timestamp_ms: at(seconds), value: value(*step) })]);
            second.engine.replay(at(seconds), &staged, &mut |_| known[0].clone());
        }
        second.engine.restore(first.engine.state(), at(stopped));
        let mut seconds = stopped;
        for step in &steps[cut..] {
            seconds += f64::from(step.0);
            second.push(seconds, &line(*step));
        }
        second.until(end);
        prop_assert_eq!(firing(&second), firing(&whole));
    }
}
