//! Runs the tests of a file, one after the other, each with an engine of its own.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::file::{AlertTest, ExprTest, Test, TestFile};
use super::history::{History, View};
use super::print;
use super::series::{self, Pairs};
use crate::model::labels::Labels;
use crate::model::sample::{Sample, StagedSamples, StagedSeries, is_stale};
use crate::model::time::Millis;
use crate::rule::promql::metric::metric;
use crate::rule::promql::{Dialect, Value, compile_as, eval};
use crate::rule::template::Surroundings;
use crate::rule::{Engine, Outputs, RuleSet, Settings};
use crate::yaml::format_duration;

/// What failed, in promtool's words.
pub type Failure = String;

/// Runs the tests of `file` whose names `wanted` lets through; answers what failed. `rules`: those that
/// its rule files hold, or why they do not load, which fails every test.
#[must_use]
pub fn run(file: &TestFile, rules: &Result<RuleSet, Vec<Failure>>, wanted: &dyn Fn(&str) -> bool) -> Vec<Failure> {
    let mut order: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, name) in file.group_eval_order.iter().enumerate() {
        if order.insert(name, place).is_some() {
            return vec![format!("group name repeated in evaluation order: {name}")];
        }
    }
    let mut failures = Vec::new();
    for test in file.tests.iter().filter(|test| wanted(&test.name)) {
        match rules {
            Err(problems) => failures.extend(problems.iter().cloned()),
            Ok(rules) => match Bench::new(file, test, rules, &order) {
                Ok(bench) => bench.run(&mut failures),
                Err(failure) => failures.push(failure),
            },
        }
    }
    failures
}

/// One test in progress.
struct Bench<'a> {
    test: &'a Test,
    every: Millis,
    fuzzy: bool,
    dialect: Dialect,
    engine: Engine,
    /// Groups in the order in which they are evaluated.
    groups: Vec<u32>,
    /// Input not yet given, latest first.
    input: Vec<(Labels, Vec<Sample>)>,
    history: History,
}

impl<'a> Bench<'a> {
    fn new(file: &TestFile, test: &'a Test, rules: &RuleSet, order: &BTreeMap<&str, usize>) -> Result<Self, Failure> {
        let input = input(test)?;
        if let Some(unnamed) = test.alerts.iter().find(|alert| alert.name.is_empty()) {
            let within = if test.name.is_empty() { String::new() } else { format!(" (in TestGroup {})", test.name) };
            let at = format_duration(unnamed.at);
            return Err(format!(
                "an item under alert_rule_test misses required attribute alertname at eval_time {at}{within}"
            ));
        }
        let mut engine = Engine::new(Settings {
            evaluation_interval: file.evaluation_interval,
            window_bytes_max: u64::MAX,
            series_max: u64::MAX,
            surroundings: Surroundings {
                external_labels: Labels::from_pairs(test.external_labels.clone()),
                external_url: test.external_url.clone(),
            },
            outputs: Outputs::All,
            ..Settings::default()
        });
        let rules = rules.clone().whole();
        let mut groups: Vec<(usize, u32)> =
            rules.group_names().map(|name| order.get(name).copied().unwrap_or(0)).zip(0..).collect();
        groups.sort_unstable();
        engine.load(rules, test.start);
        Ok(Self {
            test,
            every: file.evaluation_interval,
            fuzzy: file.fuzzy_compare,
            dialect: file.dialect(),
            engine,
            groups: groups.into_iter().map(|(_, group)| group).collect(),
            input,
            history: History::default(),
        })
    }

    fn run(mut self, failures: &mut Vec<Failure>) {
        let Test { alerts, exprs, .. } = self.test;
        let end = alerts.iter().map(|test| test.at).chain(exprs.iter().map(|test| test.at)).max().unwrap_or(0);
        let mut asked: Vec<&AlertTest> = alerts.iter().collect();
        asked.sort_by_key(|test| test.at);
        let mut asked = asked.into_iter().peekable();
        let mut since = 0;
        while since <= end {
            self.give(self.test.start + since, failures);
            let broken = self.evaluate(self.test.start + since);
            if !broken.is_empty() {
                return failures.extend(broken);
            }
            while let Some(test) = asked.next_if(|test| test.at < since + self.every) {
                failures.extend(self.alerts(test));
            }
            since += self.every;
        }
        failures.extend(exprs.iter().filter_map(|test| self.expr(test).err()));
    }

    /// Hands over the input up to `at`.
    fn give(&mut self, at: Millis, failures: &mut Vec<Failure>) {
        let (mut staged, mut labels) = (StagedSamples { body: Bytes::new(), ..StagedSamples::default() }, Vec::new());
        for (series, samples) in &mut self.input {
            let before = staged.samples.len();
            while let Some(sample) = samples.pop_if(|sample| sample.timestamp_ms <= at) {
                match self.history.add(series, sample) {
                    Ok(()) => staged.samples.push(sample),
                    Err(refused) => failures.push(refused.to_owned()),
                }
            }
            if staged.samples.len() > before {
                staged.series.push(StagedSeries {
                    labels_hash: series.hash(),
                    offset: number(labels.len()),
                    len: 0,
                    samples_end: number(staged.samples.len()),
                });
                labels.push(series.clone());
            }
        }
        self.engine.observe(at, at, &staged, &mut |series| labels[series.offset as usize].clone());
    }

    /// Evaluates every group; answers the errors of rules.
    fn evaluate(&mut self, at: Millis) -> Vec<Failure> {
        let mut broken = Vec::new();
        for group in &self.groups {
            self.engine.step(*group, at);
            let mut errors: BTreeMap<u32, String> = self.engine.failures(*group).collect();
            for made in self.engine.take_made() {
                if let Err(refused) = self.history.add(&made.labels, made.sample)
                    && !is_stale(made.sample.value)
                {
                    errors.entry(made.rule).or_insert_with(|| refused.to_owned());
                }
            }
            broken.extend(errors.into_iter().map(|(rule, error)| {
                format!("    rule: {}, time: {}, err: {error}", self.engine.rule_name(rule), print::go_duration(at))
            }));
        }
        broken
    }

    fn alerts(&self, test: &AlertTest) -> Option<Failure> {
        let mut found: Vec<[Pairs; 2]> = Vec::new();
        for group in &self.groups {
            found.extend(self.engine.firing(*group, &test.name));
        }
        let mut wanted = test.wanted.clone();
        for [labels, annotations] in &mut wanted {
            labels.retain(|(name, _)| name != "alertname");
            labels.push(("alertname".to_owned(), test.name.clone()));
            labels.sort();
            annotations.sort();
        }
        found.sort();
        wanted.sort();
        (found != wanted)
            .then(|| print::alerts(&self.test.name, &test.name, &format_duration(test.at), &wanted, &found))
    }

    fn expr(&self, test: &ExprTest) -> Result<(), Failure> {
        let time = format_duration(test.at);
        let fail = |error: String| format!("    expr: {:?}, time: {time}, err: {error}", test.text);
        let expr = compile_as(&test.text, self.dialect)
            .map_err(|error| fail(format!("{}: parse error: {error}", error.at + 1)))?;
        let view = View { history: &self.history, selectors: &expr.selectors };
        let value = eval(&expr, &view, self.test.start + test.at).map_err(|error| fail(error.to_string()))?;
        let mut found: Vec<(Pairs, f64)> = match value {
            Value::Scalar(value) => vec![(Pairs::new(), value)],
            Value::Vector(elements) => {
                elements.into_iter().map(|element| (owned(&element.labels), element.value)).collect()
            }
        };
        let mut wanted = Vec::with_capacity(test.wanted.len());
        for (text, value) in &test.wanted {
            let mut labels = metric(text)
                .map_err(|error| fail(format!("labels {text:?}: {}: parse error: {error}", error.at + 1)))?;
            labels.sort();
            wanted.push((labels, *value));
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        wanted.sort_by(|(a, _), (b, _)| a.cmp(b));
        let same = |((a, x), (b, y)): (&(Pairs, f64), &(Pairs, f64))| a == b && self.equal(*x, *y);
        if found.len() == wanted.len() && found.iter().zip(&wanted).all(same) {
            return Ok(());
        }
        Err(print::samples(&test.text, &time, &wanted, &found))
    }

    /// Whether two values count as equal; NaN never does, as in promtool.
    #[expect(clippy::float_cmp, reason = "a test says exactly what it wants")]
    fn equal(&self, x: f64, y: f64) -> bool {
        x == y || (self.fuzzy && (x.next_down() == y || x.next_up() == y))
    }
}

/// The series of a test, their samples latest first; of one written twice the last stays.
fn input(test: &Test) -> Result<Vec<(Labels, Vec<Sample>)>, Failure> {
    let mut room = series::SAMPLES_MAX;
    let mut input: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
    'all: for (name, values, place) in &test.series {
        // promtool reads all series as the lines of one text: an empty one ends it
        for text in format!("{name} {values}").split('\n').map(str::trim) {
            if text.is_empty() || text.starts_with('#') {
                break 'all;
            }
            let line = series::line(text, &mut room).map_err(|error| format!("{place}: series {text:?}: {error}"))?;
            let sample = |(value, step): (Option<f64>, i64)| {
                let timestamp_ms = test.start.saturating_add(test.interval.saturating_mul(step));
                value.map(|value| Sample { timestamp_ms, value })
            };
            let mut samples: Vec<Sample> = line.values.into_iter().zip(0..).filter_map(sample).collect();
            samples.reverse();
            input.insert(Labels::from_pairs(line.labels), samples);
        }
    }
    Ok(input.into_iter().collect())
}

fn owned(labels: &Labels) -> Pairs {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
