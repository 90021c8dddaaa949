//! Twenty `kill -9` under load over all three signals: what was acknowledged is in the stores in the end.

use std::time::{Duration, Instant};

use super::gateway;
use super::load::{Stores, ledgers, round};
use crate::support::parts;

/// How often the gateway is killed.
const KILLS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_nothing_that_was_acknowledged() {
    let _turn = parts::turn().await;
    let Some(mut stores) = Stores::start().await else { return };
    let exporters = stores.exporters();
    stores.stop();
    let mut gateway = gateway(&exporters).await;
    let ledgers = ledgers();
    for _ in 0..KILLS {
        round(&mut gateway, &ledgers).await;
    }
    stores.start_again().await;
    let [samples, documents, spans] = stores.verify(&ledgers).await;
    println!("acknowledged and found over {KILLS} kills: {samples} samples, {documents} documents, {spans} spans");
    assert!([samples, documents, spans].into_iter().all(|items| items >= KILLS * 1_000));
}

/// `make soak`: kills with the stores up, with all of them gone, and with each of them gone, until time is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs for SOAK_MINUTES"]
async fn soak() {
    let _turn = parts::turn().await;
    let minutes: u64 = std::env::var("SOAK_MINUTES").map_or(5, |text| text.parse().expect("minutes"));
    let end = Instant::now() + Duration::from_secs(minutes * 60);
    let Some(mut stores) = Stores::start().await else { return };
    let mut gateway = gateway(&stores.exporters()).await;
    let (ledgers, mut total) = (ledgers(), [0; 3]);
    while Instant::now() < end {
        for _ in 0..3 {
            round(&mut gateway, &ledgers).await;
        }
        total = add(total, stores.verify(&ledgers).await);
        stores.stop();
        for _ in 0..3 {
            round(&mut gateway, &ledgers).await;
        }
        stores.start_again().await;
        total = add(total, stores.verify(&ledgers).await);
        stores.prometheus.process.kill();
        round(&mut gateway, &ledgers).await;
        stores.prometheus.process.start_again();
        stores.prometheus.ready().await;
        stores.elasticsearch.process.stop();
        round(&mut gateway, &ledgers).await;
        stores.elasticsearch.process.start_again();
        stores.elasticsearch.ready().await;
        total = add(total, stores.verify(&ledgers).await);
        println!("acknowledged and found so far: {total:?} samples, documents, spans");
    }
}

fn add(total: [usize; 3], more: [usize; 3]) -> [usize; 3] {
    std::array::from_fn(|signal| total[signal] + more[signal])
}
