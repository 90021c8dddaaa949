//! OTLP logs: `ExportLogsServiceRequest`, protobuf.
//!
//! [`walk`] is the receiving side, [`logs`] iterates borrowed [`LogRef`]s for encoders and for
//! whatever is derived from log records.
//!
//! Schema: `opentelemetry/proto/logs/v1/logs.proto`.

mod record;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

pub use record::{LogRef, ResourceRef, ScopeRef, logs};
pub use walk::walk;
