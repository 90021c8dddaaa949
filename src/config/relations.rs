//! What must hold between keys; each complaint names both keys and both values.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Config;
use super::environment::child;
use crate::yaml::{Node, Place, Problems, format_duration, scalar::format_bytes};

/// Checks `config`, which `root` says.
pub(super) fn check(config: &Config, root: &Node, problems: &mut Problems) {
    let bytes = |key: &str, value: u64| format!("`{key}` is {}", format_bytes(value));
    let request = config.limits.request_bytes_max;
    if config.journal.bytes_max < request {
        let message = format!(
            "{} and {}: a request must fit into the journal, raise the first or lower the second",
            bytes("journal.bytes_max", config.journal.bytes_max),
            bytes("limits.request_bytes_max", request)
        );
        problems.push(place(root, &["journal", "bytes_max"], &["limits", "request_bytes_max"]), message);
    }
    if config.dead_letters.bytes_max < request {
        let message = format!(
            "{} and {}: a refused request must fit, raise the first or lower the second",
            bytes("dead_letters.bytes_max", config.dead_letters.bytes_max),
            bytes("limits.request_bytes_max", request)
        );
        problems.push(place(root, &["dead_letters", "bytes_max"], &["limits", "request_bytes_max"]), message);
    }
    if request > config.limits.memory_bytes {
        let message = format!(
            "{} and {}: requests above the latter are taken one at a time",
            bytes("limits.request_bytes_max", request),
            bytes("limits.memory_bytes", config.limits.memory_bytes)
        );
        problems.warn(place(root, &["limits", "request_bytes_max"], &["limits", "memory_bytes"]), message);
    }
    let (settle, interval) = (config.rules.settle, config.rules.evaluation_interval);
    if settle > interval {
        let message = format!(
            "`rules.settle` is {} and `rules.evaluation_interval` is {}: ticks would come first, write a shorter settle",
            format_duration(settle),
            format_duration(interval)
        );
        problems.push(place(root, &["rules", "settle"], &["rules", "evaluation_interval"]), message);
    }
    exporters(config, root, problems);
    own_spans(config, root, problems);
}

/// Own spans to our own receivers would make further own spans, for ever.
fn own_spans(config: &Config, root: &Node, problems: &mut Problems) {
    let Some(endpoint) = &config.telemetry.zipkin_endpoint else { return };
    let host = endpoint.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let address = if host == "localhost" { Some(Ipv4Addr::LOCALHOST.into()) } else { host.parse::<IpAddr>().ok() };
    let (Some(address), port) = (address, endpoint.port_or_known_default()) else { return };
    let is_own = |own: &&SocketAddr| {
        Some(own.port()) == port && (own.ip() == address || own.ip().is_unspecified() && address.is_loopback())
    };
    if let Some(own) = config.listen.ingest.iter().find(is_own) {
        let message = format!(
            "`telemetry.zipkin_endpoint` is {endpoint} and `listen.ingest` is {own}: own spans would beget spans, \
             name the Zipkin itself"
        );
        problems.push(place(root, &["telemetry", "zipkin_endpoint"], &["listen", "ingest"]), message);
    }
}

fn exporters(config: &Config, root: &Node, problems: &mut Problems) {
    for (name, exporter) in &config.exporters {
        let own = place(root, &["exporters", name, "batch", "bytes_max"], &["exporters", name]);
        let batch = format!("`exporters.{name}.batch.bytes_max` is {}", format_bytes(exporter.batch.bytes_max));
        if exporter.batch.bytes_max > exporter.batch_bytes_bound() {
            let bound = format_bytes(exporter.batch_bytes_bound());
            problems.push(own, format!("{batch}: {} takes at most {bound} at once, write less", exporter.kind.name()));
        }
        if exporter.batch_bytes_max() > config.limits.memory_bytes {
            let message = format!(
                "{batch}, times `in_flight_max` {} is more than `limits.memory_bytes` {}: lower one or raise the latter",
                exporter.in_flight_max,
                format_bytes(config.limits.memory_bytes)
            );
            problems.push(own, message);
        }
    }
}

/// Where the first of two keys that is written stands.
fn place(root: &Node, first: &[&str], second: &[&str]) -> Place {
    find(root, first).or_else(|| find(root, second)).map_or(Place::NOWHERE, |node| node.place)
}

fn find<'a>(root: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(root, |node, key| child(node, key)).filter(|node| !node.is_null())
}
