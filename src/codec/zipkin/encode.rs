//! OTLP spans written as Zipkin v2 JSON, by OpenTelemetry's mapping:
//! <https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/zipkin/>.
//!
//! Attributes of the resource become tags; they are written once per resource and copied into each
//! of its spans. A span's own attribute hides the resource's of the same name, and what the mapping
//! itself says (status, scope, dropped counts) hides both.

use super::endpoint::Remote;
use crate::codec::any_value::AnyValue;
use crate::codec::json::{
    not_finite, put_attributes, put_base64, put_double, put_escaped, put_hex, put_integer, put_signed, put_string,
    put_value,
};
use crate::codec::otlp_traces::{EventRef, LinkRef, ResourceRef, ScopeRef, SpanKind, SpanRef, StatusCode, spans};
use crate::codec::proto::ProtoError;

/// What [`encode_otlp_part`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Spans in the array.
    pub spans: u32,
    /// Whether they are the last of the request.
    pub complete: bool,
}

/// Appends the spans of an `ExportTraceServiceRequest` that was walked, as one JSON array; answers
/// how many there are.
///
/// Each span repeats its resource's attributes, so that the array may be many times as long as the
/// request: [`encode_otlp_part`] bounds it.
///
/// # Errors
/// If the request is malformed; `out` is incomplete then.
pub fn encode_otlp(body: &[u8], out: &mut Vec<u8>) -> Result<u32, ProtoError> {
    encode_otlp_part(body, 0, usize::MAX, out).map(|part| part.spans)
}

/// Like [`encode_otlp`], leaving out the first `skip` spans, and all after the array has `bytes_max`
/// bytes: it is longer by one span at most, and has one if any is left.
///
/// # Errors
/// As [`encode_otlp`].
pub fn encode_otlp_part(body: &[u8], skip: u32, bytes_max: usize, out: &mut Vec<u8>) -> Result<Part, ProtoError> {
    let start = out.len();
    out.push(b'[');
    let mut encoder =
        Encoder { out, resource: CachedResource::default(), scope: Cached::default(), scratch: Vec::new(), count: 0 };
    let mut seen = 0u32;
    spans(body, &mut |resource, scope, span| {
        let full = encoder.count > 0 && encoder.out.len() - start >= bytes_max;
        if seen >= skip && !full {
            encoder.span(resource, scope, span);
        }
        seen = seen.saturating_add(1);
    })?;
    let spans = encoder.count;
    out.push(b']');
    Ok(Part { spans, complete: skip.saturating_add(spans) >= seen })
}

/// Tags written once: `,"key":"value"` for each.
#[derive(Default)]
struct Cached {
    index: Option<u32>,
    tags: Vec<u8>,
}

#[derive(Default)]
struct CachedResource<'a> {
    cached: Cached,
    service: Option<&'a str>,
    /// A bit for each hash of a key: an attribute that hits none is not the resource's.
    keys: u64,
    /// A key is one that the mapping may say something else for.
    delicate: bool,
}

struct Encoder<'o, 'a> {
    out: &'o mut Vec<u8>,
    resource: CachedResource<'a>,
    scope: Cached,
    /// JSON that becomes a string in JSON.
    scratch: Vec<u8>,
    count: u32,
}

impl<'a> Encoder<'_, 'a> {
    fn span(&mut self, resource: &ResourceRef<'a>, scope: &ScopeRef<'a>, span: &SpanRef<'a>) {
        if self.resource.cached.index != Some(resource.index) {
            self.cache_resource(resource);
        }
        if self.scope.index != Some(scope.index) {
            self.cache_scope(scope);
        }
        self.out.extend_from_slice(if self.count == 0 { b"{" } else { b",{" });
        self.count = self.count.saturating_add(1);
        self.identity(span);
        self.times(span);
        self.out.extend_from_slice(b",\"localEndpoint\":{\"serviceName\":");
        put_string(self.out, self.resource.service.unwrap_or("unknown_service"));
        self.out.push(b'}');
        self.annotations(span);
        let remote = self.tags(resource, scope, span);
        if matches!(span.kind, SpanKind::Client | SpanKind::Producer) {
            remote.put(self.out);
        }
        self.out.push(b'}');
    }

    fn identity(&mut self, span: &SpanRef<'a>) {
        self.out.extend_from_slice(b"\"traceId\":\"");
        put_hex(self.out, span.trace_id);
        self.out.extend_from_slice(b"\",\"id\":\"");
        put_hex(self.out, span.span_id);
        self.out.push(b'"');
        if span.parent_span_id.iter().any(|byte| *byte != 0) {
            self.out.extend_from_slice(b",\"parentId\":\"");
            put_hex(self.out, span.parent_span_id);
            self.out.push(b'"');
        }
        let kind: &[u8] = match span.kind {
            SpanKind::Client => b",\"kind\":\"CLIENT\"",
            SpanKind::Server => b",\"kind\":\"SERVER\"",
            SpanKind::Producer => b",\"kind\":\"PRODUCER\"",
            SpanKind::Consumer => b",\"kind\":\"CONSUMER\"",
            SpanKind::Unspecified | SpanKind::Internal => b"",
        };
        self.out.extend_from_slice(kind);
        if !span.name.is_empty() {
            self.out.extend_from_slice(b",\"name\":");
            put_string(self.out, span.name);
        }
    }

    /// Microseconds; a span that took any time took at least one.
    fn times(&mut self, span: &SpanRef<'a>) {
        if span.start_ns > 0 {
            self.out.extend_from_slice(b",\"timestamp\":");
            put_integer(self.out, (span.start_ns / 1000).max(1));
        }
        let took = span.end_ns.saturating_sub(span.start_ns);
        if took > 0 && span.start_ns > 0 {
            self.out.extend_from_slice(b",\"duration\":");
            put_integer(self.out, (took / 1000).max(1));
        }
    }

    fn annotations(&mut self, span: &SpanRef<'a>) {
        let mut any = false;
        for event in span.events() {
            self.out.extend_from_slice(if any { b"," } else { b",\"annotations\":[" });
            self.annotation(&event);
            any = true;
        }
        if any {
            self.out.push(b']');
        }
    }

    /// An event: its name, or `"name":{attributes}` if it has some.
    fn annotation(&mut self, event: &EventRef<'a>) {
        self.out.extend_from_slice(b"{\"timestamp\":");
        put_integer(self.out, event.time_ns / 1000);
        self.out.extend_from_slice(b",\"value\":");
        if event.attributes.is_empty() {
            put_string(self.out, event.name);
        } else {
            self.scratch.clear();
            put_string(&mut self.scratch, event.name);
            self.scratch.push(b':');
            put_attributes(&mut self.scratch, event.attributes);
            self.put_scratch();
        }
        self.out.push(b'}');
    }

    /// Appends `scratch` as a JSON string.
    fn put_scratch(&mut self) {
        self.out.push(b'"');
        put_escaped(self.out, &self.scratch);
        self.out.push(b'"');
    }

    /// Appends the tags, in no order that matters; answers the remote endpoint met on the way.
    fn tags(&mut self, resource: &ResourceRef<'a>, scope: &ScopeRef<'a>, span: &SpanRef<'a>) -> Remote<'a> {
        self.out.extend_from_slice(b",\"tags\":{");
        let start = self.out.len();
        let mut remote = Remote::default();
        let mut hides = self.resource.delicate;
        let own = Own::of(scope, span);
        for (key, value) in span.attributes.iter() {
            remote.see(key, value);
            hides |= self.resource.keys & key_bit(key) != 0;
            if !own.says(key, value) {
                put_tag(self.out, &mut self.scratch, key, value);
            }
        }
        if hides {
            for (key, value) in resource.attributes.iter() {
                if key != SERVICE_NAME && !own.says(key, value) && span.attributes.get(key).is_none() {
                    put_tag(self.out, &mut self.scratch, key, value);
                }
            }
        } else {
            self.out.extend_from_slice(&self.resource.cached.tags);
        }
        self.out.extend_from_slice(&self.scope.tags);
        self.own_tags(span);
        if self.out.get(start) == Some(&b',') {
            // Every tag brought a comma; the first has none before it.
            self.out[start - 1..=start].copy_from_slice(b" {");
        }
        self.out.push(b'}');
        remote
    }

    /// What the mapping itself says.
    fn own_tags(&mut self, span: &SpanRef<'a>) {
        match span.status {
            StatusCode::Unset => {}
            StatusCode::Ok => self.out.extend_from_slice(b",\"otel.status_code\":\"OK\""),
            StatusCode::Error => {
                self.out.extend_from_slice(b",\"otel.status_code\":\"ERROR\",\"error\":");
                put_string(self.out, span.status_message);
            }
        }
        for (key, count) in [
            ("otel.dropped_attributes_count", span.dropped_attributes),
            ("otel.dropped_events_count", span.dropped_events),
            ("otel.dropped_links_count", span.dropped_links),
        ] {
            if count > 0 {
                put_tag(self.out, &mut self.scratch, key, AnyValue::Int(i64::from(count)));
            }
        }
        if !span.trace_state.is_empty() {
            put_tag(self.out, &mut self.scratch, "w3c.tracestate", AnyValue::Text(span.trace_state));
        }
        for (index, link) in span.links().enumerate() {
            self.link(index, &link);
        }
    }

    /// `otlp.link.N`: trace id, span id, trace state, attributes, dropped attributes.
    fn link(&mut self, index: usize, link: &LinkRef<'a>) {
        self.scratch.clear();
        put_hex(&mut self.scratch, link.trace_id);
        self.scratch.push(b'|');
        put_hex(&mut self.scratch, link.span_id);
        self.scratch.push(b'|');
        self.scratch.extend_from_slice(link.trace_state.as_bytes());
        self.scratch.push(b'|');
        put_attributes(&mut self.scratch, link.attributes);
        self.scratch.push(b'|');
        put_integer(&mut self.scratch, u64::from(link.dropped_attributes));
        self.out.extend_from_slice(b",\"otlp.link.");
        put_integer(self.out, index as u64);
        self.out.extend_from_slice(b"\":");
        self.put_scratch();
    }

    fn cache_resource(&mut self, resource: &ResourceRef<'a>) {
        let cache = &mut self.resource;
        cache.cached.index = Some(resource.index);
        cache.cached.tags.clear();
        (cache.service, cache.keys, cache.delicate) = (None, 0, false);
        for (key, value) in resource.attributes.iter() {
            if key == SERVICE_NAME {
                cache.service = text(value).filter(|name| !name.is_empty());
            } else {
                cache.keys |= key_bit(key);
                cache.delicate |= is_delicate(key);
                put_tag(&mut cache.cached.tags, &mut self.scratch, key, value);
            }
        }
    }

    fn cache_scope(&mut self, scope: &ScopeRef<'a>) {
        self.scope.index = Some(scope.index);
        self.scope.tags.clear();
        for (keys, text) in [(SCOPE_NAME, scope.name), (SCOPE_VERSION, scope.version)] {
            if !text.is_empty() {
                keys.iter().for_each(|key| {
                    put_tag(&mut self.scope.tags, &mut self.scratch, key, AnyValue::Text(text));
                });
            }
        }
    }
}

const SERVICE_NAME: &str = "service.name";

/// The scope's tags, each under its name and under the deprecated one.
const SCOPE_NAME: [&str; 2] = ["otel.scope.name", "otel.library.name"];
const SCOPE_VERSION: [&str; 2] = ["otel.scope.version", "otel.library.version"];

/// Which tags the mapping itself says for a span.
struct Own {
    error: bool,
    status: bool,
    scope_name: bool,
    scope_version: bool,
    dropped: [bool; 3],
    trace_state: bool,
    links: bool,
}

impl Own {
    fn of(scope: &ScopeRef<'_>, span: &SpanRef<'_>) -> Self {
        Self {
            error: span.status == StatusCode::Error,
            status: span.status != StatusCode::Unset,
            scope_name: !scope.name.is_empty(),
            scope_version: !scope.version.is_empty(),
            dropped: [span.dropped_attributes > 0, span.dropped_events > 0, span.dropped_links > 0],
            trace_state: !span.trace_state.is_empty(),
            links: span.links().next().is_some(),
        }
    }

    /// Whether an attribute is no tag: the mapping says it, or it says `error` is false, which Zipkin
    /// would show as a failure.
    #[inline]
    fn says(&self, key: &str, value: AnyValue<'_>) -> bool {
        if !is_delicate(key) {
            return false;
        }
        match key {
            "error" => self.error || value == AnyValue::Bool(false) || value == AnyValue::Text("false"),
            "otel.status_code" => self.status,
            "otel.scope.name" | "otel.library.name" => self.scope_name,
            "otel.scope.version" | "otel.library.version" => self.scope_version,
            "otel.dropped_attributes_count" => self.dropped[0],
            "otel.dropped_events_count" => self.dropped[1],
            "otel.dropped_links_count" => self.dropped[2],
            "w3c.tracestate" => self.trace_state,
            _ => self.links && key.starts_with("otlp.link."),
        }
    }
}

/// Whether [`Own::says`] may have something to say of `key`.
#[inline]
fn is_delicate(key: &str) -> bool {
    key == "error" || key.starts_with("ot") || key == "w3c.tracestate"
}

#[inline]
fn key_bit(key: &str) -> u64 {
    let bytes = key.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let (middle, last) = (at(bytes.len() / 2), at(bytes.len().wrapping_sub(1)));
    let mixed = bytes.len() + usize::from(middle) * 5 + usize::from(last) * 11;
    1 << (mixed % 64)
}

const fn text(value: AnyValue<'_>) -> Option<&str> {
    match value {
        AnyValue::Text(text) => Some(text),
        _ => None,
    }
}

/// Appends `,"key":"value"`: every value is a string, lists and maps are JSON inside it.
#[inline]
fn put_tag(out: &mut Vec<u8>, scratch: &mut Vec<u8>, key: &str, value: AnyValue<'_>) {
    out.push(b',');
    put_string(out, key);
    out.extend_from_slice(b":\"");
    match value {
        AnyValue::Empty => {}
        AnyValue::Text(text) => put_escaped(out, text.as_bytes()),
        AnyValue::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        AnyValue::Int(number) => put_signed(out, number),
        AnyValue::Double(number) => {
            if !put_double(out, number) {
                out.extend_from_slice(not_finite(number).as_bytes());
            }
        }
        AnyValue::Bytes(bytes) => put_base64(out, bytes),
        AnyValue::Array(_) | AnyValue::Map(_) => {
            scratch.clear();
            put_value(scratch, value);
            put_escaped(out, scratch);
        }
    }
    out.push(b'"');
}
