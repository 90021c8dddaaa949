//! Dead letters: items a store refused for their content, kept with the reason.
//!
//! They lie in a journal of their own per signal. A frame's payload is what was refused; its
//! context is JSON: `{"exporter": …, "reason": …}`.

use std::path::Path;
use std::sync::Arc;

use super::exporter::Letter;
use crate::journal::{AppendError, Config, FrameMeta, Journal, OnFull, OpenError};
use crate::limits::CONTEXT_BYTES_MAX;
use crate::model::signal::{Origin, Signal};
use crate::model::time::Millis;

/// The store's words are cut to this many bytes; names and JSON around them fit the context.
const REASON_BYTES_MAX: usize = CONTEXT_BYTES_MAX / 4;
const EXPORTER_BYTES_MAX: usize = CONTEXT_BYTES_MAX / 8;

/// The dead letters of all exporters; cloning is cheap.
#[derive(Clone)]
pub struct Letters {
    journals: Arc<[Journal]>,
}

impl Letters {
    /// Opens `folder`, which holds at most `bytes_max` for each signal.
    ///
    /// # Errors
    /// When a journal cannot be opened.
    pub fn open(
        folder: &Path,
        bytes_max: u64,
        entropy: &mut dyn FnMut() -> u64,
        now: Millis,
    ) -> Result<Self, OpenError> {
        let config = Config { bytes_max, on_full: OnFull::Reject, ..Config::default() };
        let open = |signal| Journal::open(folder, signal, &config, entropy, now).map(|(journal, _)| journal);
        let journals: Result<Vec<_>, _> = Signal::ALL.into_iter().map(open).collect();
        Ok(Self { journals: journals?.into() })
    }

    /// Keeps `letter`; it is written before the exporter's cursor moves past it.
    ///
    /// # Errors
    /// When there is no room or the disk fails; the exporter waits then.
    pub fn append(&self, exporter: &str, signal: Signal, letter: &Letter, now: Millis) -> Result<(), AppendError> {
        let context = serde_json::json!({
            "exporter": shorten(exporter, EXPORTER_BYTES_MAX),
            "reason": shorten(&letter.reason, REASON_BYTES_MAX),
        });
        let context = context.to_string();
        let meta = FrameMeta {
            format: letter.format,
            encoding: letter.encoding,
            origin: Origin::Received,
            tenant: 0,
            lane: 0,
            received_at: now,
            items: letter.items,
            decompressed_len: u32::try_from(letter.payload.len()).unwrap_or(u32::MAX),
            time_min_ms: now,
            time_max_ms: now,
            context: context.as_bytes(),
        };
        self.journal(signal).append(&meta, &letter.payload, now).map(|_| ())
    }

    /// The journal that holds the letters of `signal`.
    #[must_use]
    pub fn journal(&self, signal: Signal) -> &Journal {
        &self.journals[signal as usize - 1]
    }
}

/// The longest start of `text` of at most `bytes_max` bytes that ends between characters.
fn shorten(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
