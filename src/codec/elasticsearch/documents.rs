//! `_bulk` documents on their way on: sources copied, action lines written anew.
//!
//! A document keeps its index, routing, pipeline and whatever else its action line says. It becomes a
//! `create` with our `_id`, unless the sender gave one of its own: then that stays, and so does `index`,
//! since overwriting is what was asked for, except towards a data stream, which takes `create` only.
//! A document for a data stream that has no `@timestamp` anywhere gets the time its request was
//! received: the store would refuse it, and its sender has long been told 201.

use std::borrow::Cow;

use super::batch::Batch;
use super::json::write_string;
use super::time::write_nanos;
use super::{Encoder, FrameInput, target, write_id};
use crate::codec::bulk::action::{Op, write_carried};
use crate::codec::bulk::json::Token;
use crate::codec::bulk::{Defaults, Document, items};

impl Encoder {
    /// Appends the documents of a journalled `_bulk` request until the batch has `bytes_max` bytes; at
    /// least one if the batch was empty. Answers the ordinal to go on from, `None` at the end.
    pub fn encode_bulk(&mut self, frame: &FrameInput<'_>, bytes_max: usize, batch: &mut Batch) -> Option<u32> {
        let defaults = Defaults::decode(frame.context);
        for (ordinal, document) in (0u32..).zip(items(frame.payload)) {
            if ordinal < frame.from {
                continue;
            }
            if !batch.is_empty() && batch.body().len() >= bytes_max {
                return Some(ordinal);
            }
            self.document(frame, ordinal, &document, &defaults, batch.buffer());
            batch.finish(frame.frame, ordinal);
        }
        None
    }

    fn document(
        &self,
        frame: &FrameInput<'_>,
        ordinal: u32,
        document: &Document<'_>,
        defaults: &Defaults<'_>,
        out: &mut Vec<u8>,
    ) {
        let action = &document.action;
        let index = match (action.index, defaults.index) {
            (Some(index), _) => index.text(),
            (None, Some(index)) => Cow::Borrowed(index),
            (None, None) => Cow::Borrowed(self.options.index.as_str()),
        };
        let is_data_stream = target::is_data_stream(&index);
        let overwrites = action.op == Op::Index && action.id.is_some() && (!is_data_stream || action.has_version);
        out.extend_from_slice(if overwrites { b"{\"index\":{\"_index\":" } else { b"{\"create\":{\"_index\":" });
        write_string(index.as_bytes(), out);
        match action.id {
            Some(id) => write_member(b",\"_id\":", id, out),
            None => write_id(&self.options, frame, ordinal, out),
        }
        if action.has_extra {
            write_carried(action.parameters, out);
        }
        let fallbacks = [
            (&b",\"pipeline\":"[..], defaults.pipeline.filter(|_| !action.has_pipeline)),
            (b",\"routing\":", defaults.routing.filter(|_| !action.has_routing)),
        ];
        for (name, value) in fallbacks {
            if let Some(value) = value {
                out.extend_from_slice(name);
                write_string(value.as_bytes(), out);
            }
        }
        out.extend_from_slice(b"}}\n");
        write_source(document.source, is_data_stream.then_some(frame.received_at), out);
        out.push(b'\n');
    }
}

fn write_member(name: &[u8], value: Token<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    value.write_string(out);
}

/// Copies a source; `received_at` is given if it has to have a time.
fn write_source(source: &[u8], received_at: Option<i64>, out: &mut Vec<u8>) {
    let Some(received_at) = received_at.filter(|_| !names_timestamp(source)) else {
        return out.extend_from_slice(source);
    };
    let Some(brace) = source.iter().position(|byte| *byte == b'{') else {
        return out.extend_from_slice(source);
    };
    let inside = &source[brace + 1..];
    out.extend_from_slice(b"{\"@timestamp\":");
    write_nanos(u64::try_from(received_at).unwrap_or(0).saturating_mul(1_000_000), out);
    if inside.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'}') {
        out.push(b',');
    }
    out.extend_from_slice(inside);
}

/// Whether `@timestamp` occurs in the source at all. Where it does, but not as a field of the document
/// itself, the store decides. (Eight bytes are what the standard library looks for with SIMD.)
fn names_timestamp(source: &[u8]) -> bool {
    source.starts_with(b"{\"@timestamp\"") || std::str::from_utf8(source).is_ok_and(|text| text.contains("@timesta"))
}
