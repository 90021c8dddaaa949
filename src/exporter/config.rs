//! One exporter's settings: `exporters.KIND` or `exporters.KIND/NAME` of the configuration.

use std::time::Duration;

use reqwest::Url;

use super::secret::{Auth, Secret};
use super::values::{drain, endpoint, headers, humane, index_name, kind_of, start, url};
use crate::backoff::Backoff;
use crate::journal::Start;
use crate::limits::PROMETHEUS_REQUEST_BYTES_MAX;
use crate::model::signal::Signal;
use crate::pipeline::pool::Balance;
use crate::yaml::{Map, Node, Problems};

/// Requests that one exporter may have on their way.
const IN_FLIGHT_MAX: u64 = 64;

/// The kinds of stores there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Remote write 1.0.
    Prometheus,
    /// `_bulk`.
    Elasticsearch {
        /// The index or data stream that logs go to.
        logs_index: String,
        /// Whether documents get an `_id` of ours, so that a repeated request stores nothing twice.
        document_id: bool,
    },
    /// Zipkin v2 JSON.
    Zipkin,
}

impl Kind {
    /// The kinds' names in the configuration.
    pub const NAMES: [&'static str; 3] = ["prometheus", "elasticsearch", "zipkin"];

    /// The signal whose journal this kind reads.
    #[must_use]
    pub const fn signal(&self) -> Signal {
        match self {
            Self::Prometheus => Signal::Metrics,
            Self::Elasticsearch { .. } => Signal::Logs,
            Self::Zipkin => Signal::Traces,
        }
    }

    /// The kind's name in the configuration.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Elasticsearch { .. } => "elasticsearch",
            Self::Zipkin => "zipkin",
        }
    }

    /// The kind of that name, with defaults.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "prometheus" => Some(Self::Prometheus),
            "elasticsearch" => {
                Some(Self::Elasticsearch { logs_index: "logs-generic-default".to_owned(), document_id: true })
            }
            "zipkin" => Some(Self::Zipkin),
            _ => None,
        }
    }
}

/// How request bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Gzip, level 1.
    Gzip,
    /// Snappy's block format; remote write's only one.
    Snappy,
}

/// When a batch is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Payload bytes, as they lie in the journal.
    pub bytes_max: u64,
    /// How long the first frame waits for company.
    pub delay_max: Duration,
}

/// One address of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where.
    pub url: Url,
    /// The least serves; the next one does while all of those are down.
    pub priority: u32,
}

/// Everything an exporter is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exporter {
    /// Which store it speaks to, with what only that store has.
    pub kind: Kind,
    /// Where.
    pub endpoints: Vec<Endpoint>,
    /// How requests are spread over endpoints of equal priority.
    pub balance: Balance,
    /// How bodies are compressed.
    pub compression: Compression,
    /// Sent with every request; values may be secret.
    pub headers: Vec<(String, Secret)>,
    /// Who it is.
    pub auth: Auth,
    /// For one request, answer included.
    pub timeout: Duration,
    /// When a batch is complete.
    pub batch: Batch,
    /// Batches on their way at once.
    pub in_flight_max: usize,
    /// Waits between attempts, of which there is no last.
    pub retry: Backoff,
    /// Where it begins.
    pub start: Start,
}

impl Exporter {
    /// The settings of a kind of which nothing else is said.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let (endpoint, compression, in_flight_max) = match kind {
            Kind::Prometheus => ("http://localhost:9090/api/v1/write", Compression::Snappy, 1),
            Kind::Elasticsearch { .. } => ("http://localhost:9200", Compression::None, 4),
            Kind::Zipkin => ("http://localhost:9411/api/v2/spans", Compression::None, 4),
        };
        Self {
            kind,
            endpoints: Url::parse(endpoint).map(|url| Endpoint { url, priority: 0 }).into_iter().collect(),
            balance: Balance::default(),
            compression,
            headers: Vec::new(),
            auth: Auth::None,
            timeout: Duration::from_secs(30),
            batch: Batch { bytes_max: 8 << 20, delay_max: Duration::from_millis(200) },
            in_flight_max,
            retry: Backoff::default(),
            start: Start::Earliest,
        }
    }

    /// Reads `exporters:`, in the order written.
    pub fn read_all(node: Option<&Node>, problems: &mut Problems) -> Vec<(String, Self)> {
        let Some(map) = node.and_then(|node| node.map("exporters", problems)) else { return Vec::new() };
        let mut exporters = Vec::new();
        for entry in map.entries() {
            let path = map.path(entry.key);
            let Some(kind) = kind_of(entry.key, entry.place, problems) else { continue };
            if entry.value.is_null() {
                let message = format!("`{path}` is empty, write `{{ endpoint: … }}` or remove it");
                problems.push(entry.place, message);
                continue;
            }
            exporters.extend(Self::read(kind, entry.value, &path, problems).map(|read| (entry.key.to_owned(), read)));
        }
        exporters
    }

    fn read(kind: Kind, node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut map = node.map(path, problems)?;
        let mut exporter = Self::new(kind);
        exporter.read_endpoints(&mut map, problems);
        exporter.read_own(&mut map, problems);
        map.set("headers", &mut exporter.headers, headers, problems);
        map.set("auth", &mut exporter.auth, Auth::read, problems);
        map.later("tls", problems);
        map.set("timeout", &mut exporter.timeout, Node::wait, problems);
        if let Some(mut batch) = map.map("batch", problems) {
            batch.set("bytes_max", &mut exporter.batch.bytes_max, Node::bytes_above_zero, problems);
            let delay = |node: &Node, path: &str, problems: &mut Problems| {
                node.duration(path, problems).map(|millis| Duration::from_millis(millis.unsigned_abs()))
            };
            batch.set("delay_max", &mut exporter.batch.delay_max, delay, problems);
            batch.finish(problems);
        }
        if let Some(mut retry) = map.map("retry", problems) {
            retry.set("initial", &mut exporter.retry.initial, Node::wait, problems);
            retry.set("max", &mut exporter.retry.max, Node::wait, problems);
            let Backoff { initial, max } = exporter.retry;
            if initial > max {
                let (shown, path) = ((humane(initial), humane(max)), &retry);
                let message = format!(
                    "`{}` is {} and `{}` is {}: the first wait cannot be the longer one",
                    path.path("initial"),
                    shown.0,
                    path.path("max"),
                    shown.1
                );
                problems.push(retry.place(), message);
            }
            retry.finish(problems);
        }
        map.set("start", &mut exporter.start, start, problems);
        drain(&mut map, problems);
        map.finish(problems);
        Some(exporter)
    }

    fn read_endpoints(&mut self, map: &mut Map<'_>, problems: &mut Problems) {
        let one = map.take("endpoint");
        if let Some(node) = one {
            let url = url(node, &map.path("endpoint"), problems);
            self.endpoints = url.map(|url| Endpoint { url, priority: 0 }).into_iter().collect();
        }
        let choices = [("round_robin", Balance::RoundRobin), ("least_in_flight", Balance::LeastInFlight)];
        let choice = |node: &Node, path: &str, problems: &mut Problems| node.choice(path, &choices, problems);
        map.set("balance", &mut self.balance, choice, problems);
        let Some(node) = map.take("endpoints") else { return };
        let path = map.path("endpoints");
        if one.is_some() {
            problems.push(node.place, format!("`{}` and `{path}` are both set, remove one", map.path("endpoint")));
        }
        let items = node.list(&path, problems).unwrap_or_default();
        let read = |(index, item): (usize, &Node)| endpoint(item, &format!("{path}[{index}]"), problems);
        let endpoints: Vec<Endpoint> = items.iter().enumerate().filter_map(read).collect();
        if items.is_empty() {
            node.refuse::<()>(&path, "at least one address", "one such as [http://localhost:9200]", problems);
        }
        self.endpoints = endpoints;
    }

    /// Reads the keys that not every kind has, or not with the same bounds.
    fn read_own(&mut self, map: &mut Map<'_>, problems: &mut Problems) {
        let mut in_flight = self.in_flight_max as u64;
        match &mut self.kind {
            Kind::Prometheus => {
                let snappy = [("snappy", Compression::Snappy)];
                let only = |node: &Node, path: &str, problems: &mut Problems| node.choice(path, &snappy, problems);
                map.set("compression", &mut self.compression, only, problems);
                let one = |node: &Node, path: &str, problems: &mut Problems| {
                    let number = node.uint(path, problems)?;
                    let why = "1: a series' samples must arrive in order";
                    if number == 1 { Some(1) } else { node.refuse(path, why, "1 or remove it", problems) }
                };
                map.set("in_flight_max", &mut in_flight, one, problems);
                let mut lanes = 1;
                map.set("lanes", &mut lanes, Node::uint, problems);
                if let Some(node) = map.take("lanes").filter(|_| lanes != 1) {
                    let message = format!("`{}` above 1 is not yet supported, write 1 or remove it", map.path("lanes"));
                    problems.push(node.place, message);
                }
                return self.in_flight_max = 1;
            }
            Kind::Elasticsearch { logs_index, document_id } => {
                let index = |node: &Node, path: &str, problems: &mut Problems| {
                    node.scalar(
                        path,
                        "an index name",
                        "lower case letters, digits, `-`, `_`, `.`",
                        index_name,
                        problems,
                    )
                };
                map.set("logs_index", logs_index, index, problems);
                map.set("document_id", document_id, Node::bool, problems);
            }
            Kind::Zipkin => {}
        }
        let choices = [("none", Compression::None), ("gzip", Compression::Gzip)];
        let choice = |node: &Node, path: &str, problems: &mut Problems| node.choice(path, &choices, problems);
        map.set("compression", &mut self.compression, choice, problems);
        let within =
            |node: &Node, path: &str, problems: &mut Problems| node.uint_within(path, 1..=IN_FLIGHT_MAX, problems);
        map.set("in_flight_max", &mut in_flight, within, problems);
        self.in_flight_max = usize::try_from(in_flight).unwrap_or(1);
    }

    /// The addresses of all endpoints.
    #[must_use]
    pub fn urls(&self) -> Vec<Url> {
        self.endpoints.iter().map(|endpoint| endpoint.url.clone()).collect()
    }

    /// Most bytes that its batches take together.
    #[must_use]
    pub const fn batch_bytes_max(&self) -> u64 {
        self.batch.bytes_max.saturating_mul(self.in_flight_max as u64)
    }

    /// The most that one batch may hold for this store to take it.
    #[must_use]
    pub const fn batch_bytes_bound(&self) -> u64 {
        match self.kind {
            Kind::Prometheus => PROMETHEUS_REQUEST_BYTES_MAX as u64,
            // Elasticsearch's `http.max_content_length`; Zipkin's bound is its memory.
            Kind::Elasticsearch { .. } | Kind::Zipkin => 100 << 20,
        }
    }
}
