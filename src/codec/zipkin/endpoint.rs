//! The other side of a client's or producer's span, found in its attributes by the rank that
//! OpenTelemetry's Zipkin mapping gives them.

use std::net::IpAddr;

use crate::codec::any_value::AnyValue;
use crate::codec::json::{put_integer, put_string};

/// The ranked attributes; earlier wins. An address may have a port beside it.
const RANKED: [(&str, Option<&str>); 11] = [
    ("peer.service", None),
    ("server.address", Some("server.port")),
    ("net.peer.name", Some("net.peer.port")),
    ("network.peer.address", Some("network.peer.port")),
    ("server.socket.domain", Some("server.socket.port")),
    ("server.socket.address", Some("server.socket.port")),
    ("net.sock.peer.name", Some("net.sock.peer.port")),
    ("net.sock.peer.addr", Some("net.sock.peer.port")),
    ("peer.hostname", None),
    ("peer.address", None),
    ("db.name", None),
];

/// What a span's attributes say of its other side.
#[derive(Clone, Copy, Default)]
pub(super) struct Remote<'a> {
    best: Option<(usize, &'a str)>,
    ports: [Option<u16>; RANKED.len()],
}

impl<'a> Remote<'a> {
    /// Looks at one attribute.
    #[inline]
    pub(super) fn see(&mut self, key: &str, value: AnyValue<'a>) {
        // All ranked names begin so; most attributes do not.
        if !matches!(key.as_bytes().first(), Some(b'p' | b's' | b'n' | b'd')) {
            return;
        }
        for (rank, (name, port)) in RANKED.iter().enumerate() {
            if *name == key {
                if let AnyValue::Text(text) = value
                    && !text.is_empty()
                    && self.best.is_none_or(|(best, _)| rank < best)
                {
                    self.best = Some((rank, text));
                }
                return;
            }
            if *port == Some(key) {
                self.ports[rank] = match value {
                    AnyValue::Int(port) => u16::try_from(port).ok(),
                    AnyValue::Text(port) => port.parse().ok(),
                    _ => None,
                };
            }
        }
    }

    /// Appends `,"remoteEndpoint":{…}` if anything is known.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let Some((rank, text)) = self.best else { return };
        let field = match text.parse() {
            _ if rank == 0 => "serviceName",
            Ok(IpAddr::V4(_)) => "ipv4",
            Ok(IpAddr::V6(_)) => "ipv6",
            Err(_) => "serviceName",
        };
        out.extend_from_slice(b",\"remoteEndpoint\":{");
        put_string(out, field);
        out.push(b':');
        put_string(out, text);
        if let Some(port) = self.ports[rank].filter(|port| *port > 0) {
            out.extend_from_slice(b",\"port\":");
            put_integer(out, u64::from(port));
        }
        out.push(b'}');
    }
}
