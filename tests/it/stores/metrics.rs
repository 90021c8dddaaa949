//! Remote write to Prometheus 3.13: an agent's scrape, and ten thousand samples of our own.

use serde_json::Value;
use watchgate::model::sample::STALE_NAN;
use watchgate::model::time::wall_clock;

use super::{ITEMS, PATIENCE, gateway, text, to_prometheus};
use crate::support::http::client;
use crate::support::parts::{self, Prometheus, Release};
use crate::support::process::until;
use crate::support::remote_write::{TimeSeries, send};

/// Samples of each series of ours; the last of every tenth series is a staleness marker.
const SERIES_SAMPLES: usize = 50;
/// Series in one request.
const REQUEST_SERIES: usize = 20;

/// Series of a range selector, in an order of their own.
fn sorted(result: &Value) -> Vec<Value> {
    let mut series = result.as_array().cloned().unwrap_or_default();
    series.sort_by_key(|series| series["metric"].to_string());
    series
}

#[tokio::test]
async fn what_an_agent_scrapes_arrives_as_if_sent_straight() {
    let _turn = parts::turn().await;
    let Some(straight) = Prometheus::start(Release::Current, "").await else { return };
    let Some(through) = Prometheus::start(Release::Current, "").await else { return };
    let gateway = gateway(&to_prometheus(&through)).await;
    let targets = [straight.remote_write_url(), format!("{}/api/v1/write", gateway.ingest)];
    let Some(mut agent) = Prometheus::start_agent(&targets).await else { return };

    let scrapes = "count_over_time(up{job=\"self\"}[1h])";
    until("five scrapes", PATIENCE, async || straight.number(scrapes, None).await.filter(|count| *count >= 5.0)).await;
    agent.process.stop();
    let now = wall_clock();
    let wanted = sorted(&straight.query("{job=\"self\"}[1h]", Some(now)).await);
    assert!(wanted.len() > 100, "an agent has hundreds of series, not {}", wanted.len());
    let query = "{job=\"self\"}[1h]";
    let equal = async || (sorted(&through.query(query, Some(now)).await) == wanted).then_some(());
    until("every series, sample for sample", PATIENCE, equal).await;
}

/// The labels and samples of series `number`; every kind of value that a float can be.
fn series(number: usize, start: i64) -> TimeSeries {
    let id = number.to_string();
    let labels = [("__name__", "e2e_value"), ("id", id.as_str()), ("城市", "上海 ☕"), ("path", "/a\"b\\c\n")];
    let samples: Vec<(i64, f64)> = (0..SERIES_SAMPLES)
        .map(|at| {
            let value = match (number % 10, at) {
                (0, 49) => STALE_NAN,
                (1, 7) => f64::NAN,
                (2, 7) => f64::INFINITY,
                (3, 7) => f64::NEG_INFINITY,
                (4, 7) => 5e-324,
                (5, 7) => 9_007_199_254_740_993.0,
                _ => number as f64 + at as f64 / 100.0,
            };
            (start + at as i64 * 1000, value)
        })
        .collect();
    TimeSeries::new(&labels, &samples)
}

/// Prometheus prints floats as Go's `%f` without trailing zeros does; parsed back they must be the same bits.
fn same(printed: &str, value: f64) -> bool {
    let parsed: f64 = printed.parse().expect("a float");
    parsed == value || (parsed.is_nan() && value.is_nan())
}

#[tokio::test]
async fn ten_thousand_samples_are_found_with_their_labels_and_times() {
    let _turn = parts::turn().await;
    let Some(store) = Prometheus::start(Release::Current, "").await else { return };
    let gateway = gateway(&to_prometheus(&store)).await;
    let (client, start) = (client(), wall_clock() - 60_000);
    let all: Vec<TimeSeries> = (0..ITEMS / SERIES_SAMPLES).map(|number| series(number, start)).collect();
    for request in all.chunks(REQUEST_SERIES) {
        send(&client, &gateway.ingest, request.to_vec()).await.expect("an answer").ok();
    }

    let (query, at) = ("e2e_value[10m]", Some(start + 60_000));
    let wanted_count = ITEMS - all.len() / 10; // a range selector leaves staleness markers out
    let count = async || {
        let found = store.query(query, at).await;
        let samples: usize =
            found.as_array()?.iter().filter_map(|series| series["values"].as_array().map(Vec::len)).sum();
        (wanted_count == samples).then_some(found)
    };
    let found = until("all samples", PATIENCE, count).await;
    for series in found.as_array().expect("series") {
        let id: usize = text(series, "/metric/id").parse().expect("a number");
        assert_eq!((text(series, "/metric/城市"), text(series, "/metric/path")), ("上海 ☕", "/a\"b\\c\n"));
        assert_eq!(series["metric"].as_object().map(serde_json::Map::len), Some(4));
        let sent = all[id].samples.iter().filter(|sample| sample.value.to_bits() != STALE_NAN.to_bits());
        for (sample, found) in sent.zip(series["values"].as_array().expect("values")) {
            let at = (found[0].as_f64().expect("a time") * 1000.0).round() as i64;
            let printed = found[1].as_str().expect("a value");
            assert_eq!(at, sample.timestamp, "series {id}");
            assert!(same(printed, sample.value), "series {id}: {printed} is not {}", sample.value);
        }
    }
    let ended = store.number("count(e2e_value)", Some(start + 49_500)).await;
    assert_eq!(ended, Some((all.len() - all.len() / 10) as f64), "the staleness markers ended every tenth series");
}
