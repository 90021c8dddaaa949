//! Any bytes as a `WriteRequest`: what is kept is valid, what is staged is bounded and readable.

use bytes::Bytes;
use watchgate::codec::compression::{decompress, snappy};
use watchgate::codec::remote_write::{encode, labels_at, splice_snappy, split, walk};
use watchgate::limits::Limits;
use watchgate::model::labels::Labels;
use watchgate::model::sample::{STALE_NAN, Sample, StagedSamples};
use watchgate::model::signal::Encoding;

pub fn fuzz(data: &[u8]) {
    let (limits, mut staged) = (Limits::default(), StagedSamples::default());
    if let Ok(walked) = walk(Bytes::copy_from_slice(data), &limits, &mut staged) {
        assert!(staged.samples.len() * size_of::<Sample>() <= (1 << 20) + 2 * data.len());
        assert!(staged.samples.len() <= walked.items as usize);
        for (series, samples) in staged.iter() {
            assert!(!samples.is_empty());
            assert_eq!(labels_at(data, series).hash(), series.labels_hash);
        }
        if let Some(kept) = walked.kept {
            assert!(kept.len() < data.len());
            let again = walk(kept.into(), &limits, &mut staged).expect("what is kept is valid");
            assert_eq!((again.items, again.rejected, again.kept), (walked.items, 0, None));
        }
    }
    if let Ok(Some([first, second])) = split(data) {
        assert!(first.body.len() + second.body.len() <= 2 * data.len(), "both halves carry a single series' labels");
        assert!(split(&first.body).is_ok() && split(&second.body).is_ok());
    }
    let body = Bytes::copy_from_slice(data);
    let mut joined = Vec::new();
    if let Ok(plain) = decompress(Encoding::Snappy, &body, 1 << 20) {
        splice_snappy(&[data, data], &mut joined).expect("two snappy blocks");
        let both = decompress(Encoding::Snappy, &joined.into(), 2 << 20).expect("spliced blocks are one");
        assert_eq!(both, [&plain[..], &plain].concat());
    } else {
        let _ = splice_snappy(&[data, data], &mut joined);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let series: Vec<(Labels, Vec<Sample>)> = (0..4)
        .map(|number| {
            let name = format!("metric_{number}");
            let labels = Labels::from_pairs([("__name__", &*name), ("job", "é"), ("z", "")]);
            let sample = |at: i64| Sample { timestamp_ms: 1_700_000_000_000 + at, value: at as f64 };
            let stale = Sample { timestamp_ms: -1, value: STALE_NAN };
            (labels, (0..number).map(sample).chain([stale]).collect())
        })
        .collect();
    let mut request = Vec::new();
    encode(series.iter().map(|(labels, samples)| (labels, &samples[..])), &mut request);
    let mut packed = Vec::new();
    snappy(&request, &mut packed).expect("less than 4 GiB");
    let histogram_exemplar_metadata = b"\x0a\x26\x0a\x0d\x0a\x08__name__\x12\x01h\x1a\x0d\x0a\x06\x0a\x01a\x12\x01b\x18\x05\x22\x00\x22\x04\x78\x07\x40\x01\x1a\x04\x08\x01\x12\x00";
    vec![request, packed, histogram_exemplar_metadata.to_vec()]
}
