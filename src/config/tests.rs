//! Stories of files and environments: what they come to, and every line printed about them.

use std::collections::BTreeSet;

use super::key::{Key, Kind};
use super::table::KEYS;
use super::*;
use crate::exporter::config::{Compression, Kind as StoreKind};
use crate::journal::{MinFree, OnFull, Start};

fn load(text: &str, variables: &[(&str, &str)]) -> Result<(Config, Findings), Findings> {
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read("w.yaml", text, owned)
}

fn good(text: &str, variables: &[(&str, &str)]) -> Config {
    load(text, variables).unwrap_or_else(|findings| panic!("{text}\n{findings}")).0
}

fn lines(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    match load(text, variables) {
        Ok((_, findings)) | Err(findings) => findings.lines().collect(),
    }
}

/// The keys that the table has directly below `section`, whose exporter part is a kind.
fn children(section: &str) -> BTreeSet<String> {
    let kind = section.strip_prefix("exporters.").and_then(|rest| rest.split('.').next());
    let below = |key: &Key| {
        let path = match kind {
            Some(kind) if key.belongs_to(kind) => key.path.replacen('*', kind, 1),
            Some(_) => return None,
            None => key.path.to_owned(),
        };
        let rest = if section.is_empty() { path.as_str() } else { path.strip_prefix(section)?.strip_prefix('.')? };
        (!rest.is_empty() && !rest.contains('.')).then(|| rest.to_owned())
    };
    KEYS.iter().filter_map(below).collect()
}

/// Nested YAML for `value` at `path`.
fn nested(path: &str, value: &str) -> String {
    let segments: Vec<&str> = path.split('.').collect();
    let mut text = String::new();
    for (depth, segment) in segments.iter().enumerate() {
        text.push_str(&format!("{}{segment}:", "  ".repeat(depth)));
        text.push_str(if depth + 1 == segments.len() { " " } else { "\n" });
    }
    text + value + "\n"
}

#[test]
fn no_file_and_an_empty_one_are_the_defaults() {
    let (config, findings) = Config::load(None, std::iter::empty()).expect("defaults are valid");
    let shipped = Path::new(DEFAULT_PATH).is_file();
    assert!(shipped || config == Config::default());
    assert!(findings.is_empty());
    for text in ["", "# nothing\n", "journal:\nrules:\nexporters:\n", "journal: {}\n"] {
        assert_eq!(good(text, &[]), Config::default(), "{text:?}");
    }
    let missing =
        Config::load(Some(Path::new("/nonexistent/w.yaml")), std::iter::empty()).expect_err("named and missing");
    assert!(missing.to_string().starts_with("/nonexistent/w.yaml: cannot be read: "), "{missing}");
}

#[test]
fn the_reference_is_the_default_configuration() {
    let text = reference::print();
    let (config, findings) = load(&text, &[]).unwrap_or_else(|findings| panic!("{findings}"));
    assert_eq!(config, Config::default());
    assert_eq!(findings.lines().count(), 0, "{findings}");
    for kind in StoreKind::NAMES {
        let mut text = "exporters:\n".to_owned();
        reference::exporter(kind, "", &mut text);
        let want = Exporter::new(StoreKind::from_name(kind).expect(kind));
        assert_eq!(good(&text, &[]).exporters, [(kind.to_owned(), want)], "{text}");
    }
}

#[test]
fn the_table_has_exactly_the_keys_that_are_read() {
    let mut sections = vec![String::new()];
    for key in KEYS.iter().filter(|key| key.kind == Kind::Section && key.path != "exporters") {
        match key.path.strip_prefix("exporters.*") {
            Some(rest) => sections.extend(StoreKind::NAMES.iter().map(|kind| format!("exporters.{kind}{rest}"))),
            None => sections.push(key.path.to_owned()),
        }
    }
    for section in sections {
        let path = if section.is_empty() { "qqqqqqqqqqqq".to_owned() } else { format!("{section}.qqqqqqqqqqqq") };
        let printed = lines(&nested(&path, "1"), &[]);
        let line = printed.iter().find(|line| line.contains("unknown key `qqqqqqqqqqqq`")).expect(&section);
        let (_, read) = line.split_once("known are ").expect(line);
        let read: BTreeSet<String> = read.split(", ").map(str::to_owned).collect();
        assert_eq!(read, children(&section), "in `{section}`");
    }
}

#[test]
fn every_key_has_an_effect_or_says_that_it_is_not_supported() {
    for key in KEYS.iter().filter(|key| !matches!(key.kind, Kind::Section | Kind::Later)) {
        let other = match (key.path, key.kind) {
            ("store.url", _) => "postgres://db/x",
            ("alerting.config", _) => "/nonexistent.yml",
            ("exporters.*.start", _) => "latest",
            ("exporters.elasticsearch.logs_index", _) => "other",
            (path, _) if path.ends_with("_file") => "/nonexistent",
            (path, Kind::Text) if path.contains("endpoint") || path.ends_with("url") || path.ends_with("backfill") => {
                "http://other:1"
            }
            (_, Kind::Listener) => "127.0.0.1:1",
            (_, Kind::Text | Kind::Secret) => "other",
            (_, Kind::List) => "[http://other:1]",
            (_, Kind::Texts) => "{ other: x }",
            (_, Kind::Duration) => "7s",
            (_, Kind::Bytes) => "7KiB",
            (_, Kind::Share) => "7%",
            (_, Kind::Count(_)) => "7",
            (_, Kind::Bool) => {
                if key.default == "true" {
                    "false"
                } else {
                    "true"
                }
            }
            (_, Kind::Choice(words)) => words.last().expect("words"),
            (_, Kind::Section | Kind::Later) => continue,
        };
        let kinds: Vec<&str> = StoreKind::NAMES.into_iter().filter(|kind| key.belongs_to(kind)).collect();
        let paths = if kinds.is_empty() {
            vec![key.path.to_owned()]
        } else {
            kinds.iter().map(|kind| key.path.replacen('*', kind, 1)).collect()
        };
        for path in paths {
            let neutral = match path.split('.').collect::<Vec<_>>().as_slice() {
                ["exporters", kind, ..] => good(&format!("exporters: {{ {kind}: {{}} }}"), &[]),
                _ => Config::default(),
            };
            let only_default = matches!(key.kind, Kind::Choice(words) if words.len() == 1);
            match load(&nested(&path, other), &[]) {
                Ok((config, findings)) => {
                    let said = findings.lines().any(|line| line.contains(&path));
                    assert!(config != neutral || said || only_default, "`{path}: {other}` is ignored");
                }
                Err(findings) => {
                    let last = path.rsplit('.').next().unwrap_or_default().trim_end_matches("_file");
                    assert!(findings.to_string().contains(last) || path.contains("auth"), "{path}: {findings}");
                }
            }
        }
    }
}

#[test]
fn the_blueprints_example_reads() {
    let text = "\
listen: { grpc: 0.0.0.0:4317, ingest: 0.0.0.0:4318, api: 127.0.0.1:9480 }
external_url: http://localhost:9480/
external_labels: { env: dev }
data_dir: ./data
store: { url: sqlite }
journal: { bytes_max: 2GiB, retention: 24h, durability: fsync, min_free: 10%, on_full: drop_oldest }
dead_letters: { bytes_max: 1GiB }
exporters:
  prometheus:    { endpoint: http://localhost:9090/api/v1/write }
  elasticsearch: { endpoints: [http://a:9200, http://b:9200], logs_index: logs-generic-default, compression: gzip, start: 2h }
  zipkin:        { endpoint: http://localhost:9411/api/v2/spans }
  prometheus/eu: { endpoint: https://eu.example/write, auth: { bearer: { token: hush } }, headers: { X-Scope-OrgID: hush } }
rules: { files: [alert-rules/**/*.yaml], evaluation_interval: 15s, evaluate: on_tick, settle: 1s, derived_interval: 1s, window_bytes_max: 256MiB, backfill: null, experimental: false }
alerting: { config: config/alertmanager.yml }
limits: { request_bytes_max: 64MiB, memory_bytes: 64MiB, series_max: 2000000 }
";
    let config = good(text, &[]);
    assert_eq!(config.external_url, "http://localhost:9480");
    assert_eq!(config.external_labels.to_string(), "{env=\"dev\"}");
    assert_eq!((config.journal.min_free, config.journal.on_full), (MinFree::Percent(10.0), OnFull::DropOldest));
    let names: Vec<&str> = config.exporters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["prometheus", "elasticsearch", "zipkin", "prometheus/eu"]);
    let (_, elastic) = &config.exporters[1];
    assert_eq!(
        (elastic.endpoints.len(), elastic.compression, elastic.start),
        (2, Compression::Gzip, Start::Ago(7_200_000))
    );
    let shown = format!("{config:?}");
    assert!(!shown.contains("hush") && shown.contains("<secret>"), "{shown}");
}

#[test]
fn all_mistakes_of_a_file_are_printed_at_once() {
    let text = "\
listen: { injest: 0.0.0.0:4318, api: 0.0.0.0:9480, syslog: 0.0.0.0:514 }
jurnal: { bytes_max: 1GiB }
journal:
  bytes_max: 2 gigs
  retention: 1 day
  durability: always
  min_free: 120%
external_url: localhost:9480
external_labels: { __x: a, ok: b }
store: { url: postgres://db }
exporters:
  prometheus: { endpoint: \"ftp://x\", lanes: 4, drain: fresh_first, in_flight_max: 2, tls: { ca_file: x } }
  promethes/eu: {}
  zipkin:
  zipkin/a b: {}
  elasticsearch: { endpoints: [], retry: { initial: 1m, max: 1s }, auth: { basic: { username: a } }, logs_index: Logs }
rules: { settle: 1s, files: \"[\", backfill: http://p, experimental: yes }
alerting: { config: /nonexistent.yml }
limits: { nesting_max: 1000, labels_max: \"5\", request_bytes_max: 0 }
";
    let want = "\
w.yaml:1:11: unknown key `injest` in `listen`, did you mean `ingest`?
w.yaml:1:38: `listen.api` is 0.0.0.0:9480, beyond this machine: that needs `auth`, which is not yet supported, write 127.0.0.1:9480
w.yaml:1:52: `listen.syslog` is not yet supported, remove it
w.yaml:2:1: unknown key `jurnal`, did you mean `journal`?
w.yaml:4:14: `journal.bytes_max` must be a size above 0, found `2 gigs`, write bytes or a unit such as 64MiB, 2GiB, 10MB
w.yaml:5:14: `journal.retention` must be a duration, found `1 day`, write whole numbers with units ms, s, m, h, d, w, y such as 1h30m
w.yaml:6:15: `journal.durability` must be `write` or `fsync`, found `always`, write one of them
w.yaml:7:13: `journal.min_free` must be a share below 100% or a size, found `120%`, write one such as 5% or 1GiB
w.yaml:8:15: `external_url` must be an http:// or https:// address, found `localhost:9480`, write one such as http://localhost:9090/api/v1/write
w.yaml:9:18: `external_labels.__x` is no label name, write letters, digits and `_`, not beginning with `__` or a digit
w.yaml:10:15: `store.url: postgres://…` is not yet supported, write sqlite or remove it
w.yaml:12:27: `exporters.prometheus.endpoint` must be an http:// or https:// address, found `ftp://x`, write one such as http://localhost:9090/api/v1/write
w.yaml:12:45: `exporters.prometheus.lanes` above 1 is not yet supported, write 1 or remove it
w.yaml:12:55: `exporters.prometheus.drain: fresh_first` is not yet supported, write in_order or remove it
w.yaml:12:83: `exporters.prometheus.in_flight_max` must be 1: a series' samples must arrive in order, found `2`, write 1 or remove it
w.yaml:12:86: `exporters.prometheus.tls` is not yet supported, remove it
w.yaml:13:3: unknown kind of exporter `promethes`, did you mean `prometheus`?
w.yaml:14:3: `exporters.zipkin` is empty, write `{ endpoint: … }` or remove it
w.yaml:15:3: exporter `zipkin/a b`: after `/` come 1 to 64 letters, digits, `-` or `_`, such as `zipkin/eu`
w.yaml:16:31: `exporters.elasticsearch.endpoints` must be at least one address, found a list, write one such as [http://localhost:9200]
w.yaml:16:42: `exporters.elasticsearch.retry.initial` is 1m and `exporters.elasticsearch.retry.max` is 1s: the first wait cannot be the longer one
w.yaml:16:83: `exporters.elasticsearch.auth.basic.password` is missing, write `password: …` or `password_file: PATH`
w.yaml:16:114: `exporters.elasticsearch.logs_index` must be an index name, found `Logs`, write lower case letters, digits, `-`, `_`, `.`
w.yaml:17:29: `rules.files` must be a list, found `[`, write `[a, b]` or lines of `- a`
w.yaml:17:34: `rules.backfill` is not yet supported, remove it
w.yaml:18:21: `alerting.config` names /nonexistent.yml, which is no file, relative to the working directory: without it nobody is notified
w.yaml:19:24: `limits.nesting_max` must be a whole number of 1 to 128, found `1000`, write one within these bounds
w.yaml:19:42: `limits.labels_max` must be a whole number of 0 or more, found the quoted text \"5\", remove the quotes
w.yaml:19:66: `limits.request_bytes_max` must be a size above 0, found `0`, write bytes or a unit such as 64MiB, 2GiB, 10MB
";
    let printed = lines(text, &[]);
    for (printed, want) in printed.iter().zip(want.lines()) {
        assert_eq!(printed, want);
    }
    assert_eq!(printed.len(), want.lines().count(), "{printed:#?}");
}

#[test]
fn what_must_hold_between_keys_names_both_and_their_values() {
    let cases = [
        (
            "journal: { bytes_max: 32MiB }",
            "w.yaml:1:23: `journal.bytes_max` is 32MiB and `limits.request_bytes_max` is 64MiB: a request must fit into the journal, raise the first or lower the second",
        ),
        (
            "dead_letters: { bytes_max: 1MiB }",
            "w.yaml:1:28: `dead_letters.bytes_max` is 1MiB and `limits.request_bytes_max` is 64MiB: a refused request must fit, raise the first or lower the second",
        ),
        (
            "limits: { request_bytes_max: 128MiB }",
            "w.yaml:1:30: warning: `limits.request_bytes_max` is 128MiB and `limits.memory_bytes` is 64MiB: requests above the latter are taken one at a time",
        ),
        (
            "rules: { evaluation_interval: 500ms }",
            "w.yaml:1:31: `rules.settle` is 1s and `rules.evaluation_interval` is 500ms: ticks would come first, write a shorter settle",
        ),
        (
            "exporters: { prometheus: { batch: { bytes_max: 33MiB } } }",
            "w.yaml:1:48: `exporters.prometheus.batch.bytes_max` is 33MiB: prometheus takes at most 32MiB at once, write less",
        ),
        (
            "exporters: { zipkin/a: { in_flight_max: 9 } }",
            "w.yaml:1:24: `exporters.zipkin/a.batch.bytes_max` is 8MiB, times `in_flight_max` 9 is more than `limits.memory_bytes` 64MiB: lower one or raise the latter",
        ),
    ];
    for (text, line) in cases {
        assert_eq!(lines(text, &[]), [line], "{text}");
    }
    let beside = [("WATCHGATE_JOURNAL__BYTES_MAX", "1MiB")];
    assert!(lines("", &beside)[0].starts_with("WATCHGATE_JOURNAL__BYTES_MAX: `journal.bytes_max` is 1MiB and"));
}

#[test]
fn the_environment_overrides_the_file() {
    let text = "listen: { ingest: 0.0.0.0:1 }\nexporters: { prometheus/EU-west: { endpoint: http://a/ } }\n";
    let config = good(
        text,
        &[
            ("WATCHGATE_LISTEN__API", "127.0.0.1:9000"),
            ("watchgate_listen__ingest", "127.0.0.1:2, [::1]:3"),
            ("WATCHGATE_EXTERNAL_LABELS__ENV", "prod"),
            ("WATCHGATE_RULES__FILES", "a/*.yaml,b.yaml"),
            ("WATCHGATE_JOURNAL", "{ bytes_max: 4GiB, on_full: drop_oldest }"),
            ("WATCHGATE_JOURNAL__ON_FULL", "reject"),
            ("WATCHGATE_EXPORTERS__PROMETHEUS_EU_WEST__ENDPOINT", "http://b/"),
            ("WATCHGATE_EXPORTERS__ZIPKIN__AUTH__BEARER__TOKEN", "a: {b"),
            ("WATCHGATE_EXPORTERS__ELASTICSEARCH_LOGS__ENDPOINTS", "[http://c/, http://d/]"),
            ("WATCHGATE_LIMITS__SERIES_MAX", ""),
            ("WATCHGATE_RULES__BACKFILL", "null"),
            ("HOME", "/root"),
            // What Kubernetes adds for a service called watchgate.
            ("WATCHGATE_SERVICE_HOST", "10.0.0.1"),
            ("WATCHGATE_SERVICE_PORT_OTLP", "4318"),
            ("WATCHGATE_PORT", "tcp://10.0.0.1:4318"),
            ("WATCHGATE_PORT_4318_TCP_ADDR", "10.0.0.1"),
            ("WATCHGATE_API_PORT_9480_TCP", "tcp://10.0.0.1:9480"),
        ],
    );
    assert_eq!(format!("{:?}", config.listen.api), "[127.0.0.1:9000]");
    assert_eq!(format!("{:?}", config.listen.ingest), "[127.0.0.1:2, [::1]:3]");
    assert_eq!(config.external_labels.to_string(), "{env=\"prod\"}");
    assert_eq!(config.rules.files, ["a/*.yaml", "b.yaml"]);
    assert_eq!((config.journal.bytes_max, config.journal.on_full), (4 << 30, OnFull::Reject));
    let endpoints: Vec<(&str, usize, &str)> = config
        .exporters
        .iter()
        .map(|(name, exporter)| (name.as_str(), exporter.endpoints.len(), exporter.endpoints[0].url.as_str()))
        .collect();
    let want = [
        ("prometheus/EU-west", 1, "http://b/"),
        ("elasticsearch/logs", 2, "http://c/"),
        ("zipkin", 1, "http://localhost:9411/api/v2/spans"),
    ];
    assert_eq!(endpoints, want);
}

#[test]
fn wrong_variables_are_named() {
    for (name, value, line) in [
        (
            "WATCHGATE_LISTEN__APY",
            "x",
            "WATCHGATE_LISTEN__APY: no key `listen.apy`, did you mean WATCHGATE_LISTEN__API?",
        ),
        ("WATCHGATE_LISTEN_API", "x", "WATCHGATE_LISTEN_API: no key `listen_api`, did you mean WATCHGATE_LISTEN__API?"),
        (
            "WATCHGATE_NONSENSE",
            "x",
            "WATCHGATE_NONSENSE: no key `nonsense`, config/reference.yaml lists them all; unset the variable",
        ),
        (
            "WATCHGATE_EXPORTERS__PROMETHEUS__ENDPONT",
            "x",
            "WATCHGATE_EXPORTERS__PROMETHEUS__ENDPONT: no key `exporters.prometheus.endpont`, did you mean WATCHGATE_EXPORTERS__PROMETHEUS__ENDPOINT?",
        ),
        (
            "WATCHGATE_JOURNAL__RETENTION",
            "soon",
            "WATCHGATE_JOURNAL__RETENTION: `journal.retention` must be a duration, found `soon`, write whole numbers with units ms, s, m, h, d, w, y such as 1h30m",
        ),
        (
            "WATCHGATE_LISTEN__SYSLOG",
            "0.0.0.0:514",
            "WATCHGATE_LISTEN__SYSLOG: `listen.syslog` is not yet supported, remove it",
        ),
        ("WATCHGATE_EXTERNAL_LABELS", "{a: [", "WATCHGATE_EXTERNAL_LABELS: not valid yaml: "),
    ] {
        let printed = lines("", &[(name, value)]);
        assert!(printed.len() == 1 && printed[0].starts_with(line), "{name}: {printed:?}");
    }
    let twice = [("WATCHGATE_DATA_DIR", "a"), ("watchgate_data_dir", "b")];
    assert_eq!(lines("", &twice).len(), 1);
}

#[test]
fn what_is_not_a_configuration_at_all_says_so() {
    assert_eq!(
        lines("- a\n", &[])[0],
        "w.yaml:1:1: the file must be a mapping, found a list, write `key: value` lines"
    );
    assert!(lines("a: [", &[])[0].starts_with("w.yaml:1:4: not valid yaml"), "{:?}", lines("a: [", &[]));
    let duplicate = "data_dir: a\ndata_dir: b\n";
    assert_eq!(lines(duplicate, &[]), ["w.yaml:2:1: duplicate key `data_dir`, first at line 1: remove one"]);
}
