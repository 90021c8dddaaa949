//! Stories about the log, on real files.

mod basics;
mod damage;
mod disk;
mod format;
mod model;
mod room;

use super::*;
use crate::model::signal::{Encoding, Origin, Signal, WireFormat};
use tempfile::TempDir;

/// A directory, a journal in it, and deterministic "randomness" that goes on over restarts.
pub(super) struct Bench {
    pub dir: TempDir,
    pub config: Config,
    pub entropy: u64,
}

impl Bench {
    pub(super) fn new(config: Config) -> Self {
        Self { dir: TempDir::new().unwrap(), config, entropy: 1 }
    }

    /// Small segments and no look at how full the machine's disk is.
    pub(super) fn small() -> Config {
        Config { segment_bytes: 4096, min_free: MinFree::Bytes(0), ..Config::default() }
    }

    pub(super) fn open(&mut self) -> (Journal, OpenReport) {
        let entropy = &mut self.entropy;
        let mut draw = || {
            *entropy += 1;
            *entropy
        };
        Journal::open(self.dir.path(), Signal::Metrics, &self.config, &mut draw, 0).unwrap()
    }

    pub(super) fn cursor(&self, journal: &Journal, start: Start) -> Cursor {
        Cursor::open(&self.dir.path().join("cursors/a"), start, journal, 10_000).unwrap()
    }

    /// Segment files, oldest first.
    pub(super) fn files(&self) -> Vec<std::path::PathBuf> {
        let folder = self.dir.path().join("metrics");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
        files.sort();
        files
    }
}

pub(super) fn meta(items: u32, received_at: i64) -> FrameMeta<'static> {
    FrameMeta {
        format: WireFormat::RemoteWriteV1,
        encoding: Encoding::Snappy,
        origin: Origin::Received,
        tenant: 7,
        lane: 3,
        received_at,
        items,
        decompressed_len: 1000,
        time_min_ms: received_at - 10,
        time_max_ms: received_at - 1,
        context: b"ctx",
    }
}

pub(super) fn drain(reader: &mut Reader) -> Vec<Frame> {
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

pub(super) fn payloads(frames: &[Frame]) -> Vec<String> {
    frames.iter().map(|frame| String::from_utf8_lossy(&frame.payload).into_owned()).collect()
}
