//! The answer to a `_bulk` request: one entry an item, in order, under the item's own action key.

use std::io::Write;

use super::action::Op;
use super::filter::FilterPath;
use super::{BulkWalked, Item, Refusal};
use crate::codec::elasticsearch::id::FrameId;
use crate::codec::elasticsearch::json;
use crate::codec::{DecodeError, DecodeErrorKind};

/// What an answer is made from, beside the walk.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The request as received (not the rewritten one).
    pub body: &'a [u8],
    /// The index of `/{index}/_bulk`.
    pub default_index: Option<&'a str>,
    /// Where the journal put the frame: the `_id`s that the exporter will give follow from it. `None`
    /// if nothing was journalled, because every item was refused.
    pub frame: Option<FrameId>,
    /// Milliseconds that the request took.
    pub took_ms: u64,
    /// The request's `filter_path`, if any.
    pub filter: Option<&'a FilterPath>,
}

/// The JSON body of a 200 answer.
#[must_use]
pub fn answer(found: &BulkWalked, context: &Context<'_>) -> Vec<u8> {
    let wanted = Op::ALL.map(|op| Wanted::new(op, context.filter));
    let top = |name| context.filter.is_none_or(|filter| filter.wants(&[name]));
    let mut out = Vec::with_capacity(64 + found.items.len() * 192);
    out.push(b'{');
    if top("errors") {
        let _ = write!(out, "\"errors\":{}", found.walked.rejected > 0);
    }
    if top("took") {
        comma(&mut out);
        let _ = write!(out, "\"took\":{}", context.took_ms);
    }
    let mut accepted = 0;
    let mut is_first = true;
    for item in &found.items {
        let wanted = &wanted[item.key as usize];
        let ordinal = accepted;
        accepted += u32::from(item.refusal.is_none());
        if !wanted.any(item.refusal.is_some()) {
            continue;
        }
        if is_first {
            comma(&mut out);
            out.extend_from_slice(b"\"items\":[");
            is_first = false;
        }
        comma(&mut out);
        write_item(item, ordinal, wanted, context, &mut out);
    }
    if !is_first {
        out.push(b']');
    }
    out.push(b'}');
    out
}

/// The JSON body that refuses a whole request, with the type Elasticsearch gives it.
#[must_use]
pub fn error(error: &DecodeError) -> Vec<u8> {
    let kind = match error.kind {
        _ if error.what.starts_with("Validation Failed") => "action_request_validation_exception",
        DecodeErrorKind::TooLarge => "content_too_long_exception",
        DecodeErrorKind::Malformed | DecodeErrorKind::TooDeep => "illegal_argument_exception",
    };
    let status = if error.kind == DecodeErrorKind::TooLarge { 413 } else { 400 };
    error_body(status, kind, &error.what)
}

/// An error answer of Elasticsearch's own shape, for whatever refuses a whole request.
#[must_use]
pub fn error_body(status: u16, kind: &str, reason: &str) -> Vec<u8> {
    let cause = serde_json::json!({ "type": kind, "reason": reason });
    let mut error = cause.clone();
    error["root_cause"] = serde_json::json!([cause]);
    serde_json::json!({ "error": error, "status": status }).to_string().into_bytes()
}

/// What a filter leaves of the items of one action key; decided once an answer.
struct Wanted {
    op: Op,
    index: bool,
    id: bool,
    status: bool,
    error_type: bool,
    error_reason: bool,
    /// What every accepted item ends with.
    accepted_tail: Vec<u8>,
}

impl Wanted {
    fn new(op: Op, filter: Option<&FilterPath>) -> Self {
        let wants = |path: &[&str]| {
            let whole = [&["items", op.name()], path].concat();
            filter.is_none_or(|filter| filter.wants(&whole))
        };
        let mut tail = Vec::new();
        let add = |tail: &mut Vec<u8>, name: &str, text: &[u8]| {
            if wants(&[name]) {
                comma_unless_empty(tail);
                tail.extend_from_slice(text);
            }
        };
        add(&mut tail, "_version", b"\"_version\":1");
        add(&mut tail, "result", b"\"result\":\"created\"");
        let shards = ["total", "successful", "failed"].map(|name| wants(&["_shards", name]));
        if shards.contains(&true) {
            let counts: Vec<&str> = [("\"total\":1"), ("\"successful\":1"), ("\"failed\":0")]
                .into_iter()
                .zip(shards)
                .filter_map(|(text, wanted)| wanted.then_some(text))
                .collect();
            comma_unless_empty(&mut tail);
            let _ = write!(tail, "\"_shards\":{{{}}}", counts.join(","));
        }
        add(&mut tail, "_seq_no", b"\"_seq_no\":0");
        add(&mut tail, "_primary_term", b"\"_primary_term\":1");
        add(&mut tail, "status", b"\"status\":201");
        Self {
            op,
            index: wants(&["_index"]),
            id: wants(&["_id"]),
            status: wants(&["status"]),
            error_type: wants(&["error", "type"]),
            error_reason: wants(&["error", "reason"]),
            accepted_tail: tail,
        }
    }

    /// Whether anything is left of an item.
    const fn any(&self, is_refused: bool) -> bool {
        let own = if is_refused {
            self.status || self.error_type || self.error_reason
        } else {
            !self.accepted_tail.is_empty()
        };
        own || self.index || self.id
    }
}

fn write_item(item: &Item, ordinal: u32, wanted: &Wanted, context: &Context<'_>, out: &mut Vec<u8>) {
    let _ = write!(out, "{{\"{}\":{{", wanted.op.name());
    if wanted.index {
        out.extend_from_slice(b"\"_index\":");
        match item.index.token(context.body) {
            Some(index) => index.write_string(out),
            None => write_text(context.default_index.unwrap_or_default(), out),
        }
    }
    if wanted.id {
        comma(out);
        out.extend_from_slice(b"\"_id\":");
        match (item.id.token(context.body), context.frame) {
            (Some(id), _) => id.write_string(out),
            (None, Some(frame)) if item.refusal.is_none() => {
                out.push(b'"');
                frame.write_id(ordinal, 0, out);
                out.push(b'"');
            }
            (None, _) => out.extend_from_slice(b"null"),
        }
    }
    if let Some(refusal) = &item.refusal {
        write_refusal(refusal, wanted, out);
    } else if !wanted.accepted_tail.is_empty() {
        comma(out);
        out.extend_from_slice(&wanted.accepted_tail);
    }
    out.extend_from_slice(b"}}");
}

fn write_refusal(refusal: &Refusal, wanted: &Wanted, out: &mut Vec<u8>) {
    if wanted.status {
        comma(out);
        let _ = write!(out, "\"status\":{}", refusal.status);
    }
    if wanted.error_type || wanted.error_reason {
        comma(out);
        out.extend_from_slice(b"\"error\":{");
        if wanted.error_type {
            let _ = write!(out, "\"type\":\"{}\"", refusal.kind);
        }
        if wanted.error_reason {
            comma(out);
            out.extend_from_slice(b"\"reason\":");
            write_text(&refusal.reason, out);
        }
        out.push(b'}');
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    json::write_string(text.as_bytes(), out);
}

/// A comma, unless this is the first member of its object or array.
fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
}

fn comma_unless_empty(out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b',');
    }
}
