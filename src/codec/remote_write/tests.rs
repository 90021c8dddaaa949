//! Golden requests, and the walk compared with prost on random ones.

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::codec::compression::{decompress, snappy};
use crate::codec::proto::put_bytes_field;
use crate::codec::{DecodeErrorKind, Walked};
use crate::limits::Limits;
use crate::model::labels::Labels;
use crate::model::sample::{STALE_NAN, Sample, StagedSamples};
use crate::model::signal::Encoding;

/// The messages by prost, an implementation that is not ours.
mod prompb {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub(super) timeseries: Vec<TimeSeries>,
        #[prost(message, repeated, tag = "3")]
        pub(super) metadata: Vec<Metadata>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub(super) labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub(super) samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub(super) exemplars: Vec<Exemplar>,
        #[prost(message, repeated, tag = "4")]
        pub(super) histograms: Vec<Histogram>,
        #[prost(fixed32, optional, tag = "100")]
        pub(super) unknown: Option<u32>,
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
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub(super) labels: Vec<Label>,
        #[prost(double, tag = "2")]
        pub(super) value: f64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Histogram {
        #[prost(double, tag = "3")]
        pub(super) sum: f64,
        #[prost(int64, tag = "15")]
        pub(super) timestamp: i64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Metadata {
        #[prost(int32, tag = "1")]
        pub(super) kind: i32,
        #[prost(string, tag = "2")]
        pub(super) metric_family_name: String,
    }
}

fn walked(body: &[u8]) -> (Walked, StagedSamples) {
    let mut staged = StagedSamples::default();
    let walked = walk(Bytes::copy_from_slice(body), &Limits::default(), &mut staged).unwrap();
    (walked, staged)
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> prompb::TimeSeries {
    prompb::TimeSeries {
        labels: labels.iter().map(|(n, v)| prompb::Label { name: (*n).into(), value: (*v).into() }).collect(),
        samples: samples
            .iter()
            .map(|(timestamp, value)| prompb::Sample { value: *value, timestamp: *timestamp })
            .collect(),
        ..Default::default()
    }
}

fn request(timeseries: Vec<prompb::TimeSeries>) -> Vec<u8> {
    prompb::WriteRequest { timeseries, metadata: vec![] }.encode_to_vec()
}

#[test]
fn golden_bytes_of_one_series() {
    let labels = Labels::from_pairs([("__name__", "up"), ("job", "a")]);
    let mut body = Vec::new();
    encode([(&labels, &[Sample { timestamp_ms: 1000, value: 1.0 }][..])], &mut body);
    let golden = [
        &[0x0a, 0x28, 0x0a, 0x0e, 0x0a, 0x08][..],
        b"__name__",
        &[0x12, 0x02],
        b"up",
        &[0x0a, 0x08, 0x0a, 0x03],
        b"job",
        &[0x12, 0x01],
        b"a",
        &[0x12, 0x0c, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0xe8, 0x07],
    ];
    assert_eq!(body, golden.concat());
    let (walked, staged) = walked(&body);
    assert_eq!((walked.items, walked.time_min_ms, walked.time_max_ms), (1, 1000, 1000));
    assert_eq!(staged.series[0].labels_hash, labels.hash());
    assert_eq!(labels_at(&staged.body, &staged.series[0]), labels);
}

#[test]
fn what_prometheus_sends_besides_samples() {
    let metadata = vec![prompb::Metadata { kind: 1, metric_family_name: "up".into() }];
    let body = prompb::WriteRequest { timeseries: vec![], metadata }.encode_to_vec();
    assert_eq!(walked(&body).0, Walked::default());
    assert_eq!(walked(b"").0, Walked::default());

    let mut histogram = series(&[("__name__", "h")], &[]);
    histogram.histograms = vec![prompb::Histogram { sum: STALE_NAN, timestamp: -5 }];
    let mut exemplar = series(&[("__name__", "e")], &[(7, STALE_NAN), (8, -f64::NAN)]);
    exemplar.exemplars = vec![prompb::Exemplar { labels: vec![], value: 1.0 }];
    let (walked, staged) = walked(&request(vec![histogram, exemplar]));
    assert_eq!((walked.items, walked.rejected, walked.time_min_ms, walked.time_max_ms), (3, 0, -5, 8));
    let bits: Vec<u64> = staged.samples.iter().map(|sample| sample.value.to_bits()).collect();
    assert_eq!(bits, [STALE_NAN.to_bits(), (-f64::NAN).to_bits()]);
    assert_eq!(staged.series.len(), 1, "a histogram is not staged");
}

#[test]
fn labels_unsorted_or_empty_are_as_in_prometheus() {
    let (walked, staged) = walked(&request(vec![series(&[("b", "2"), ("a", ""), ("__name__", "x")], &[(1, 1.0)])]));
    assert_eq!((walked.items, walked.kept), (1, None));
    let labels = Labels::from_pairs([("__name__", "x"), ("b", "2")]);
    assert_eq!(staged.series[0].labels_hash, labels.hash());
    assert_eq!(labels_at(&staged.body, &staged.series[0]), labels);
}

#[test]
fn invalid_series_are_cut_out_and_the_first_is_named() {
    let long = "x".repeat(2000);
    let many: Vec<(String, String)> = (0..300).map(|n| (format!("l{n:03}"), "v".into())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (&**n, &**v)).collect();
    let cases: [(&[(&str, &str)], &str); 7] = [
        (&[("job", "a")], "series 1: no metric name (label __name__)"),
        (&[("__name__", "")], "series 1: no metric name (label __name__)"),
        (&[("__name__", "x"), ("a", "1"), ("a", "2")], "series 1: label \"a\" is given twice"),
        (&[("a", "1"), ("__name__", "x"), ("a", "2")], "series 1: label \"a\" is given twice"),
        (&[("__name__", "x"), ("", "2")], "series 1: a label has no name"),
        (&[("__name__", "x"), (&long, "2")], "of 2000 bytes, at most 1024"),
        (&many, "series 1: 300 labels, at most 256"),
    ];
    for (labels, why) in cases {
        let good = series(&[("__name__", "good")], &[(5, 1.0)]);
        let last = series(&[("__name__", "last")], &[(6, 1.0)]);
        let bad = series(labels, &[(1, 1.0), (9, 2.0)]);
        let (walked, staged) = walked(&request(vec![good.clone(), bad.clone(), last.clone(), bad]));
        assert_eq!((walked.items, walked.rejected), (2, 4), "{why}");
        assert_eq!((walked.time_min_ms, walked.time_max_ms), (5, 6), "{why}");
        assert!(walked.first_rejection.as_ref().unwrap().contains(why), "{:?}", walked.first_rejection);
        assert_eq!(walked.kept.unwrap(), request(vec![good, last]), "{why}");
        assert_eq!(staged.samples.len(), 2);
        let names: Vec<Labels> = staged.iter().map(|(series, _)| labels_at(&staged.body, series)).collect();
        assert_eq!(names.iter().map(Labels::metric).collect::<Vec<_>>(), ["good", "last"]);
    }
    let mut not_utf8 = request(vec![series(&[("__name__", "abc")], &[(5, 1.0)])]);
    let at = not_utf8.windows(3).position(|bytes| bytes == b"abc").unwrap();
    not_utf8[at] = 0xff;
    assert_eq!(walked(&not_utf8).0.first_rejection.unwrap(), "series 0: a label is not valid UTF-8");
}

#[test]
fn a_truncated_request_is_malformed_and_says_where() {
    let body = request(vec![series(&[("__name__", "x")], &[(5, 1.0)])]);
    for len in 1..body.len() {
        let mut staged = StagedSamples::default();
        let error = walk(Bytes::copy_from_slice(&body[..len]), &Limits::default(), &mut staged).unwrap_err();
        assert_eq!((error.kind, error.offset), (DecodeErrorKind::Malformed, 0), "{len}");
    }
}

#[test]
fn staging_takes_memory_in_proportion_to_the_body() {
    let labels: &[u8] = &[0x0a, 0x0d, 0x0a, 0x08, 95, 95, 110, 97, 109, 101, 95, 95, 0x12, 0x01, b'x'];
    let message = [labels, &[0x12, 0x00].repeat(200_000)].concat();
    let mut body = Vec::new();
    put_bytes_field(&mut body, 1, &message);
    let error = walk(body.into(), &Limits::default(), &mut StagedSamples::default()).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TooLarge);
}

#[test]
fn spliced_bodies_decompress_to_both() {
    let requests: Vec<Vec<u8>> = (0..40)
        .map(|n| request((0..n * 7).map(|s| series(&[("__name__", &format!("m{s}"))], &[(n, s as f64)])).collect()))
        .collect();
    let bodies: Vec<Vec<u8>> = requests
        .iter()
        .map(|request| {
            let mut out = Vec::new();
            snappy(request, &mut out).unwrap();
            out
        })
        .collect();
    let mut joined = Vec::new();
    splice_snappy(&bodies.iter().map(|body| &body[..]).collect::<Vec<_>>(), &mut joined).unwrap();
    assert_eq!(decompress(Encoding::Snappy, &joined.into(), 1 << 24).unwrap(), requests.concat());
    assert!(splice_snappy(&[&[0xff; 3]], &mut Vec::new()).is_err());
}

#[test]
fn halves_hold_every_series_once_in_order() {
    let all: Vec<_> = (0..5).map(|n| series(&[("__name__", &format!("m{n}"))], &[(n, 1.0)])).collect();
    let [first, second] = split(&request(all.clone())).unwrap().unwrap();
    assert_eq!((first.body, second.body), (request(all[..2].to_vec()), request(all[2..].to_vec())));
    assert_eq!((first.items, second.items), (2, 3));
    assert_eq!(split(&request(all[..1].to_vec())), Ok(None));
}

#[test]
fn a_single_series_is_halved_by_its_samples() {
    let samples = [(1, 1.0), (2, 2.0), (3, 3.0)];
    let whole = request(vec![series(&[("__name__", "m")], &samples)]);
    let [first, second] = split(&whole).unwrap().unwrap();
    assert_eq!(first.body, request(vec![series(&[("__name__", "m")], &samples[..1])]));
    assert_eq!(second.body, request(vec![series(&[("__name__", "m")], &samples[1..])]));
    assert_eq!((first.items, second.items), (1, 2));
}

fn any_label() -> impl Strategy<Value = prompb::Label> {
    ("[a-c_é]{0,3}", "\\PC{0,4}").prop_map(|(name, value)| prompb::Label { name, value })
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![any::<u64>().prop_map(f64::from_bits), Just(STALE_NAN), Just(0.0)]
}

prop_compose! {
    fn any_series()(
        mut labels in prop::collection::vec(any_label(), 0..4),
        long in prop::option::weighted(0.3, 100usize..400),
        usual_time in any::<Option<u32>>(),
        named in prop::bool::weighted(0.9),
        at_front in any::<bool>(),
        samples in prop::collection::vec((any_value(), any::<i64>()), 0..4),
        histograms in prop::collection::vec((any_value(), any::<i64>()), 0..2),
        unknown in any::<Option<u32>>(),
    ) -> prompb::TimeSeries {
        if named {
            let name = prompb::Label { name: "__name__".into(), value: "m".into() };
            labels.insert(if at_front { 0 } else { labels.len() }, name);
        }
        if let Some(len) = long {
            labels.push(prompb::Label { name: "z".into(), value: "v".repeat(len) });
        }
        let timestamp = |any: i64| usual_time.map_or(any, |later| 1_700_000_000_000 + i64::from(later));
        let sample = |(value, any)| prompb::Sample { value, timestamp: timestamp(any) };
        prompb::TimeSeries {
            labels,
            samples: samples.into_iter().map(sample).collect(),
            exemplars: vec![],
            histograms: histograms.into_iter().map(|(sum, timestamp)| prompb::Histogram { sum, timestamp }).collect(),
            unknown,
        }
    }
}

/// Whether Prometheus takes the series, and its labels.
fn expected(series: &prompb::TimeSeries) -> Option<Labels> {
    let mut names: Vec<&str> = series.labels.iter().map(|label| &*label.name).collect();
    names.sort_unstable();
    let valid = !names.contains(&"") && names.windows(2).all(|pair| pair[0] != pair[1]);
    let labels = Labels::from_pairs(series.labels.iter().map(|label| (&*label.name, &*label.value)));
    (valid && !labels.metric().is_empty()).then_some(labels)
}

proptest! {
    #[test]
    fn agrees_with_prost(timeseries in prop::collection::vec(any_series(), 0..5)) {
        let body = request(timeseries.clone());
        let (walked, staged) = walked(&body);
        let (kept, bad): (Vec<_>, Vec<_>) = timeseries.into_iter().partition(|series| expected(series).is_some());
        let points = |all: &[prompb::TimeSeries]| all.iter().map(|s| s.samples.len() + s.histograms.len()).sum::<usize>();
        prop_assert_eq!(walked.items as usize, points(&kept));
        prop_assert_eq!(walked.rejected > 0, !bad.is_empty());
        prop_assert_eq!(walked.kept.is_some(), !bad.is_empty());
        prop_assert_eq!(walked.kept.unwrap_or(body), request(kept.clone()));
        let times = || kept.iter().flat_map(|s| {
            s.samples.iter().map(|s| s.timestamp).chain(s.histograms.iter().map(|h| h.timestamp))
        });
        prop_assert_eq!(walked.time_min_ms, times().min().unwrap_or(0));
        prop_assert_eq!(walked.time_max_ms, times().max().unwrap_or(0));
        let with_samples: Vec<_> = kept.iter().filter(|series| !series.samples.is_empty()).collect();
        prop_assert_eq!(staged.series.len(), with_samples.len());
        for ((staged_series, samples), series) in staged.iter().zip(with_samples) {
            let labels = expected(series).unwrap();
            prop_assert_eq!(staged_series.labels_hash, labels.hash());
            prop_assert_eq!(labels_at(&staged.body, staged_series), labels);
            let bits = |value: f64, at: i64| (value.to_bits(), at);
            let ours: Vec<_> = samples.iter().map(|s| bits(s.value, s.timestamp_ms)).collect();
            let theirs: Vec<_> = series.samples.iter().map(|s| bits(s.value, s.timestamp)).collect();
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn garbage_never_panics(
        timeseries in prop::collection::vec(any_series(), 0..3),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut body = request(timeseries);
        for (at, byte) in edits {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
            }
        }
        let mut staged = StagedSamples::default();
        if walk(body.clone().into(), &Limits::default(), &mut staged).is_ok() {
            staged.iter().for_each(|(series, _)| assert_eq!(labels_at(&body, series).hash(), series.labels_hash));
        }
        let _ = split(&body);
        let _ = splice_snappy(&[&body], &mut Vec::new());
    }
}
