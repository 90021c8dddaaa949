//! OTLP metrics whatever transport they came by: translated once, journalled as remote write.
//!
//! The journal, the exporter and the rule engine know one form of metrics only, and so rules and
//! stores see the same series.

use bytes::Bytes;

use super::gate::{Gate, Received, Refused};
use super::otlp::Rejected;
use crate::codec::{compression, otlp_metrics};
use crate::model::sample::StagedSamples;
use crate::model::signal::{Encoding, WireFormat};
use crate::pipeline::intake::Walked;

/// The protocol's name in the gateway's own metrics.
pub(super) const PROTOCOL: &str = "otlp_metrics";

/// Takes a decompressed `ExportMetricsServiceRequest`; answers what a partial success is to say.
///
/// # Errors
/// [`Refused`] if nothing of it was taken.
pub(super) async fn take(gate: &Gate, received: Received) -> Result<Option<Rejected>, Refused> {
    let Received { raw, body, received_at, mut reservation, .. } = received;
    let mut staged = StagedSamples::default();
    let found = otlp_metrics::walk(&body, &gate.translation, &gate.limits, &mut staged)?;
    reservation.grow((staged.bytes() + staged.body.len()) as u64)?;
    drop((raw, body));
    let mut payload = Vec::new();
    compression::snappy(&staged.body, &mut payload)?;
    payload.shrink_to_fit();
    reservation.grow(payload.len() as u64)?;
    let request = Walked {
        format: WireFormat::RemoteWriteV1,
        encoding: Encoding::Snappy,
        payload: Bytes::from(payload),
        decompressed_len: u32::try_from(staged.body.len()).unwrap_or(u32::MAX),
        items: found.items,
        time_min_ms: found.time_min_ms,
        time_max_ms: found.time_max_ms,
        context: Bytes::new(),
        received_at,
        staged: Some(staged),
        reservation,
    };
    gate.accept_as(PROTOCOL, request, found.rejected).await?;
    let reason = found.first_rejection.unwrap_or_default();
    Ok((found.rejected > 0).then_some(Rejected { items: found.rejected, reason }))
}
