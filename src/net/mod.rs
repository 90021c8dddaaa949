//! Sockets: bind and serve ([`server`]), call out ([`client`]), spans about ourselves
//! ([`own_spans`]), what is listened on ([`config`]).
//!
//! Nothing here knows a protocol above HTTP. The server runs its own accept loop on hyper-util,
//! because it needs HTTP/2 windows, header timeouts and a bound on connections.

pub mod client;
pub mod config;
pub mod own_spans;
pub mod server;
