//! What the rule engine costs per sample: with rules that do not match, and with rules that do.
//!
//! `cargo bench --bench rule`. Each figure is one request of 1,000 samples of 1,000 known series,
//! observed and evaluated; "copy" is the floor: the same samples pushed into plain vectors.

use bytes::Bytes;
use divan::{AllocProfiler, Bencher, counter::ItemsCount};
use watchgate::model::labels::Labels;
use watchgate::model::sample::{Sample, StagedSamples, StagedSeries};
use watchgate::rule::{Engine, Settings, load_rules};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const SERIES: usize = 1_000;
const START: i64 = 1_700_000_000_000;
const BAGS: [&str; 4] = ["temp", "http_requests_total", "queue_length", "jvm_memory_used_bytes"];

fn labels() -> Vec<Labels> {
    let set = |n: usize| {
        Labels::from_pairs([
            ("__name__", BAGS[n % BAGS.len()].to_owned()),
            ("cluster", "shop".to_owned()),
            ("instance", format!("10.0.{}.{}:9100", n / 250, n % 250)),
            ("job", format!("job-{}", n % 20)),
            ("namespace", "default".to_owned()),
            ("pod", format!("pod-{n}-7c9f")),
            ("service", format!("service-{}", n % 40)),
        ])
    };
    (0..SERIES).map(set).collect()
}

fn stage(labels: &[Labels], at: i64) -> StagedSamples {
    let series = (0..).zip(labels).map(|(index, labels)| StagedSeries {
        labels_hash: labels.hash(),
        offset: index,
        len: 0,
        samples_end: index + 1,
    });
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let sample = |n: usize| Sample { timestamp_ms: at, value: (n % 90) as f64 };
    StagedSamples { body: Bytes::new(), series: series.collect(), samples: (0..labels.len()).map(sample).collect() }
}

/// Rules of other metrics: half by name, half by name and a regular expression.
fn strangers(count: usize) -> String {
    let rule = |n: usize| {
        let matcher = if n.is_multiple_of(2) { "=\"a\"" } else { "=~\"a.*\"" };
        format!("  - {{alert: S{n}, expr: 'sum by (job) (rate(other_{n}{{job{matcher}}}[5m])) > 1', for: 1m}}\n")
    };
    (0..count).map(rule).collect()
}

fn engine(rules: &str) -> Engine {
    let mut engine = Engine::new(Settings::default());
    let file = format!("groups:\n- name: g\n  interval: 1h\n  rules:\n{rules}");
    engine.load(load_rules(&[("bench.yml".to_owned(), file)]).expect("rules load"), START);
    engine
}

fn drive(bencher: Bencher<'_, '_>, rules: &str) {
    let known = labels();
    let mut engine = engine(rules);
    let mut now = START;
    let mut out = Vec::new();
    let mut turn = || {
        now += 1_000;
        let mut staged = stage(&known, now);
        staged.samples.iter_mut().for_each(|sample| sample.timestamp_ms = now);
        staged
    };
    for _ in 0..310 {
        let staged = turn();
        let at = staged.samples[0].timestamp_ms;
        engine.observe(at, at, &staged, &mut |series| known[series.offset as usize].clone());
        engine.run(at, &mut || 0, &mut out);
    }
    let engine = std::cell::RefCell::new(engine);
    bencher.counter(ItemsCount::new(SERIES)).with_inputs(turn).bench_local_refs(|staged| {
        let at = staged.samples[0].timestamp_ms;
        let mut engine = engine.borrow_mut();
        let mut out = Vec::new();
        engine.observe(at, at, staged, &mut |series| known[series.offset as usize].clone());
        engine.run(at, &mut || 0, &mut out);
        out.len()
    });
}

/// The floor: samples copied into one vector a series.
#[divan::bench]
fn copy(bencher: Bencher<'_, '_>) {
    let known = labels();
    let mut series: std::collections::HashMap<u64, Vec<Sample>> = std::collections::HashMap::new();
    bencher.counter(ItemsCount::new(SERIES)).with_inputs(|| stage(&known, START)).bench_local_refs(|staged| {
        for (key, samples) in staged.iter() {
            let kept = series.entry(key.labels_hash).or_default();
            if kept.len() > 300 {
                kept.clear();
            }
            kept.extend_from_slice(samples);
        }
    });
}

/// Samples that no rule reads, beside this many rules.
#[divan::bench(args = [0, 1_000, 10_000])]
fn unread(bencher: Bencher<'_, '_>, rules: usize) {
    drive(bencher, &strangers(rules));
}

/// Every sample is one rule's: a threshold on each series, evaluated at once.
#[divan::bench(args = [0, 1_000, 10_000])]
fn threshold(bencher: Bencher<'_, '_>, rules: usize) {
    let own: String =
        BAGS.iter().map(|metric| format!("  - {{alert: T_{metric}, expr: '{metric} > 95', for: 1m}}\n")).collect();
    drive(bencher, &format!("{own}{}", strangers(rules)));
}

/// A rate over five minutes for each of 20 jobs, settled for a second.
#[divan::bench(args = [0, 1_000, 10_000])]
fn rate_by_job(bencher: Bencher<'_, '_>, rules: usize) {
    let own = "  - {alert: R, expr: 'sum by (job) (rate(http_requests_total[5m])) > 1e9'}\n";
    drive(bencher, &format!("{own}{}", strangers(rules)));
}

/// A new series, matched against this many rules.
#[divan::bench(args = [0, 1_000, 10_000, 100_000])]
fn new_series(bencher: Bencher<'_, '_>, rules: usize) {
    let mut engine = engine(&strangers(rules));
    let known = labels();
    let mut count = 0_u64;
    bencher
        .counter(ItemsCount::new(SERIES))
        .with_inputs(|| {
            let mut staged = stage(&known, START);
            for series in &mut staged.series {
                count += 1;
                series.labels_hash = count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            }
            staged
        })
        .bench_local_refs(|staged| {
            engine.observe(START, START, staged, &mut |series| known[series.offset as usize].clone());
        });
}
