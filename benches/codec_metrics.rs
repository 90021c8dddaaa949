//! Remote write: what a walk costs per sample, beside a blind copy of the same bytes and prost.
//!
//! `cargo bench --bench codec_metrics`. The allocation counts are per request of 1,000 series.

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use prost::Message;
use watchgate::codec::compression::{decompress_into, gzip, snappy};
use watchgate::codec::remote_write::{encode, splice_snappy, walk};
use watchgate::limits::Limits;
use watchgate::model::labels::Labels;
use watchgate::model::sample::{Sample, StagedSamples};
use watchgate::model::signal::Encoding;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const SERIES: usize = 1000;

/// The messages by prost.
mod prompb {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub(super) timeseries: Vec<TimeSeries>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub(super) labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub(super) samples: Vec<Sample>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Label {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(string, tag = "2")]
        pub(super) value: String,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Sample {
        #[prost(double, tag = "1")]
        pub(super) value: f64,
        #[prost(int64, tag = "2")]
        pub(super) timestamp: i64,
    }
}

fn main() {
    let body = request();
    let packed = compressed(&body);
    println!("{SERIES} series of 9 labels, one sample each: {} bytes, {} with snappy", body.len(), packed.len());
    divan::main();
}

/// 1,000 series with nine labels, one sample each.
fn request() -> Bytes {
    let mut out = Vec::new();
    for number in 0..SERIES {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let labels = Labels::from_pairs([
            ("__name__", format!("http_server_requests_seconds_{}", number % 40)),
            ("application", "order-service".into()),
            ("instance", format!("10.{}.{}.{}:8080", mixed >> 16 & 255, mixed >> 8 & 255, mixed & 255)),
            ("job", "kubernetes-pods".into()),
            ("le", format!("{}", (number % 12) as f64 * 0.25)),
            ("method", "POST".into()),
            ("pod", format!("order-service-{:08x}", mixed >> 32)),
            ("status", "200".into()),
            ("uri", format!("/api/v1/orders/{}", number % 25)),
        ]);
        let sample = Sample { timestamp_ms: 1_700_000_000_000 + number as i64, value: mixed as f64 / 7.0 };
        encode([(&labels, &[sample][..])], &mut out);
    }
    out.into()
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    snappy(body, &mut out).expect("less than 4 GiB");
    out
}

fn per_request(bencher: Bencher<'_, '_>, bytes: usize, run: impl FnMut()) {
    bencher.counter(ItemsCount::new(SERIES)).counter(BytesCount::new(bytes)).bench_local(run);
}

#[divan::bench]
fn floor_copy(bencher: Bencher<'_, '_>) {
    let body = request();
    let mut copy = Vec::with_capacity(body.len());
    per_request(bencher, body.len(), || {
        copy.clear();
        copy.extend_from_slice(black_box(&body));
        black_box(&copy);
    });
}

#[divan::bench]
fn walk_and_stage(bencher: Bencher<'_, '_>) {
    let (body, limits, mut staged) = (request(), Limits::default(), StagedSamples::default());
    per_request(bencher, body.len(), || {
        black_box(walk(black_box(body.clone()), &limits, &mut staged)).expect("a valid request");
    });
}

#[divan::bench]
fn unsnap_walk_and_stage(bencher: Bencher<'_, '_>) {
    let (body, limits, mut staged) = (request(), Limits::default(), StagedSamples::default());
    let packed = compressed(&body);
    per_request(bencher, body.len(), || {
        let mut plain = Vec::new();
        decompress_into(Encoding::Snappy, black_box(&packed), 1 << 26, &mut plain).expect("a snappy block");
        black_box(walk(plain.into(), &limits, &mut staged)).expect("a valid request");
    });
}

#[divan::bench]
fn peer_prost_decode(bencher: Bencher<'_, '_>) {
    let body = request();
    per_request(bencher, body.len(), || {
        black_box(prompb::WriteRequest::decode(black_box(&body[..]))).expect("a valid request");
    });
}

#[divan::bench]
fn unsnap(bencher: Bencher<'_, '_>) {
    let body = request();
    let packed = compressed(&body);
    let mut plain = Vec::with_capacity(body.len());
    per_request(bencher, body.len(), || {
        decompress_into(Encoding::Snappy, black_box(&packed), 1 << 26, &mut plain).expect("a snappy block");
    });
}

#[divan::bench]
fn splice_ten_frames(bencher: Bencher<'_, '_>) {
    let packed = compressed(&request());
    let frames: Vec<&[u8]> = (0..10).map(|_| &packed[..]).collect();
    let mut out = Vec::with_capacity(packed.len() * 10 + 8);
    let counted = bencher.counter(ItemsCount::new(10 * SERIES)).counter(BytesCount::new(10 * packed.len()));
    counted.bench_local(|| {
        out.clear();
        splice_snappy(black_box(&frames), &mut out).expect("snappy blocks");
    });
}

#[divan::bench]
fn snap(bencher: Bencher<'_, '_>) {
    let body = request();
    let mut out = Vec::new();
    per_request(bencher, body.len(), || {
        out.clear();
        snappy(black_box(&body), &mut out).expect("less than 4 GiB");
    });
}

#[divan::bench]
fn gzip_level_1(bencher: Bencher<'_, '_>) {
    let body = request();
    let mut out = Vec::new();
    per_request(bencher, body.len(), || {
        out.clear();
        gzip(black_box(&body), &mut out).expect("memory");
    });
}
