//! Any bytes as a log request: what is kept is valid, and becomes a bulk request, in parts too.

use watchgate::codec::elasticsearch::id::FrameId;
use watchgate::codec::elasticsearch::{Batch, Encoder, FrameInput};
use watchgate::codec::proto::{put_bytes_field, put_fixed64_field, put_varint_field};
use watchgate::codec::{bulk, otlp_logs};
use watchgate::limits::Limits;

const PART_BYTES: usize = 2 << 10;

pub fn fuzz(data: &[u8]) {
    let limits = Limits::default();
    let Ok(walked) = otlp_logs::walk(data, &limits) else { return };
    if let Some(kept) = &walked.kept {
        assert!(kept.len() <= data.len());
        let again = otlp_logs::walk(kept, &limits).expect("what is kept is valid");
        assert_eq!((again.items, again.rejected), (walked.items, 0));
    }
    let payload = walked.kept.as_deref().unwrap_or(data);
    let id = FrameId { segment_id: 1, offset: 2 };
    let mut input = FrameInput { frame: 0, id, received_at: 3, context: b"", payload, from: 0 };
    let (mut encoder, mut whole, mut parts) = (Encoder::default(), Batch::default(), Batch::default());
    assert_eq!(encoder.encode_otlp_logs(&input, usize::MAX, &mut whole), Ok(None));
    assert_eq!(whole.len(), walked.items as usize);
    if whole.is_empty() {
        return;
    }
    let limits = Limits { nesting_max: 2 * limits.nesting_max, ..limits };
    let found = bulk::walk(whole.body(), None, &limits).expect("a bulk request");
    assert_eq!((found.walked.items, found.walked.rejected), (walked.items, 0), "{:?}", found.walked.first_rejection);
    let mut joined = Vec::new();
    loop {
        parts.clear();
        let next = encoder.encode_otlp_logs(&input, PART_BYTES, &mut parts).expect("a walked request");
        joined.extend_from_slice(parts.body());
        let Some(from) = next else { break };
        assert!(from > input.from);
        input.from = from;
    }
    assert_eq!(joined, whole.body());
}

fn message(fields: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    fields(&mut out);
    out
}

fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    message(|out| {
        put_bytes_field(out, 1, key.as_bytes());
        put_bytes_field(out, 2, value);
    })
}

pub fn seeds() -> Vec<Vec<u8>> {
    let text = |text: &str| message(|out| put_bytes_field(out, 1, text.as_bytes()));
    let int = message(|out| put_varint_field(out, 3, u64::MAX));
    let double = message(|out| put_fixed64_field(out, 4, f64::NAN.to_bits()));
    let list = message(|out| put_bytes_field(out, 5, &message(|out| put_bytes_field(out, 1, &int))));
    let pairs = message(|out| {
        for key in ["k", "k.l", "k", ".", "k.value"] {
            put_bytes_field(out, 1, &attribute(key, &list));
        }
    });
    let map = message(|out| put_bytes_field(out, 6, &pairs));
    let record = |number: u8| {
        message(|out| {
            put_fixed64_field(out, 1, 1_700_000_000_000_000_000);
            put_varint_field(out, 2, u64::from(number) * 5);
            put_bytes_field(out, 3, b"INFO");
            put_bytes_field(out, 5, if number % 2 == 0 { &map } else { &int });
            for (key, value) in
                [("a", &double), ("a.b", &map), ("message", &int), ("_id", &list), ("data_stream.dataset", &int)]
            {
                put_bytes_field(out, 6, &attribute(key, value));
            }
            put_bytes_field(out, 9, &[number; 16]);
            put_bytes_field(out, 10, &[number; 8]);
            put_bytes_field(out, 12, "événement \"x\"".as_bytes());
        })
    };
    let scope_logs = message(|out| {
        put_bytes_field(out, 1, &message(|out| put_bytes_field(out, 1, b"logger")));
        (0..4).for_each(|number| put_bytes_field(out, 2, &record(number)));
    });
    let resource = message(|out| {
        put_bytes_field(out, 1, &attribute("service.name", &text("shop")));
        put_bytes_field(out, 1, &attribute("a", &text("hidden")));
        put_bytes_field(out, 1, &attribute("data_stream.dataset", &text("A-b")));
    });
    let resource_logs = message(|out| {
        put_bytes_field(out, 1, &resource);
        put_bytes_field(out, 2, &scope_logs);
    });
    let request = message(|out| put_bytes_field(out, 1, &resource_logs));
    vec![request.repeat(2), request]
}
