//! A gateway without a gateway: series as text, seconds as time.

use bytes::Bytes;

use crate::model::alert::{Alert, AlertState};
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::sample::{STALE_NAN, Sample, StagedSamples, StagedSeries};
use crate::model::time::Millis;
use crate::rule::{Engine, Settings, load_rules};

/// `up{job="a"}` as labels.
pub(super) fn labels(text: &str) -> Labels {
    let (metric, rest) = text.split_once('{').unwrap_or((text, "}"));
    let inner = rest.trim_end_matches('}');
    let pairs = inner.split(',').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').expect("name=value");
        (name.trim().to_owned(), value.trim().trim_matches('"').to_owned())
    });
    Labels::from_pairs(pairs.chain([(METRIC_NAME.to_owned(), metric.to_owned())]))
}

/// A rule file of one group named `g`.
pub(super) fn group(head: &str, rules: &str) -> Vec<(String, String)> {
    vec![("rules.yml".to_owned(), format!("groups:\n- name: g\n  {head}\n  rules:\n{rules}"))]
}

/// Series with the samples of one request, as text.
pub(super) fn stage(samples: &[(Labels, Sample)]) -> (StagedSamples, Vec<Labels>) {
    let mut staged = StagedSamples { body: Bytes::new(), series: Vec::new(), samples: Vec::new() };
    for (index, (labels, sample)) in samples.iter().enumerate() {
        staged.samples.push(*sample);
        staged.series.push(StagedSeries {
            labels_hash: labels.hash(),
            offset: u32::try_from(index).expect("few"),
            len: 0,
            samples_end: u32::try_from(index + 1).expect("few"),
        });
    }
    (staged, samples.iter().map(|(labels, _)| labels.clone()).collect())
}

/// An engine with a timeline.
pub(super) struct Story {
    pub(super) engine: Engine,
    pub(super) told: Vec<(Millis, Alert)>,
}

/// The moment at which stories begin.
pub(super) const START: Millis = 1_700_000_000_000;

/// `seconds` into the story.
pub(super) fn at(seconds: f64) -> Millis {
    START + (seconds * 1000.0).round() as Millis
}

impl Story {
    pub(super) fn new(files: &[(String, String)]) -> Self {
        Self::with(files, Settings::default())
    }

    pub(super) fn with(files: &[(String, String)], settings: Settings) -> Self {
        let mut engine = Engine::new(settings);
        engine.load(load_rules(files).expect("rules load"), START);
        Self { engine, told: Vec::new() }
    }

    /// Runs every instant that is due up to `seconds`.
    pub(super) fn until(&mut self, seconds: f64) {
        let end = at(seconds);
        let mut spin = 0;
        while let Some(due) = self.engine.next_due().filter(|due| *due <= end) {
            self.run(due);
            spin += 1;
            assert!(spin < 1_000_000, "the engine never rests");
        }
        self.run(end);
    }

    fn run(&mut self, now: Millis) {
        let mut out = Vec::new();
        self.engine.run(now, &mut || 0, &mut out);
        self.told.extend(out.into_iter().map(|alert| (now, alert)));
    }

    /// Samples of one request: `up{job="a"} 1`, one a line, `stale` for a staleness marker, `@5` for
    /// another timestamp.
    pub(super) fn push(&mut self, seconds: f64, text: &str) {
        self.until(seconds);
        let samples: Vec<(Labels, Sample)> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| {
                let (rest, when) = line
                    .split_once(" @")
                    .map_or((line, seconds), |(rest, when)| (rest, when.parse().expect("seconds")));
                let (series, value) = rest.rsplit_once(' ').expect("series and value");
                let value = if value == "stale" { STALE_NAN } else { value.parse().expect("number") };
                (labels(series), Sample { timestamp_ms: at(when), value })
            })
            .collect();
        let (staged, known) = stage(&samples);
        self.engine.observe(at(seconds), at(seconds), &staged, &mut |series| known[series.offset as usize].clone());
        self.until(seconds);
    }

    /// `name{labels without alertname}` of alerts in a state, sorted.
    pub(super) fn alerts(&self, state: AlertState) -> Vec<String> {
        let mut found: Vec<String> =
            self.engine.alerts().iter().filter(|alert| alert.state == state).map(shown).collect();
        found.sort();
        found
    }

    pub(super) fn want(&mut self, seconds: f64, state: AlertState, wanted: &[&str]) {
        self.until(seconds);
        assert_eq!(self.alerts(state), wanted, "{state:?} at {seconds}: {:?}", self.engine.alerts());
    }

    /// What was told: seconds, state, alert.
    pub(super) fn told(&self) -> Vec<(f64, AlertState, String)> {
        self.told.iter().map(|(when, alert)| ((when - START) as f64 / 1000.0, alert.state, shown(alert))).collect()
    }
}

fn shown(alert: &Alert) -> String {
    let rest = alert.labels.without(|name| name == "alertname");
    let rest = if rest.is_empty() { String::new() } else { rest.to_string() };
    format!("{}{rest}", alert.labels.get("alertname"))
}
