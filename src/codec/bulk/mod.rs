//! Elasticsearch `_bulk`, as senders write it: pairs of an action line and a source line.
//!
//! [`walk`] reads a request once, in Elasticsearch 8's own terms: a malformed action line refuses the
//! whole request, anything wrong with one document refuses that item, and every item is answered in
//! order under its own action key ([`answer`]). `update` and `delete` are refused item by item: the
//! gateway stores nothing that could be changed. Sources are checked to be JSON objects within limits
//! and otherwise left alone. [`items`] reads the accepted lines again, for the exporter.
//!
//! Differences from Elasticsearch, all to the sender's good: a missing last newline is tolerated, and
//! an `_id` that is too long refuses its item instead of the request.
//!
//! Reading order: [`action`], this file, [`answer`], [`filter`]; [`json`] is the scanner under them.

pub mod action;
pub mod answer;
pub mod filter;
pub mod index_name;
pub mod json;
mod time;

#[cfg(test)]
mod tests;

use std::io::BufRead;

use crate::codec::{DecodeError, DecodeErrorKind, TimeRange, Walked};
use crate::limits::{BULK_ACTIONS_MAX, Limits};
use action::{Action, Op};
use json::{JsonError, JsonProblem, Scanner, Token};

/// Longest `_id` that Elasticsearch takes, in bytes.
const ID_BYTES_MAX: usize = 512;

/// Bytes of a request, borrowed by place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The token this span marks in `body`; `None` if the sender gave none.
    #[must_use]
    pub fn token(self, body: &[u8]) -> Option<Token<'_>> {
        body.get(self.start as usize..self.end as usize).filter(|bytes| !bytes.is_empty()).map(Token)
    }
}

/// Why an item was refused, as its answer says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The item's HTTP status.
    pub status: u16,
    /// Elasticsearch's name for the error.
    pub kind: &'static str,
    /// What is wrong.
    pub reason: String,
}

/// One item of a request, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The action key it is answered under.
    pub key: Op,
    /// Its `_index`, if it names one.
    pub index: Span,
    /// Its `_id`, if it has one.
    pub id: Span,
    /// Why it is not taken; `None` if it is.
    pub refusal: Option<Box<Refusal>>,
}

/// What a walk over a `_bulk` request found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkWalked {
    /// Counts, times and the rewritten request.
    pub walked: Walked,
    /// Every item in order, refused ones included.
    pub items: Vec<Item>,
}

/// Walks a decompressed `_bulk` body; `default_index` is that of `/{index}/_bulk`.
///
/// # Errors
/// If the request as a whole cannot be taken; [`answer::error`] words it as Elasticsearch does.
pub fn walk(body: &[u8], default_index: Option<&str>, limits: &Limits) -> Result<BulkWalked, DecodeError> {
    if u32::try_from(body.len()).is_err() {
        let what = "a bulk request of more than 4 GiB".to_owned();
        return Err(DecodeError { kind: DecodeErrorKind::TooLarge, what, offset: 0 });
    }
    let mut walk = Walk {
        body,
        default_refusal: default_index.and_then(|index| index_name::check(index).err()),
        has_default: default_index.is_some(),
        is_utf8: std::str::from_utf8(body).is_ok(),
        nesting_max: limits.nesting_max,
        last_index: b"",
        times: TimeRange::EMPTY,
        found: BulkWalked::default(),
    };
    let mut at = 0;
    let mut line = 0;
    while at < body.len() {
        line += 1;
        if walk.found.items.len() > BULK_ACTIONS_MAX {
            let what = format!("more than {BULK_ACTIONS_MAX} actions in one bulk request: send smaller ones");
            return Err(DecodeError { kind: DecodeErrorKind::TooLarge, what, offset: at });
        }
        at = walk.pair(at, &mut line)?;
    }
    if walk.found.items.is_empty() {
        return Err(DecodeError::malformed("Validation Failed: 1: no requests added;", 0));
    }
    (walk.found.walked.time_min_ms, walk.found.walked.time_max_ms) = walk.times.bounds();
    Ok(walk.found)
}

struct Walk<'a> {
    body: &'a [u8],
    has_default: bool,
    default_refusal: Option<String>,
    is_utf8: bool,
    nesting_max: usize,
    /// The `_index` token found valid last: most requests name one index over and over.
    last_index: &'a [u8],
    times: TimeRange,
    found: BulkWalked,
}

impl<'a> Walk<'a> {
    /// Reads the action line at `at` and its source; answers where the next pair starts.
    fn pair(&mut self, at: usize, line: &mut usize) -> Result<usize, DecodeError> {
        let rest = &self.body[at..];
        let malformed = |what: String| DecodeError::malformed(what, at);
        let Some((action, read)) = action::parse(rest, *line, self.nesting_max).map_err(malformed)? else {
            return Ok(at + line_len(rest));
        };
        let read = read + rest[read..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        if !matches!(rest.get(read), Some(b'\n') | None) || !self.utf8(&rest[..read]) {
            return Err(malformed(format!(
                "Malformed action/metadata line [{line}], expected a newline after the action or valid UTF-8"
            )));
        }
        if action.index.is_none() && !self.has_default {
            return Err(malformed("Validation Failed: 1: index is missing;".to_owned()));
        }
        let source_at = (at + read + 1).min(self.body.len());
        if action.key == Op::Delete {
            let reason = "[delete] is not supported: the gateway stores nothing that could be deleted".to_owned();
            self.refuse(at, &action, "illegal_argument_exception", reason);
            return Ok(source_at);
        }
        *line += 1;
        let source = self.source(source_at);
        let next = match &source {
            Ok((len, _)) => source_at + len,
            Err(_) => source_at + line_len(&self.body[source_at..]),
        };
        match self.judge(&action, source) {
            Ok(time) => self.accept(at, next, &action, time),
            Err((kind, reason)) => self.refuse(at, &action, kind, reason),
        }
        Ok(next)
    }

    /// Whether the item is taken, and its time.
    fn judge(
        &mut self,
        action: &Action<'a>,
        source: Result<(usize, Option<i64>), String>,
    ) -> Result<Option<i64>, (&'static str, String)> {
        const ARGUMENT: &str = "illegal_argument_exception";
        if action.key == Op::Update {
            let reason = "[update] is not supported: the gateway stores nothing that could be updated";
            return Err((ARGUMENT, reason.to_owned()));
        }
        self.check_index(action).map_err(|reason| ("invalid_index_name_exception", reason))?;
        if let Some(id) = action.id {
            let len = id.text().len();
            if len == 0 {
                return Err((ARGUMENT, "if _id is specified it must not be empty".to_owned()));
            }
            if len > ID_BYTES_MAX {
                let reason = format!("id is too long, must be no longer than 512 bytes but was: {len}");
                return Err((ARGUMENT, reason));
            }
        }
        if action.has_version && (action.op == Op::Create || action.id.is_none()) {
            let reason = "create operations do not support versioning. use index with an _id instead".to_owned();
            return Err(("action_request_validation_exception", reason));
        }
        source.map(|(_, time)| time).map_err(|reason| ("document_parsing_exception", reason))
    }

    fn check_index(&mut self, action: &Action<'a>) -> Result<(), String> {
        match action.index {
            None => self.default_refusal.clone().map_or(Ok(()), Err),
            Some(index) if index.0 == self.last_index => Ok(()),
            Some(index) => {
                index_name::check(&index.text())?;
                self.last_index = index.0;
                Ok(())
            }
        }
    }

    /// Checks the source line at `at`; answers its length with its newline, and the document's time.
    fn source(&self, at: usize) -> Result<(usize, Option<i64>), String> {
        let rest = &self.body[at..];
        if rest.is_empty() {
            return Err("the request ends where the document of the last action should be".to_owned());
        }
        let (len, time) = scan_source(rest, self.nesting_max)
            .map_err(|error| format!("[1:{}] failed to parse: {}", error.at + 1, error.what))?;
        if !self.utf8(&rest[..len]) {
            return Err("failed to parse: invalid UTF-8".to_owned());
        }
        Ok((len, time))
    }

    fn utf8(&self, line: &[u8]) -> bool {
        self.is_utf8 || std::str::from_utf8(line).is_ok()
    }

    fn accept(&mut self, start: usize, end: usize, action: &Action<'a>, time: Option<i64>) {
        let item = self.item(action, None);
        self.found.items.push(item);
        self.found.walked.items += 1;
        if let Some(time) = time {
            self.times.add(time);
        }
        if let Some(kept) = &mut self.found.walked.kept {
            kept.extend_from_slice(&self.body[start..end]);
        }
    }

    fn refuse(&mut self, start: usize, action: &Action<'a>, kind: &'static str, reason: String) {
        let walked = &mut self.found.walked;
        walked.kept.get_or_insert_with(|| self.body[..start].to_vec());
        walked.rejected += 1;
        let index = self.found.items.len();
        walked.first_rejection.get_or_insert_with(|| format!("item {index}: {reason}"));
        let item = self.item(action, Some(Box::new(Refusal { status: 400, kind, reason })));
        self.found.items.push(item);
    }

    fn item(&self, action: &Action<'a>, refusal: Option<Box<Refusal>>) -> Item {
        Item { key: action.key, index: self.span(action.index), id: self.span(action.id), refusal }
    }

    /// Where a token of the body stands in it.
    fn span(&self, token: Option<Token<'a>>) -> Span {
        let Some(token) = token else { return Span::default() };
        let start = token.0.as_ptr().addr() - self.body.as_ptr().addr();
        Span { start: start as u32, end: (start + token.0.len()) as u32 }
    }
}

/// Scans one document with its newline; answers the length and the time of `@timestamp`.
fn scan_source(line: &[u8], nesting_max: usize) -> Result<(usize, Option<i64>), JsonError> {
    let mut scanner = Scanner::new(line, nesting_max);
    let mut time = None;
    scanner.expect(b'{')?;
    let mut first = true;
    while let Some(key) = scanner.key(first)? {
        first = false;
        let value = scanner.value(1)?;
        if key.0 == b"\"@timestamp\"" {
            time = time::millis(value);
        }
    }
    if scanner.peek().is_some() {
        return Err(JsonError { what: JsonProblem::Unexpected, at: scanner.at() });
    }
    Ok(((scanner.at() + 1).min(line.len()), time))
}

/// Length of the line at the start of `rest`, with its newline.
fn line_len(mut rest: &[u8]) -> usize {
    // A slice's `skip_until` is a memchr; it cannot fail.
    rest.skip_until(b'\n').unwrap_or(rest.len())
}

/// One accepted document of a journalled request.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Its action line.
    pub action: Action<'a>,
    /// Its source line, without the newline.
    pub source: &'a [u8],
}

/// The documents of a body that [`walk`] accepted, in order; ends early on bytes that it would not have.
pub fn items(body: &[u8]) -> impl Iterator<Item = Document<'_>> {
    let mut rest = body;
    std::iter::from_fn(move || {
        loop {
            let len = line_len(rest);
            if len == 0 {
                return None;
            }
            let line = &rest[..len];
            rest = &rest[len..];
            let Some((action, _)) = action::parse(line, 0, usize::MAX).ok()? else { continue };
            let (source, after) = rest.split_at(line_len(rest));
            rest = after;
            return Some(Document { action, source: source.strip_suffix(b"\n").unwrap_or(source) });
        }
    })
}

/// What the path and query of a request say for all its items; journalled as the frame's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults<'a> {
    /// The index of `/{index}/_bulk`.
    pub index: Option<&'a str>,
    /// `?pipeline=`.
    pub pipeline: Option<&'a str>,
    /// `?routing=`.
    pub routing: Option<&'a str>,
}

impl<'a> Defaults<'a> {
    /// The context's bytes: the parts, separated by NUL, empty ones at the end left out.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let parts = [self.index, self.pipeline, self.routing].map(Option::unwrap_or_default);
        parts.join("\0").trim_end_matches('\0').as_bytes().to_vec()
    }

    /// Reads what [`Defaults::encode`] wrote.
    #[must_use]
    pub fn decode(context: &'a [u8]) -> Self {
        let mut parts = context.split(|byte| *byte == 0);
        let mut part = || parts.next().and_then(|part| std::str::from_utf8(part).ok()).filter(|part| !part.is_empty());
        Self { index: part(), pipeline: part(), routing: part() }
    }
}
