//! What Elasticsearch's answer to a `_bulk` request says of each item.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The `filter_path` that leaves of an answer what [`parse`] reads.
pub const FILTER_PATH: &str =
    "errors,items.*.status,items.*.error.type,items.*.error.reason,items.*._index,items.*.failure_store";

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored.
    Delivered,
    /// It was there already, under the same `_id`: an earlier try had arrived.
    Duplicate,
    /// The store is overloaded or failing; the same bytes may succeed later.
    Retry {
        /// The item's status: 429 or 5xx.
        status: u16,
    },
    /// The store blames the document; it will never take it.
    Refused {
        /// The item's status.
        status: u16,
        /// Elasticsearch's name for the error.
        kind: String,
        /// Its reason.
        reason: String,
    },
    /// The store refuses us, or lacks the index: every further item for it will fare alike.
    Paused {
        /// The item's status: 401, 403 or 404.
        status: u16,
        /// The index it is about, as the answer names it; may be empty.
        index: String,
        /// What the store says.
        reason: String,
    },
}

/// A parsed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// One outcome an item, in order; `None` if every item was stored.
    pub outcomes: Option<Vec<Outcome>>,
    /// Items that Elasticsearch took into its failure store: delivered, but not where they belong.
    pub failure_store: u32,
}

/// Why an answer says nothing of the items: the request has to be sent again.
#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    /// It is no `_bulk` answer.
    #[error("the answer is no bulk answer: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It speaks of another number of items than were sent.
    #[error("the answer has {answered} items, {sent} were sent")]
    Count {
        /// Items in the answer.
        answered: usize,
        /// Items in the request.
        sent: usize,
    },
}

/// Reads the body of a 200 answer to a request of `sent` items. Almost every answer says
/// `"errors":false` near its start: then nothing is parsed.
///
/// # Errors
/// If it is no answer to that request.
pub fn parse(body: &[u8], sent: usize) -> Result<Response, ResponseError> {
    let head = &body[..body.len().min(64)];
    let needle = b"\"errors\":false";
    if head.windows(needle.len()).any(|window| window == needle) {
        return Ok(Response { outcomes: None, failure_store: count_failure_store(body) });
    }
    let answer: Answer<'_> = serde_json::from_slice(body)?;
    if !answer.errors {
        return Ok(Response { outcomes: None, failure_store: count_failure_store(body) });
    }
    if answer.items.len() != sent {
        return Err(ResponseError::Count { answered: answer.items.len(), sent });
    }
    let mut failure_store = 0;
    let outcomes = answer.items.iter().map(|entry| {
        let (is_create, result) = match (&entry.create, &entry.index) {
            (Some(result), _) => (true, result),
            (None, Some(result)) => (false, result),
            (None, None) => return Outcome::Retry { status: 0 },
        };
        failure_store += u32::from(result.failure_store.as_deref() == Some("used"));
        outcome(result, is_create)
    });
    let outcomes = outcomes.collect();
    Ok(Response { outcomes: Some(outcomes), failure_store })
}

fn outcome(result: &ItemResult<'_>, is_create: bool) -> Outcome {
    let (kind, reason) = result.error.map_or_else(Default::default, describe);
    match result.status {
        200..=299 => Outcome::Delivered,
        409 if is_create => Outcome::Duplicate,
        408 | 429 | 500..=599 => Outcome::Retry { status: result.status },
        status @ (401 | 403 | 404) => {
            let index = result.index.as_deref().unwrap_or_default().to_owned();
            Outcome::Paused { status, index, reason: format!("{kind}: {reason}") }
        }
        status => Outcome::Refused { status, kind, reason },
    }
}

/// Type and reason of an error, which old stores write as one string.
fn describe(error: &RawValue) -> (String, String) {
    #[derive(Deserialize)]
    struct Described<'a> {
        #[serde(borrow, default, rename = "type")]
        kind: Cow<'a, str>,
        #[serde(borrow, default)]
        reason: Option<Cow<'a, str>>,
    }
    match serde_json::from_str::<Described<'_>>(error.get()) {
        Ok(described) => (described.kind.into_owned(), described.reason.unwrap_or_default().into_owned()),
        Err(_) => ("unknown".to_owned(), error.get().to_owned()),
    }
}

/// Counts `"failure_store":"used"` without parsing (9.1 and later; it comes with a 2xx status).
fn count_failure_store(body: &[u8]) -> u32 {
    let Ok(text) = std::str::from_utf8(body) else { return 0 };
    text.matches("\"failure_store\":\"used\"").count() as u32
}

#[derive(Deserialize)]
struct Answer<'a> {
    errors: bool,
    #[serde(borrow, default)]
    items: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    create: Option<ItemResult<'a>>,
    #[serde(borrow)]
    index: Option<ItemResult<'a>>,
}

#[derive(Deserialize)]
struct ItemResult<'a> {
    #[serde(default)]
    status: u16,
    #[serde(borrow, rename = "_index")]
    index: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    failure_store: Option<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_errors_is_not_parsed() {
        for body in
            [&b"{\"errors\":false"[..], b"{\"took\":30,\"errors\":false,\"items\":[nonsense", b"{\"errors\": false}"]
        {
            assert_eq!(parse(body, 3).unwrap(), Response { outcomes: None, failure_store: 0 });
        }
        let body = br#"{"errors":false,"items":[{"create":{"status":201,"failure_store":"used"}}]}"#;
        assert_eq!(parse(body, 1).unwrap().failure_store, 1);
    }

    #[test]
    fn each_item_gets_what_its_status_means() {
        let item = |op: &str, status: u16| {
            format!(r#"{{"{op}":{{"_index":"i","status":{status},"error":{{"type":"t","reason":"r \"q\""}}}}}}"#)
        };
        let refused = |status| Outcome::Refused { status, kind: "t".into(), reason: "r \"q\"".into() };
        let paused = |status| Outcome::Paused { status, index: "i".into(), reason: "t: r \"q\"".into() };
        let cases = [
            (item("create", 201), Outcome::Delivered),
            (item("index", 200), Outcome::Delivered),
            (item("create", 409), Outcome::Duplicate),
            (item("index", 409), refused(409)),
            (item("create", 429), Outcome::Retry { status: 429 }),
            (item("create", 503), Outcome::Retry { status: 503 }),
            (item("create", 400), refused(400)),
            (item("create", 413), refused(413)),
            (item("create", 401), paused(401)),
            (item("create", 403), paused(403)),
            (item("create", 404), paused(404)),
            (
                r#"{"create":{"status":400,"error":"old words"}}"#.into(),
                Outcome::Refused { status: 400, kind: "unknown".into(), reason: "\"old words\"".into() },
            ),
            ("{}".into(), Outcome::Retry { status: 0 }),
        ];
        let items: Vec<_> = cases.iter().map(|(item, _)| item.as_str()).collect();
        let body = format!(r#"{{"errors":true,"took":1,"items":[{}]}}"#, items.join(","));
        let wanted: Vec<_> = cases.iter().map(|(_, outcome)| outcome.clone()).collect();
        assert_eq!(parse(body.as_bytes(), cases.len()).unwrap().outcomes, Some(wanted));
    }

    #[test]
    fn an_answer_to_something_else_is_an_error() {
        assert!(matches!(parse(b"<html>", 1), Err(ResponseError::Malformed(_))));
        let body = br#"{"errors":true,"items":[{"create":{"status":201}}]}"#;
        assert!(matches!(parse(body, 2), Err(ResponseError::Count { answered: 1, sent: 2 })));
    }
}
