//! Any bytes as a metrics request: what is written is a write request that the gateway itself accepts whole.

use watchgate::codec::otlp_metrics::{self, Settings, Strategy};
use watchgate::codec::proto::{put_bytes_field, put_fixed64_field, put_varint_field};
use watchgate::codec::remote_write;
use watchgate::limits::Limits;
use watchgate::model::sample::StagedSamples;

pub fn fuzz(data: &[u8]) {
    // far below the limit of a real gateway, so that crossing it is tried too
    let limits = Limits { request_bytes_max: 1 << 20, ..Limits::default() };
    for (_, strategy) in Strategy::ALL {
        let settings = Settings {
            strategy,
            promote_resource_attributes: vec!["a".into()],
            promote_scope_metadata: true,
            ..Settings::default()
        };
        let mut direct = StagedSamples::default();
        let Ok(found) = otlp_metrics::walk(data, &settings, &limits, &mut direct) else { continue };
        assert!(direct.body.len() as u64 <= limits.request_bytes_max);
        assert_eq!(found.kept, None);
        assert_eq!(found.rejected > 0, found.first_rejection.is_some());
        let mut again = StagedSamples::default();
        let walked = remote_write::walk(direct.body.clone(), &limits, &mut again).expect("a write request");
        assert_eq!((walked.items, walked.rejected), (found.items, 0), "{:?}", walked.first_rejection);
        assert_eq!(direct.series, again.series);
        for (one, other) in direct.samples.iter().zip(&again.samples) {
            assert_eq!((one.timestamp_ms, one.value.to_bits()), (other.timestamp_ms, other.value.to_bits()));
        }
    }
}

fn message(fields: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    fields(&mut out);
    out
}

fn attribute(key: &str, field: u32, value: &[u8]) -> Vec<u8> {
    message(|out| {
        put_bytes_field(out, 1, key.as_bytes());
        put_bytes_field(out, 2, &message(|out| put_bytes_field(out, field, value)));
    })
}

fn exemplar() -> Vec<u8> {
    message(|out| {
        put_fixed64_field(out, 2, 1_700_000_000_000_000_000);
        put_fixed64_field(out, 3, 1.5f64.to_bits());
        put_bytes_field(out, 4, &[7; 8]);
        put_bytes_field(out, 5, &[9; 16]);
        put_bytes_field(out, 7, &attribute("user", 1, b"u"));
    })
}

/// A data point: attributes at one field, what else at others.
fn point(attributes: u32, fields: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    message(|out| {
        let list = message(|out| put_bytes_field(out, 1, &message(|out| put_varint_field(out, 3, u64::MAX))));
        for (key, field, value) in [("a.b", 1, &b"v"[..]), ("a_b", 1, b"w"), ("a", 5, &list), ("le", 7, b"\0\xff")] {
            put_bytes_field(out, attributes, &attribute(key, field, value));
        }
        put_fixed64_field(out, 3, 1_700_000_000_000_000_000);
        fields(out);
    })
}

fn metric(name: &str, data: u32, point: &[u8]) -> Vec<u8> {
    message(|out| {
        put_bytes_field(out, 1, name.as_bytes());
        put_bytes_field(out, 3, b"By/s");
        let data_of = message(|out| {
            put_bytes_field(out, 1, point);
            put_bytes_field(out, 1, point);
            put_varint_field(out, 2, 2);
            put_varint_field(out, 3, 1);
        });
        put_bytes_field(out, data, &data_of);
    })
}

pub fn seeds() -> Vec<Vec<u8>> {
    let double = |number: f64| number.to_bits().to_le_bytes();
    let number = point(7, |out| {
        put_fixed64_field(out, 4, 2.5f64.to_bits());
        put_bytes_field(out, 5, &exemplar());
        put_varint_field(out, 8, 0);
    });
    let histogram = point(9, |out| {
        put_fixed64_field(out, 4, 6);
        put_fixed64_field(out, 5, 3.5f64.to_bits());
        put_bytes_field(out, 6, &[1u64, 2, 3].map(u64::to_le_bytes).concat());
        put_bytes_field(out, 7, &[double(0.5), double(5.0)].concat());
        put_bytes_field(out, 8, &exemplar());
    });
    let exponential = point(1, |out| {
        put_fixed64_field(out, 4, 37);
        put_fixed64_field(out, 5, 3.5f64.to_bits());
        put_varint_field(out, 6, 20);
        let buckets = message(|out| {
            put_varint_field(out, 1, 5);
            put_bytes_field(out, 2, &[10, 0, 0, 20, 5, 2]);
        });
        put_bytes_field(out, 8, &buckets);
        put_bytes_field(out, 11, &exemplar());
    });
    let summary = point(7, |out| {
        put_fixed64_field(out, 4, 6);
        put_fixed64_field(out, 5, 3.5f64.to_bits());
        let quantile = message(|out| {
            put_fixed64_field(out, 1, 0.99f64.to_bits());
            put_fixed64_field(out, 2, 7.5f64.to_bits());
        });
        put_bytes_field(out, 6, &quantile);
    });
    let scope_metrics = message(|out| {
        let scope = message(|out| {
            put_bytes_field(out, 1, b"lib");
            put_bytes_field(out, 3, &attribute("k", 1, b"v"));
        });
        put_bytes_field(out, 1, &scope);
        for (name, data, point) in [
            ("room.temperature", 5, &number),
            ("total.requests", 7, &number),
            ("duration", 9, &histogram),
            ("size", 10, &exponential),
            ("wait", 11, &summary),
        ] {
            put_bytes_field(out, 2, &metric(name, data, point));
        }
    });
    let resource = message(|out| {
        for key in ["service.name", "service.instance.id", "host.name", "a"] {
            put_bytes_field(out, 1, &attribute(key, 1, b"x"));
        }
    });
    let resource_metrics = message(|out| {
        put_bytes_field(out, 1, &resource);
        put_bytes_field(out, 2, &scope_metrics);
    });
    let request = message(|out| put_bytes_field(out, 1, &resource_metrics));
    vec![request.repeat(2), request]
}
