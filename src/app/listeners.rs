//! Binds the configured addresses; a busy port is named with its key.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::net::server;

/// Bound sockets of one listener.
pub(super) struct Bound {
    listeners: Vec<TcpListener>,
    /// Where they listen; the real ports where the configuration said 0.
    pub(super) addresses: Vec<SocketAddr>,
}

/// Binds each of `addresses` for the configuration's `key`.
pub(super) fn bind(key: &str, addresses: &[SocketAddr]) -> anyhow::Result<Bound> {
    let mut bound = Bound { listeners: Vec::new(), addresses: Vec::new() };
    for address in addresses {
        let listener = server::bind(*address).with_context(|| {
            format!("{key}: cannot listen on {address}: stop what uses it, or set {key} to another address")
        })?;
        bound.addresses.push(listener.local_addr()?);
        bound.listeners.push(listener);
    }
    Ok(bound)
}

impl Bound {
    /// Serves `router` on all of them until `stop`.
    pub(super) fn serve(self, router: &Router, stop: &CancellationToken, tasks: &mut JoinSet<()>) {
        for listener in self.listeners {
            tasks.spawn(server::serve(listener, router.clone(), stop.clone()));
        }
    }
}
