//! OTLP log records as documents in ECS field names.

use std::io::Write;
use std::ops::ControlFlow;

use super::batch::Batch;
use super::json::{write_base64, write_hex, write_int, write_string};
use super::plan::{Pairs, Plan, own, sign};
use super::time::write_nanos;
use super::value::write_value;
use super::{Encoder, FrameInput, ecs, target, write_id};
use crate::codec::any_value::AnyValue;
use crate::codec::otlp_logs::{LogRef, logs};
use crate::codec::proto::ProtoError;

impl Encoder {
    /// Appends the records of an `ExportLogsServiceRequest` until the batch has `bytes_max` bytes; at
    /// least one record if the batch was empty. Answers the ordinal to go on from, `None` at the end.
    ///
    /// # Errors
    /// If the payload is malformed; the records before the mistake are in the batch.
    pub fn encode_otlp_logs(
        &mut self,
        frame: &FrameInput<'_>,
        bytes_max: usize,
        batch: &mut Batch,
    ) -> Result<Option<u32>, ProtoError> {
        let routes = target::is_data_stream(&self.options.index);
        let (mut ordinal, mut next, mut group) = (0, None, None);
        let mut pairs = Pairs::new();
        logs(frame.payload, &mut |resource, scope, record| {
            let this = ordinal;
            ordinal += 1;
            if this < frame.from {
                return ControlFlow::Continue(());
            }
            if !batch.is_empty() && batch.body().len() >= bytes_max {
                next = Some(this);
                return ControlFlow::Break(());
            }
            let numbers = Some((resource.index, scope.index));
            if group != numbers {
                self.prefix.fill(resource, scope, routes);
                group = numbers;
            }
            self.record(frame, this, record, &mut pairs, batch);
            ControlFlow::Continue(())
        })?;
        Ok(next)
    }

    fn record<'a>(
        &mut self,
        frame: &FrameInput<'_>,
        ordinal: u32,
        record: &LogRef<'a>,
        pairs: &mut Pairs<'a>,
        batch: &mut Batch,
    ) {
        let own = own_fields(record);
        let (dataset, namespace) = sign(own, &self.prefix, record.attributes, pairs, &mut self.signature);
        let plan = self.plans.of(&self.signature, &self.prefix, pairs);
        let out = batch.buffer();
        out.extend_from_slice(b"{\"create\":{\"_index\":\"");
        let dataset = dataset.or(self.prefix.dataset.as_deref());
        let namespace = namespace.or(self.prefix.namespace.as_deref());
        match (dataset, namespace) {
            (None, None) => out.extend_from_slice(self.options.index.as_bytes()),
            _ if self.prefix.routes() => target::write(&self.options.index, dataset, namespace, out),
            _ => out.extend_from_slice(self.options.index.as_bytes()),
        }
        out.push(b'"');
        write_id(&self.options, frame, ordinal, out);
        out.extend_from_slice(b"}}\n{\"@timestamp\":");
        let received_ns = u64::try_from(frame.received_at).unwrap_or(0).saturating_mul(1_000_000);
        write_nanos(record.best_time_ns().unwrap_or(received_ns), out);
        write_own_fields(record, out);
        match &plan.prefix {
            None => out.extend_from_slice(self.prefix.text()),
            Some(fragments) => {
                for (field, fragment) in self.prefix.fields().iter().zip(fragments) {
                    if let Some(fragment) = fragment {
                        out.extend_from_slice(plan.fragment(fragment));
                        out.extend_from_slice(self.prefix.value(field));
                    }
                }
            }
        }
        write_attributes(pairs, plan, out);
        out.extend_from_slice(b"}\n");
        batch.finish(frame.frame, ordinal);
    }
}

fn write_attributes(pairs: &Pairs<'_>, plan: &Plan, out: &mut Vec<u8>) {
    for (&(_, value), fragment) in pairs.iter().zip(&plan.attributes) {
        if let Some(fragment) = fragment {
            out.extend_from_slice(plan.fragment(fragment));
            write_value(value, 0, out);
        }
    }
}

/// `log.level`: the source's own words, else the number's range.
const fn level<'a>(record: &LogRef<'a>) -> &'a str {
    if record.severity_text.is_empty() { ecs::level(record.severity_number) } else { record.severity_text }
}

/// Which fields the record fills by itself; [`write_own_fields`] writes exactly these.
fn own_fields(record: &LogRef<'_>) -> u8 {
    let body = match record.body {
        None | Some(AnyValue::Empty) => 0,
        Some(AnyValue::Array(_) | AnyValue::Map(_)) => own::BODY,
        Some(_) => own::MESSAGE,
    };
    let set = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    body | set(!level(record).is_empty(), own::LEVEL)
        | set(!record.trace_id.is_empty(), own::TRACE)
        | set(!record.span_id.is_empty(), own::SPAN)
        | set(record.severity_number != 0, own::SEVERITY)
        | set(!record.event_name.is_empty(), own::EVENT)
}

fn write_own_fields(record: &LogRef<'_>, out: &mut Vec<u8>) {
    write_body(record.body.unwrap_or(AnyValue::Empty), out);
    let level = level(record);
    if !level.is_empty() {
        out.extend_from_slice(b",\"log.level\":");
        write_string(level.as_bytes(), out);
    }
    for (name, id) in [(&b",\"trace.id\":\""[..], record.trace_id), (b",\"span.id\":\"", record.span_id)] {
        if !id.is_empty() {
            out.extend_from_slice(name);
            write_hex(id, out);
            out.push(b'"');
        }
    }
    if record.severity_number != 0 {
        out.extend_from_slice(b",\"event.severity\":");
        write_int(record.severity_number.into(), out);
    }
    if !record.event_name.is_empty() {
        out.extend_from_slice(b",\"event.action\":");
        write_string(record.event_name.as_bytes(), out);
    }
}

/// A scalar body is the `message`, as text; a structured one `body.structured`, an object in any case.
fn write_body(body: AnyValue<'_>, out: &mut Vec<u8>) {
    match body {
        AnyValue::Empty => return,
        AnyValue::Array(_) => {
            out.extend_from_slice(b",\"body.structured\":{\"value\":");
            write_value(body, 0, out);
            return out.push(b'}');
        }
        AnyValue::Map(_) => {
            out.extend_from_slice(b",\"body.structured\":");
            return write_value(body, 0, out);
        }
        _ => out.extend_from_slice(b",\"message\":"),
    }
    let written = match body {
        AnyValue::Text(text) => return write_string(text.as_bytes(), out),
        AnyValue::Bytes(bytes) => return write_base64(bytes, out),
        AnyValue::Bool(truth) => write!(out, "\"{truth}\""),
        AnyValue::Int(number) => write!(out, "\"{number}\""),
        AnyValue::Double(number) => write!(out, "\"{number:?}\""),
        AnyValue::Empty | AnyValue::Array(_) | AnyValue::Map(_) => Ok(()),
    };
    debug_assert!(written.is_ok(), "a Vec takes every write");
}
