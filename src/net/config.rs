//! Where the gateway listens: `listen:` of the configuration.
//!
//! A listener is an address, a list of addresses, or `{address, tls, auth}`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::yaml::{Node, Problems, Value};

/// Listeners that are planned; their keys are refused by name instead of as unknown.
const LATER: [&str; 7] = ["beats", "fluent", "gelf", "graphite", "logstash", "statsd", "syslog"];

/// The addresses of each listener, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listeners {
    /// OTLP over gRPC.
    pub grpc: Vec<SocketAddr>,
    /// Every HTTP protocol, told apart by path.
    pub ingest: Vec<SocketAddr>,
    /// Console and APIs; loopback addresses only.
    pub api: Vec<SocketAddr>,
}

impl Default for Listeners {
    fn default() -> Self {
        Self {
            grpc: vec![SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 4317)],
            ingest: vec![SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 4318)],
            api: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 9480)],
        }
    }
}

impl Listeners {
    /// Reads `listen:`; what is absent keeps its default.
    pub fn read(node: Option<&Node>, problems: &mut Problems) -> Self {
        let mut listeners = Self::default();
        let Some(mut map) = node.and_then(|node| node.map("listen", problems)) else { return listeners };
        map.set("grpc", &mut listeners.grpc, addresses, problems);
        map.set("ingest", &mut listeners.ingest, addresses, problems);
        let api = map.take("api");
        map.set("api", &mut listeners.api, addresses, problems);
        for address in listeners.api.iter().filter(|address| !address.ip().is_loopback()) {
            let message = format!(
                "`listen.api` is {address}, beyond this machine: that needs `auth`, which is not yet supported, write 127.0.0.1:{}",
                address.port()
            );
            problems.push(api.map_or(map.place(), |node| node.place), message);
        }
        for key in LATER {
            map.later(key, problems);
        }
        map.finish(problems);
        listeners.refuse_shared_ports(node, problems);
        listeners
    }

    /// Every listener with the name of its key.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &[SocketAddr]); 3] {
        [("listen.grpc", &self.grpc), ("listen.ingest", &self.ingest), ("listen.api", &self.api)]
    }

    fn refuse_shared_ports(&self, node: Option<&Node>, problems: &mut Problems) {
        let all: Vec<(&str, SocketAddr)> =
            self.named().into_iter().flat_map(|(key, list)| list.iter().map(move |address| (key, *address))).collect();
        for (at, (key, address)) in all.iter().enumerate() {
            if let Some((other_key, other)) = all[..at].iter().find(|(_, other)| collide(*address, *other)) {
                let message = format!(
                    "`{key}` is {address} and `{other_key}` is {other}: one port cannot serve both, write another port"
                );
                problems.push(node.map_or_else(Default::default, |node| node.place), message);
            }
        }
    }
}

fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

/// A listener: an address, a list of addresses, or a mapping with one of them under `address`.
fn addresses(node: &Node, path: &str, problems: &mut Problems) -> Option<Vec<SocketAddr>> {
    if let Value::Mapping(_) = node.value {
        let mut map = node.map(path, problems)?;
        let address = map.require("address", problems).cloned();
        map.later("tls", problems);
        map.later("auth", problems);
        let path = map.path("address");
        map.finish(problems);
        return address.and_then(|node| addresses_flat(&node, &path, problems));
    }
    addresses_flat(node, path, problems)
}

fn addresses_flat(node: &Node, path: &str, problems: &mut Problems) -> Option<Vec<SocketAddr>> {
    let Value::Sequence(items) = &node.value else { return address(node, path, problems).map(|one| vec![one]) };
    if items.is_empty() {
        return node.refuse(path, "at least one address", "one such as 0.0.0.0:4318", problems);
    }
    let read = |(index, item): (usize, &Node)| address(item, &format!("{path}[{index}]"), problems);
    items.iter().enumerate().map(read).collect::<Vec<_>>().into_iter().collect()
}

fn address(node: &Node, path: &str, problems: &mut Problems) -> Option<SocketAddr> {
    let instead = "IP:PORT such as 127.0.0.1:9480, \"[::1]:9480\", 0.0.0.0:4318 for all interfaces";
    if node.is_null() {
        return node.refuse(path, "an address", instead, problems);
    }
    node.scalar(path, "an address", instead, parse_address, problems)
}

/// `IP:PORT`; `localhost` is 127.0.0.1.
fn parse_address(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| {
        let port = text.strip_prefix("localhost:")?.parse().ok()?;
        Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Listeners, String) {
        let mut problems = Problems::new();
        let node = crate::yaml::parse(text).expect(text);
        (Listeners::read(Some(&node), &mut problems), problems.print("f"))
    }

    #[test]
    fn an_address_a_list_or_a_mapping() {
        for (text, ingest) in [
            ("ingest: 0.0.0.0:4318", "[0.0.0.0:4318]"),
            ("ingest: [0.0.0.0:4318, 0.0.0.0:9411, \"[::1]:9200\"]", "[0.0.0.0:4318, 0.0.0.0:9411, [::1]:9200]"),
            ("ingest: { address: localhost:1 }", "[127.0.0.1:1]"),
            ("ingest: { address: [127.0.0.1:0, 127.0.0.1:0] }", "[127.0.0.1:0, 127.0.0.1:0]"),
            ("ingest:", "[0.0.0.0:4318]"),
        ] {
            let (listeners, printed) = read(text);
            assert_eq!((format!("{:?}", listeners.ingest), printed.as_str()), (ingest.to_owned(), ""), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_listened_on_is_refused() {
        for (text, line) in [
            ("ingest: 4318", "f:1:9: `listen.ingest` must be an address, found `4318`, write IP:PORT"),
            ("ingest: []", "f:1:9: `listen.ingest` must be at least one address, found a list, write one"),
            ("ingest: [a:1]", "f:1:10: `listen.ingest[0]` must be an address, found `a:1`, write IP:PORT"),
            ("ingest: { tls: {}, address: 0.0.0.0:1 }", "f:1:11: `listen.ingest.tls` is not yet supported, remove it"),
            ("api: { auth: x, address: 127.0.0.1:1 }", "f:1:8: `listen.api.auth` is not yet supported, remove it"),
            ("api: {}", "f:1:6: `listen.api.address` is missing, write `address: …`"),
            ("syslog: 0.0.0.0:514", "f:1:1: `listen.syslog` is not yet supported, remove it"),
            ("injest: 0.0.0.0:1", "f:1:1: unknown key `injest` in `listen`, did you mean `ingest`?"),
            ("api: 0.0.0.0:9480", "f:1:6: `listen.api` is 0.0.0.0:9480, beyond this machine: that needs `auth`, which"),
            (
                "api: 127.0.0.1:4318",
                "f:1:1: `listen.api` is 127.0.0.1:4318 and `listen.ingest` is 0.0.0.0:4318: one port",
            ),
        ] {
            let printed = read(text).1;
            assert!(printed.starts_with(line) && printed.lines().count() == 1, "{text}: {printed}");
        }
    }
}
