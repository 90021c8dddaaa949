//! What compiling and evaluating expressions costs, and what it allocates.

use divan::{AllocProfiler, Bencher};
use watchgate::model::labels::Labels;
use watchgate::model::sample::Sample;
use watchgate::rule::partition::Key;
use watchgate::rule::promql::{Inputs, SeriesView, compile, eval};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// The instant of evaluation; each series holds a sample every 15 s of the 10 minutes before.
const NOW: i64 = 1_700_000_000_000;

/// One rule's usual expression for each kind of work, and how many series it reads.
const EXPRESSIONS: [(&str, usize); 7] = [
    ("up == 0", 1),
    ("rate(x[5m]) > 0.5", 1),
    ("avg_over_time(x[5m]) > 0.5", 1),
    ("sum by (job) (rate(x{code=~\"5..\"}[5m])) / sum by (job) (rate(x[5m])) > 0.05", 1),
    ("sum by (job) (rate(x[5m]))", 100),
    ("x / on (job, instance) y > 0.9", 100),
    ("histogram_quantile(0.99, sum by (job, le) (rate(x[5m])))", 120),
];

struct Held(Vec<(Labels, Vec<Sample>)>);

impl Inputs for Held {
    fn each(&self, _: usize, visit: &mut dyn FnMut(SeriesView<'_>)) {
        self.0.iter().for_each(|(labels, samples)| visit(SeriesView { labels, samples }));
    }
}

fn series(count: usize) -> Held {
    const BOUNDS: [&str; 12] = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];
    let one = |number: usize| {
        let instance = format!("10.0.0.{}:8080", number / BOUNDS.len());
        let labels = Labels::from_pairs([
            ("__name__", "http_server_requests_seconds_bucket"),
            ("application", "order-service"),
            ("code", "500"),
            ("instance", &format!("{instance}{number}")),
            ("job", &format!("job-{}", number / BOUNDS.len())),
            ("le", BOUNDS[number % BOUNDS.len()]),
            ("method", "POST"),
        ]);
        let sample = |step: i64| {
            let value = (step * 7 + i64::try_from(number).unwrap_or(0)) as f64;
            Sample { timestamp_ms: NOW - 600_000 + step * 15_000, value }
        };
        (labels, (1..=40).map(sample).collect())
    };
    Held((0..count).map(one).collect())
}

#[divan::bench(args = EXPRESSIONS.map(|(text, _)| text))]
fn compiling(text: &str) -> usize {
    compile(divan::black_box(text)).map_or(0, |expr| expr.selectors.len())
}

#[divan::bench(args = EXPRESSIONS.map(|(text, _)| text))]
fn evaluating(bencher: Bencher<'_, '_>, text: &str) {
    let count = EXPRESSIONS.iter().find(|(known, _)| *known == text).map_or(1, |(_, count)| *count);
    let (held, expr) = (series(count), compile(text).expect("compiles"));
    bencher.counter(divan::counter::ItemsCount::new(count)).bench(|| eval(&expr, &held, divan::black_box(NOW)));
}

#[divan::bench]
fn projecting_labels_on_a_key(bencher: Bencher<'_, '_>) {
    let (held, expr) = (series(1), compile("sum by (job) (x)").expect("compiles"));
    let key = Key::of(&expr);
    bencher.bench(|| key.project(divan::black_box(&held.0[0].0)));
}

fn main() {
    divan::main();
}
