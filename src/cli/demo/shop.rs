//! The simulated shop: a web gateway, order, payment and inventory services and a database.
//!
//! Once a second each service sends what it would send in production: remote write from a scraper,
//! Zipkin JSON from the web gateway and order service, OTLP traces and logs from payment and
//! inventory, `_bulk` access logs from a log shipper.

use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::wire;
use crate::model::labels::Labels;
use crate::model::time::{Millis, wall_clock};

/// One round of the story; the incident comes again in each.
const ROUND: u64 = 180;
/// Seconds into a round during which things are broken.
const INCIDENT: std::ops::Range<u64> = 20..50;
/// Orders a second.
const ORDERS: u64 = 20;
const DISK_BYTES: f64 = 100e9;

/// How many items of each signal the shop sent, and how many requests were not accepted.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) samples: u64,
    pub(super) spans: u64,
    pub(super) logs: u64,
    pub(super) refused: u64,
}

/// Counters that the shop's services expose.
#[derive(Debug, Default)]
struct Counters {
    paid: [u64; 2],
    failed: [u64; 2],
    orders: u64,
}

const CHANNELS: [&str; 2] = ["alipay", "card"];

/// Sends traffic to `ingest` until `stop`.
pub(super) async fn open(ingest: SocketAddr, stop: CancellationToken) -> Sent {
    let sender = wire::Sender::new(ingest);
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut sent = Sent::default();
    let mut counters = Counters::default();
    for second in 0.. {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        let broken = INCIDENT.contains(&(second % ROUND));
        trade(&mut counters, broken);
        let now = wall_clock();
        let series = series(&counters, broken, now);
        sent.samples += series.len() as u64;
        sent.refused += sender.remote_write(&series).await;
        let orders: Vec<wire::Order> = (0..ORDERS / 4).map(|n| order(n, broken, now)).collect();
        sent.spans += 4 * orders.len() as u64;
        sent.logs += 2 * orders.len() as u64;
        sent.refused += sender.zipkin(&orders).await;
        sent.refused += sender.otlp_traces(&orders).await;
        sent.refused += sender.otlp_logs(&orders).await;
        sent.refused += sender.bulk(&orders).await;
    }
    sent
}

/// One second of orders; while things are broken a third of the payments by card fail.
fn trade(counters: &mut Counters, broken: bool) {
    counters.orders += ORDERS;
    for (channel, name) in CHANNELS.into_iter().enumerate() {
        let orders = ORDERS / CHANNELS.len() as u64;
        let failed = if broken && name == "card" { orders / 3 } else { 0 };
        counters.failed[channel] += failed;
        counters.paid[channel] += orders - failed;
    }
}

fn order(number: u64, broken: bool, now: Millis) -> wire::Order {
    let channel = CHANNELS[usize::try_from(number).unwrap_or(0) % CHANNELS.len()];
    wire::Order {
        trace_id: fastrand::u128(1..),
        root_span: fastrand::u64(1..),
        started: now,
        channel,
        failed: broken && channel == "card",
    }
}

/// What a scrape of the shop finds.
fn series(counters: &Counters, broken: bool, now: Millis) -> Vec<(Labels, f64, Millis)> {
    let mut found = Vec::new();
    let mut add = |value: f64, labels: &[(&str, &str)]| {
        found.push((Labels::from_pairs(labels.iter().copied()), value, now));
    };
    for (channel, name) in CHANNELS.into_iter().enumerate() {
        for (result, count) in [("ok", counters.paid[channel]), ("failed", counters.failed[channel])] {
            add(
                count as f64,
                &[("__name__", "payments_total"), ("job", "payment"), ("channel", name), ("result", result)],
            );
        }
    }
    add(counters.orders as f64, &[("__name__", "orders_total"), ("job", "order")]);
    for job in ["gateway", "order", "payment", "inventory", "database"] {
        // an agent that lost its target sends nothing at all about it
        if job != "inventory" || !broken {
            add(1.0, &[("__name__", "up"), ("job", job), ("instance", &format!("{job}-1:8080"))]);
        }
    }
    for (host, free) in [("db-1", if broken { 0.04 } else { 0.46 }), ("web-1", 0.71)] {
        let place = [("instance", host), ("mountpoint", "/var"), ("job", "node")];
        for (metric, value) in
            [("node_filesystem_avail_bytes", DISK_BYTES * free), ("node_filesystem_size_bytes", DISK_BYTES)]
        {
            let labels: Vec<_> = [("__name__", metric)].into_iter().chain(place).collect();
            add(value, &labels);
        }
    }
    found
}
