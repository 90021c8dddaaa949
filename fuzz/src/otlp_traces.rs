//! Any bytes as a trace request: what is kept is valid, and becomes JSON that Zipkin takes, in parts.

use watchgate::codec::proto::{put_bytes_field, put_fixed64_field, put_varint_field};
use watchgate::codec::{otlp_traces, zipkin};
use watchgate::limits::Limits;

const PART_BYTES: usize = 4 << 10;

pub fn fuzz(data: &[u8]) {
    let limits = Limits::default();
    let Ok(walked) = otlp_traces::walk(data, &limits) else { return };
    if let Some(kept) = &walked.kept {
        assert!(kept.len() <= data.len());
        let again = otlp_traces::walk(kept, &limits).expect("what is kept is valid");
        assert_eq!((again.items, again.rejected), (walked.items, 0));
    }
    let body = walked.kept.as_deref().unwrap_or(data);
    let mut done = 0;
    loop {
        let mut out = Vec::new();
        let part = zipkin::encode_otlp_part(body, done, PART_BYTES, &mut out).expect("a walked request");
        // One span may be as long as the request, each of its bytes as `\\u0000` in JSON in JSON.
        assert!(out.len() <= PART_BYTES + 1024 + body.len() * 14, "{} from {}", out.len(), body.len());
        let json = zipkin::walk(&out, &limits).expect("what is encoded is JSON");
        assert_eq!((json.items, json.rejected), (part.spans, 0), "{:?}", json.first_rejection);
        done += part.spans;
        if part.complete {
            break;
        }
        assert!(part.spans > 0);
    }
    assert_eq!(done, walked.items);
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
    let map = message(|out| put_bytes_field(out, 6, &message(|out| put_bytes_field(out, 1, &attribute("k", &list)))));
    let span = |number: u8| {
        message(|out| {
            put_bytes_field(out, 1, &[number + 1; 16]);
            put_bytes_field(out, 2, &[number + 1; 8]);
            put_bytes_field(out, 3, b"a=b");
            put_bytes_field(out, 4, &[7; 8]);
            put_bytes_field(out, 5, "spän \"x\"".as_bytes());
            put_varint_field(out, 6, u64::from(number % 6));
            put_fixed64_field(out, 7, 1_700_000_000_000_000_000);
            put_fixed64_field(out, 8, 1_700_000_000_000_000_500);
            for (key, value) in [("server.address", text("1.2.3.4")), ("error", int.clone()), ("d", double.clone())] {
                put_bytes_field(out, 9, &attribute(key, &value));
            }
            put_bytes_field(out, 9, &attribute("map", &map));
            put_bytes_field(out, 11, &message(|out| put_bytes_field(out, 3, &attribute("e", &list))));
            put_bytes_field(
                out,
                13,
                &message(|out| {
                    put_bytes_field(out, 1, &[9; 16]);
                    put_bytes_field(out, 2, &[9; 8]);
                }),
            );
            put_varint_field(out, 12, 3);
            put_bytes_field(out, 15, &message(|out| put_varint_field(out, 3, u64::from(number % 3))));
        })
    };
    let scope_spans = message(|out| {
        put_bytes_field(out, 1, &message(|out| put_bytes_field(out, 1, b"scope")));
        (0..4).for_each(|number| put_bytes_field(out, 2, &span(number)));
    });
    let resource = message(|out| {
        put_bytes_field(out, 1, &attribute("service.name", &text("shop")));
        put_bytes_field(out, 1, &attribute("map", &text("hidden")));
    });
    let resource_spans = message(|out| {
        put_bytes_field(out, 1, &resource);
        put_bytes_field(out, 2, &scope_spans);
    });
    let request = message(|out| put_bytes_field(out, 1, &resource_spans));
    vec![request.repeat(2), request]
}
