//! Elasticsearch as a store: journal frames become `_bulk` requests, its answers outcomes.
//!
//! [`Encoder`] writes frames of either log format into a [`Batch`], each document under an `_id` made
//! from its place in the journal ([`id`]), so that a second arrival is a 409 and harmless. OTLP records
//! are written in ECS field names ([`ecs`]); `_bulk` documents keep their bytes, only their action
//! lines are written anew. [`response`] tells what became of each item.
//!
//! Reading order: [`batch`], [`logs`], [`documents`], [`response`]; then [`prefix`] and [`plan`].

pub mod batch;
mod documents;
mod ecs;
pub mod id;
pub(crate) mod json;
mod logs;
mod plan;
mod prefix;
pub mod response;
pub mod target;
mod time;
mod value;

#[cfg(test)]
mod tests;

pub use batch::Batch;

use crate::model::time::Millis;
use id::FrameId;

/// What an [`Encoder`] is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Index or data stream of OTLP records. If it has the form `type-dataset-namespace`, attributes
    /// `data_stream.dataset` and `data_stream.namespace` (record over scope over resource) choose another.
    pub index: String,
    /// Whether documents get an `_id` of ours; some index modes forbid it.
    pub document_ids: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { index: "logs-generic-default".to_owned(), document_ids: true }
    }
}

/// A journal frame to be encoded.
#[derive(Clone, Copy, Debug)]
pub struct FrameInput<'a> {
    /// The caller's number for it, given back in [`batch::BatchItem::frame`].
    pub frame: u32,
    /// Where it was first written.
    pub id: FrameId,
    /// When its request was received: the time of records that have none.
    pub received_at: Millis,
    /// The frame's context: for `_bulk` its [`Defaults`](crate::codec::bulk::Defaults).
    pub context: &'a [u8],
    /// The decompressed payload.
    pub payload: &'a [u8],
    /// The first item to encode; those before it are passed over.
    pub from: u32,
}

/// Writes frames as documents; keeps what it learns of their shapes from one frame to the next.
#[derive(Debug, Default)]
pub struct Encoder {
    options: Options,
    prefix: prefix::Prefix,
    plans: plan::Plans,
    signature: Vec<u8>,
}

impl Encoder {
    /// An encoder that knows no shapes yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }
}

/// Appends `"_id":"…"` with the comma before it, if documents get one.
fn write_id(options: &Options, frame: &FrameInput<'_>, ordinal: u32, out: &mut Vec<u8>) {
    if options.document_ids {
        out.extend_from_slice(b",\"_id\":\"");
        frame.id.write_id(ordinal, 0, out);
        out.push(b'"');
    }
}
