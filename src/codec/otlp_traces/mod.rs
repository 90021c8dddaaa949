//! OTLP traces: `ExportTraceServiceRequest`, protobuf.
//!
//! [`walk`] is the receiving side, [`spans`] iterates borrowed [`SpanRef`]s for encoders and for
//! whatever is derived from spans.
//!
//! Schema: `opentelemetry/proto/trace/v1/trace.proto`.

mod span;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

pub use span::{EventRef, LinkRef, ResourceRef, ScopeRef, SpanKind, SpanRef, StatusCode, spans};
pub use walk::walk;
