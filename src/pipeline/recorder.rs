//! What rules make, into the metrics journal: history for the next start, and series to forward.
//!
//! History frames hold what rules read; a start fills windows with them, exporters pass them over.
//! Forward frames hold what groups with `forward: true` make, with external labels; exporters send
//! them, a start passes them over.

use std::sync::Arc;

use super::intake::SignalLog;
use crate::codec::{compression, remote_write};
use crate::journal::{AppendError, FrameMeta};
use crate::model::labels::Labels;
use crate::model::sample::Sample;
use crate::model::signal::{Encoding, Origin, RECORDED_FORWARD, RECORDED_HISTORY, WireFormat};
use crate::model::time::Millis;
use crate::rule::Made;

/// Writes what rules make to the journal; the first failure of a row is logged.
pub struct Recorder {
    log: Arc<SignalLog>,
    external_labels: Labels,
    failing: bool,
}

impl Recorder {
    /// A recorder to the metrics journal.
    #[must_use]
    pub fn new(log: Arc<SignalLog>, external_labels: Labels) -> Self {
        Self { log, external_labels, failing: false }
    }

    /// Journals one turn's results.
    pub fn record(&mut self, made: &[Made], now: Millis) {
        let history = made.iter().filter(|made| made.read).map(|made| (made.labels.clone(), made.sample));
        let forward = made.iter().filter(|made| made.forward).map(|made| {
            let external = self.external_labels.iter().filter(|(name, _)| made.labels.get(name).is_empty());
            (made.labels.with(external), made.sample)
        });
        let (history, forward): (Vec<_>, Vec<_>) = (history.collect(), forward.collect());
        let written = [(history, RECORDED_HISTORY), (forward, RECORDED_FORWARD)]
            .into_iter()
            .try_for_each(|(samples, context)| self.append(&samples, context, now));
        match written {
            Ok(()) => self.failing = false,
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "results of rules are neither forwarded nor there after a restart");
                }
            }
        }
    }

    fn append(&self, samples: &[(Labels, Sample)], context: &[u8], now: Millis) -> Result<(), AppendError> {
        if samples.is_empty() {
            return Ok(());
        }
        let (mut body, mut payload) = (Vec::new(), Vec::new());
        remote_write::encode(samples.iter().map(|(labels, sample)| (labels, std::slice::from_ref(sample))), &mut body);
        compression::snappy(&body, &mut payload).map_err(std::io::Error::other)?;
        let times = || samples.iter().map(|(_, sample)| sample.timestamp_ms);
        // history is nobody's to deliver: it counts no items
        let items = if context == RECORDED_FORWARD { samples.len() } else { 0 };
        let meta = FrameMeta {
            format: WireFormat::RemoteWriteV1,
            encoding: Encoding::Snappy,
            origin: Origin::Recorded,
            tenant: 0,
            lane: 0,
            received_at: now,
            items: u32::try_from(items).unwrap_or(u32::MAX),
            decompressed_len: u32::try_from(body.len()).unwrap_or(u32::MAX),
            time_min_ms: times().min().unwrap_or(now),
            time_max_ms: times().max().unwrap_or(now),
            context,
        };
        self.log.append(&meta, &payload, now)
    }
}
