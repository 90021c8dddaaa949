//! What the demo prints, and the webhook receiver whose deliveries it counts.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::shop::Sent;
use crate::app::Gateway;
use crate::model::alert::{Alert, AlertState};
use crate::model::time::{rfc3339, wall_clock};
use crate::net::server;

/// A webhook receiver on loopback, as a team would have one.
pub(super) struct Webhooks {
    address: SocketAddr,
    listener: TcpListener,
    count: Arc<AtomicU64>,
}

impl Webhooks {
    pub(super) async fn listen() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self { address: listener.local_addr()?, listener, count: Arc::default() })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    fn serve(self, stop: CancellationToken) -> Arc<AtomicU64> {
        let (count, counted) = (Arc::clone(&self.count), Arc::clone(&self.count));
        let router = Router::new().route(
            "/",
            post(move || {
                counted.fetch_add(1, Ordering::Relaxed);
                async {}
            }),
        );
        tokio::spawn(server::serve(self.listener, router, stop));
        count
    }
}

/// How many alerts were printed, by state, and webhooks delivered.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) fired: u64,
    pub(super) resolved: u64,
    pub(super) webhooks: u64,
}

pub(super) fn welcome(gateway: &Gateway) {
    println!("Watchgate demo: a shop sends metrics, logs and spans to http://{}", gateway.ingest_address());
    println!("Alerts: http://{0}/api/v1/alerts   own metrics: http://{0}/metrics", gateway.api_address());
    println!(
        "After 20 s payments by card fail, a disk fills and the inventory service goes silent; after 50 s all is well."
    );
    println!("Ctrl-C ends the demo and leaves nothing behind.\n");
}

/// Prints each alert that fires or resolves until `stop`.
pub(super) async fn print_alerts(
    mut changes: Receiver<Arc<[Alert]>>,
    webhooks: Webhooks,
    stop: CancellationToken,
) -> Shown {
    let mut shown = Shown::default();
    let count = webhooks.serve(stop.clone());
    loop {
        let changed = tokio::select! {
            () = stop.cancelled() => break,
            changed = changes.recv() => changed,
        };
        match changed {
            Ok(alerts) => alerts.iter().for_each(|alert| print(alert, &mut shown)),
            Err(RecvError::Lagged(missed)) => println!("… {missed} changes not shown"),
            Err(RecvError::Closed) => break,
        }
    }
    shown.webhooks = count.load(Ordering::Relaxed);
    shown
}

fn print(alert: &Alert, shown: &mut Shown) {
    let now = wall_clock();
    let (word, what) = match alert.state {
        AlertState::Pending => return,
        AlertState::Firing => {
            shown.fired += 1;
            ("FIRING  ", alert.annotations.get("summary").to_owned())
        }
        AlertState::Resolved => {
            shown.resolved += 1;
            ("RESOLVED", format!("over after {} s", (now - alert.fired_at.unwrap_or(now)) / 1000))
        }
    };
    let cause = alert.received_at.map_or_else(
        || "by the clock, no request was needed".to_owned(),
        |received| format!("{} ms after the request that caused it", now - received),
    );
    let time = &rfc3339(now)[11..23];
    let (name, kind) = (alert.labels.get("alertname"), alert.labels.get("kind"));
    println!("{time}  {word}  {kind:8}  {name}: {what}  ({cause})");
}

pub(super) fn farewell(sent: &Sent, shown: &Shown) {
    let Sent { samples, spans, logs, refused } = sent;
    println!(
        "\nThe shop sent {samples} samples, {spans} spans and {logs} log records; {refused} requests were refused."
    );
    println!("{} alerts fired, {} resolved, {} webhooks delivered.", shown.fired, shown.resolved, shown.webhooks);
}
