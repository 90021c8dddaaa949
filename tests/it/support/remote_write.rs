//! A remote write v1 sender of the tests' own, by prost: it shares no line with the codec under test.

use prost::Message;
use reqwest::{Client, Method};

use crate::support::http::{Answer, request};

/// `prometheus.WriteRequest`, as far as the tests need it.
#[derive(Clone, PartialEq, Message)]
pub struct WriteRequest {
    /// Its series.
    #[prost(message, repeated, tag = "1")]
    pub timeseries: Vec<TimeSeries>,
}

/// One series with its samples.
#[derive(Clone, PartialEq, Message)]
pub struct TimeSeries {
    /// Sorted by name.
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    /// Ascending in time.
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
}

/// One label.
#[derive(Clone, PartialEq, Message)]
pub struct Label {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// One sample.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Sample {
    /// The value, bit for bit.
    #[prost(double, tag = "1")]
    pub value: f64,
    /// Milliseconds since the epoch.
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
}

impl TimeSeries {
    /// A series of these labels, sorted here, and these `(milliseconds, value)` samples.
    pub fn new(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Self {
        let mut labels: Vec<Label> =
            labels.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() }).collect();
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        let samples = samples.iter().map(|&(timestamp, value)| Sample { value, timestamp }).collect();
        Self { labels, samples }
    }
}

/// The compressed body of a request with these series.
pub fn body(timeseries: Vec<TimeSeries>) -> Vec<u8> {
    let plain = WriteRequest { timeseries }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&plain).expect("snappy compresses")
}

/// Sends these series to `ingest`'s `/api/v1/write`; `Err` when no answer came.
pub async fn send(client: &Client, ingest: &str, timeseries: Vec<TimeSeries>) -> Result<Answer, reqwest::Error> {
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ];
    request(client, Method::POST, &format!("{ingest}/api/v1/write"), &headers, body(timeseries)).await
}
