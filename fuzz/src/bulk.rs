//! Any bytes as a bulk request: serde agrees what JSON is, what is kept is valid, every item is
//! answered, and what is handed on is a bulk request of the same documents.

use serde::de::IgnoredAny;
use watchgate::codec::bulk::{self, answer};
use watchgate::codec::elasticsearch::id::FrameId;
use watchgate::codec::elasticsearch::{Batch, Encoder, FrameInput, response};
use watchgate::limits::Limits;

pub fn fuzz(data: &[u8]) {
    let limits = Limits::default();
    let index = Some("logs-fuzz-default");
    let _ = response::parse(data, 2);
    let found = match bulk::walk(data, index, &limits) {
        Ok(found) => found,
        Err(error) => {
            serde_json::from_slice::<IgnoredAny>(&answer::error(&error)).expect("an error is JSON");
            return;
        }
    };
    let frame = FrameId { segment_id: 1, offset: 2 };
    let context = answer::Context { body: data, default_index: index, frame: Some(frame), took_ms: 1, filter: None };
    let answered = answer::answer(&found, &context);
    let answered: serde_json::Value = serde_json::from_slice(&answered).expect("an answer is JSON");
    assert_eq!(answered["items"].as_array().map(Vec::len), Some(found.items.len()));

    let payload = found.walked.kept.as_deref().unwrap_or(data);
    assert!(payload.len() <= data.len());
    for document in bulk::items(payload) {
        serde_json::from_slice::<IgnoredAny>(document.source).expect("a source is JSON");
    }
    let context = b"logs-fuzz-default";
    let input = FrameInput { frame: 0, id: frame, received_at: 3, context, payload, from: 0 };
    let mut batch = Batch::default();
    assert_eq!(Encoder::default().encode_bulk(&input, usize::MAX, &mut batch), None);
    assert_eq!(batch.len(), found.walked.items as usize);
    if !batch.is_empty() {
        let again = bulk::walk(batch.body(), None, &limits).expect("a bulk request").walked;
        assert_eq!((again.items, again.rejected), (found.walked.items, 0), "{:?}", again.first_rejection);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let body = concat!(
        "{\"index\":{}}\n{\"@timestamp\":\"2026-11-22T20:15:30.123Z\",\"a\":[1,-0.5e3,{\"b\":null}]}\n",
        "\n{\"create\":{\"_index\":\"o\\u0074her\",\"_id\":\"a\\\"b\",\"routing\":\"r\",\"dynamic_templates\":{\"a\":\"t\"}}}\r\n{ }\r\n",
        "{\"delete\":{\"_index\":\"other\",\"_id\":\"1\"}}\n{\"update\":{\"_id\":1}}\n{\"doc\":{}}\n",
        "{\"create\":{\"_index\":\"Bad\"}}\n{}\n{\"create\":{}}\n{\"a\":\n",
        "{\"index\":{\"_index\":\"i\",\"_id\":7,\"version\":3,\"op_type\":\"index\"}}\n{\"x\":\"é\"}",
    );
    let answer =
        r#"{"errors":true,"items":[{"create":{"status":400,"error":{"type":"t","reason":"r"}}},{"index":{}}]}"#;
    vec![body.as_bytes().to_vec(), answer.as_bytes().to_vec()]
}
