//! Every key, its unit, default and meaning: the one place that says so. `config/reference.yaml` is
//! generated from it; tests hold it against what the readers accept and what they default to.

use super::key::{Key, Kind};

const fn key(path: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    Key { path, kind, default, meaning }
}

const fn section(path: &'static str, meaning: &'static str) -> Key {
    key(path, Kind::Section, "", meaning)
}

const fn later(path: &'static str, meaning: &'static str) -> Key {
    key(path, Kind::Later, "", meaning)
}

const ORDERS: Kind = Kind::Choice(&["in_order"]);
const COMPRESSIONS: Kind = Kind::Choice(&["none", "gzip"]);
const STRATEGIES: Kind = Kind::Choice(&[
    "UnderscoreEscapingWithSuffixes",
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
]);

/// All keys, sections before what is in them.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    section("listen", "where the gateway listens; a busy port is named with its key"),
    key("listen.grpc", Kind::Listener, "0.0.0.0:4317", "OTLP/gRPC: traces and logs"),
    key("listen.ingest", Kind::Listener, "0.0.0.0:4318", "every HTTP protocol, told apart by path: OTLP, remote write, Zipkin, _bulk"),
    key("listen.api", Kind::Listener, "127.0.0.1:9480", "APIs and /metrics; a loopback address, because `auth` is not yet supported"),
    later("listen.syslog", "syslog over TCP and UDP"),
    later("listen.logstash", "Logstash's TCP input"),
    later("listen.beats", "the Beats protocol"),
    later("listen.fluent", "Fluentd's forward protocol"),
    later("listen.gelf", "Graylog's format"),
    later("listen.statsd", "StatsD over UDP"),
    later("listen.graphite", "Graphite's line protocol"),
    key("external_url", Kind::Text, "http://localhost:9480", "the address of listen.api as people reach it; links in notifications start with it"),
    key("external_labels", Kind::Texts, "{}", "on alerts and on series that Watchgate makes; forwarded samples stay as they are"),
    key("data_dir", Kind::Text, "./data", "journal, embedded database, dead letters, cursors"),
    section("store", "where alert state, notifications sent and the like are kept"),
    key("store.url", Kind::Text, "sqlite", "sqlite = embedded, in data_dir; postgres://… is not yet supported"),
    section("journal", "what was accepted and is not everywhere yet; one journal a signal"),
    key("journal.bytes_max", Kind::Bytes, "2GiB", "all segments of one signal together"),
    key("journal.retention", Kind::Duration, "24h", "how long what was delivered stays while there is room, for backtest and live tail"),
    key("journal.durability", Kind::Choice(&["write", "fsync"]), "write", "write = acknowledged once the kernel has it (survives kill -9), fsync = once the disk has it"),
    key("journal.min_free", Kind::Share, "5%", "what stays free on the file system; below it nothing is accepted"),
    key("journal.on_full", Kind::Choice(&["reject", "drop_oldest"]), "reject", "undelivered bytes at bytes_max: reject = 429 or 503 to senders, drop_oldest = lost and counted"),
    section("dead_letters", "items that a store refused for their content"),
    key("dead_letters.bytes_max", Kind::Bytes, "1GiB", "dead letters of one signal together; full pauses the exporter"),
    section("exporters", "KIND or KIND/NAME for more of a kind; none: data stays in the journal, alerts work"),
    section("exporters.prometheus", "metrics, by remote write 1.0"),
    key("exporters.prometheus.endpoint", Kind::Text, "http://localhost:9090/api/v1/write", "where to write; Prometheus needs --web.enable-remote-write-receiver"),
    key("exporters.prometheus.endpoints", Kind::List, "null", "several replicas or gateways of one store, instead of `endpoint`; each an address or { url: …, priority: 0 to 9 }"),
    key("exporters.prometheus.compression", Kind::Choice(&["snappy"]), "snappy", "remote write knows none but snappy"),
    section("exporters.elasticsearch", "logs, by _bulk; also OpenSearch"),
    key("exporters.elasticsearch.endpoints", Kind::List, "[http://localhost:9200]", "the cluster's nodes; each an address or { url: …, priority: 0 to 9 }, of which the least that is up serves"),
    key("exporters.elasticsearch.endpoint", Kind::Text, "null", "a single node, instead of `endpoints`"),
    key("exporters.elasticsearch.logs_index", Kind::Text, "logs-generic-default", "the index or data stream that logs go to, unless a _bulk sender named one"),
    key("exporters.elasticsearch.document_id", Kind::Bool, "true", "give documents an _id, so that a repeated request stores nothing twice; some index modes forbid it"),
    section("exporters.zipkin", "spans, as Zipkin v2 JSON"),
    key("exporters.zipkin.endpoint", Kind::Text, "http://localhost:9411/api/v2/spans", "where to post spans"),
    key("exporters.zipkin.endpoints", Kind::List, "null", "several collectors of one store, instead of `endpoint`; each an address or { url: …, priority: 0 to 9 }"),
    key("exporters.*.balance", Kind::Choice(&["round_robin", "least_in_flight"]), "round_robin", "over endpoints of equal priority"),
    key("exporters.*.compression", COMPRESSIONS, "none", "of request bodies"),
    key("exporters.*.headers", Kind::Texts, "{}", "sent with every request"),
    section("exporters.*.auth", "basic or bearer"),
    section("exporters.*.auth.basic", "Authorization: Basic"),
    key("exporters.*.auth.basic.username", Kind::Text, "null", "the user"),
    key("exporters.*.auth.basic.password", Kind::Secret, "null", "the password"),
    key("exporters.*.auth.basic.password_file", Kind::Text, "null", "a file with the password, instead of `password`; read anew when it is needed"),
    section("exporters.*.auth.bearer", "Authorization: Bearer"),
    key("exporters.*.auth.bearer.token", Kind::Secret, "null", "the token"),
    key("exporters.*.auth.bearer.token_file", Kind::Text, "null", "a file with the token, instead of `token`; read anew when it is needed"),
    later("exporters.*.tls", "own certificate authorities and client certificates"),
    key("exporters.*.timeout", Kind::Duration, "30s", "for one request, answer included"),
    section("exporters.*.batch", "when a request is complete"),
    key("exporters.*.batch.bytes_max", Kind::Bytes, "8MiB", "as the bytes lie in the journal"),
    key("exporters.*.batch.delay_max", Kind::Duration, "200ms", "how long the first item waits for company"),
    key("exporters.prometheus.in_flight_max", Kind::Count("1"), "1", "a series' samples must arrive in order"),
    key("exporters.*.in_flight_max", Kind::Count("1 to 64"), "4", "most requests on their way at once; how many there are follows what the store bears"),
    section("exporters.*.retry", "waits between attempts, of which there is no last; Retry-After is obeyed"),
    key("exporters.*.retry.initial", Kind::Duration, "100ms", "the first wait; each doubles, half of it random"),
    key("exporters.*.retry.max", Kind::Duration, "30s", "no wait is longer, unless the store asks for it"),
    key("exporters.*.start", Kind::Text, "earliest", "where a new exporter begins: earliest, latest, or a duration ago such as 2h"),
    key("exporters.*.drain", ORDERS, "in_order", "the order of a backlog, in_order; fresh_first is not yet supported"),
    key("exporters.prometheus.lanes", Kind::Count("1"), "1", "requests side by side, each for other senders; above 1 is not yet supported"),
    section("rules", "Prometheus rule files, unchanged, and how they are evaluated"),
    key("rules.files", Kind::List, "[alert-rules/**/*.yaml]", "patterns, relative to the working directory"),
    key("rules.evaluation_interval", Kind::Duration, "15s", "ticks; fresh data evaluates sooner"),
    key("rules.evaluate", Kind::Choice(&["on_data", "on_tick"]), "on_data", "on_tick = Prometheus' cadence exactly"),
    key("rules.settle", Kind::Duration, "1s", "wait after the first fresh sample, so that one scrape split over several requests is seen whole"),
    key("rules.derived_interval", Kind::Duration, "1s", "how often series made from logs and spans get a sample"),
    key("rules.window_bytes_max", Kind::Bytes, "256MiB", "samples kept in memory for ranges, over all rules"),
    key("rules.backfill", Kind::Text, "null", "a Prometheus to fill long windows from; not yet supported"),
    key("rules.experimental", Kind::Bool, "false", "PromQL functions behind Prometheus' feature flag: limitk, limit_ratio, mad_over_time, sort_by_label and the like"),
    section("alerting", "what happens with alerts"),
    key("alerting.config", Kind::Text, "config/alertmanager.yml", "Alertmanager's own format; no file, no notifications"),
    section("telemetry", "the gateway's own telemetry, beside /metrics"),
    key("telemetry.zipkin_endpoint", Kind::Text, "null", "a Zipkin for the gateway's own spans, such as http://localhost:9411/api/v2/spans"),
    section("otlp", "how OTLP metrics become series; the keys, and what they do, are those of Prometheus' own otlp section"),
    key("otlp.translation_strategy", STRATEGIES, "UnderscoreEscapingWithSuffixes", "whether names are escaped, and whether unit and kind are appended"),
    key("otlp.promote_resource_attributes", Kind::List, "[]", "resource attributes that become labels of every series, not of target_info alone"),
    key("otlp.keep_identifying_resource_attributes", Kind::Bool, "false", "keep service.name, service.namespace and service.instance.id on target_info"),
    key("otlp.promote_scope_metadata", Kind::Bool, "false", "label every series with its instrumentation scope, otel_scope_…; more series"),
    key("otlp.label_name_underscore_sanitization", Kind::Bool, "true", "put key before a label name that would start with one underscore"),
    key("otlp.label_name_preserve_multiple_underscores", Kind::Bool, "true", "keep underscores in a row in label names; false = as OpenTelemetry's specification says"),
    later("otlp.promote_all_resource_attributes", "every resource attribute a label"),
    later("otlp.convert_histograms_to_nhcb", "classic histograms as native ones with custom buckets"),
    section("limits", "bounds on requests and memory; crossing one is answered as the protocol says and counted"),
    key("limits.request_bytes_max", Kind::Bytes, "64MiB", "one request, as received and after decompression"),
    key("limits.memory_bytes", Kind::Bytes, "64MiB", "requests, decompressed bodies and batches in flight, over all connections"),
    key("limits.series_max", Kind::Count("count"), "2000000", "live series that rules know; a further one is not evaluated, and counted"),
    key("limits.labels_max", Kind::Count("count"), "256", "labels of one series"),
    key("limits.label_name_bytes_max", Kind::Bytes, "1KiB", "one label name"),
    key("limits.label_value_bytes_max", Kind::Bytes, "64KiB", "one label value"),
    key("limits.nesting_max", Kind::Count("1 to 128"), "32", "nested values in attributes and JSON"),
];
