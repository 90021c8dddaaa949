//! The one writer of a log: appends frames, rolls segments.

use std::fs::File;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::catalog::{Catalog, Segment};
use super::error::AppendError;
use super::footer;
use super::frame::{ALIGN, HEADER_BYTES, Header, frame_bytes};
use super::position::Position;
use super::segment::{HEAD_BYTES, Name, Tally, encode_head};
use super::settings::Config;
use super::space::{Consumed, Dropped};
use super::storage::{SegmentFile, Storage};
use super::sync::SyncReport;
use crate::limits::{CONTEXT_BYTES_MAX, FRAME_BYTES_MAX};
use crate::model::signal::Signal;
use crate::model::time::Millis;

/// Where a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Random id of its segment.
    pub segment_id: u64,
    /// Where it begins.
    pub position: Position,
    /// One past it.
    pub next: Position,
    /// Items before it in this signal, ever.
    pub ordinal: u64,
}

/// The segment that is being written.
pub(super) struct Active {
    pub name: Name,
    pub path: PathBuf,
    pub file: Arc<dyn SegmentFile>,
    pub tally: Tally,
    /// Where the next frame goes.
    pub offset: u64,
    /// Size at which the segment is sealed.
    capacity: u64,
}

/// A file with bytes that the disk may not have yet.
#[derive(Clone)]
pub(super) struct Unsynced {
    pub name: Name,
    pub path: PathBuf,
    pub file: Arc<dyn SegmentFile>,
    /// Frames from here on are not known to be on disk.
    pub from: u64,
    /// Written up to here.
    pub to: u64,
}

/// See the module. All of it is behind one lock.
pub(super) struct Writer {
    pub signal: Signal,
    pub folder: PathBuf,
    pub config: Config,
    pub storage: Arc<dyn Storage>,
    pub catalog: Arc<Catalog>,
    pub active: Active,
    /// Sealed or abandoned segments whose bytes the disk may not have yet.
    pub sealed_unsynced: Vec<Unsynced>,
    /// Frames of the active segment before this are on disk.
    pub active_synced: u64,
    pub directory_changed: bool,
    /// A file whose fsync failed and whose frames are not all copied yet.
    pub failed: Option<Name>,
    pub sync_report: SyncReport,
    /// The latest `now` that was passed in.
    pub now: Millis,
    pub consumed: Consumed,
    pub dropped: Dropped,
    /// Bytes appended since the free space was looked at.
    pub unchecked_bytes: u64,
    /// What segment ids are drawn from.
    seed: [u64; 2],
    /// Held for the life of the writer.
    _lock: File,
}

/// What a writer is made of.
pub(super) struct Parts {
    pub signal: Signal,
    pub folder: PathBuf,
    pub config: Config,
    pub storage: Arc<dyn Storage>,
    pub catalog: Arc<Catalog>,
    pub seed: [u64; 2],
    pub lock: File,
}

impl Writer {
    /// A writer that begins a segment after `last`, the greatest sequence ever used.
    pub(super) fn start(parts: Parts, last: u64, items: u64, now: Millis) -> io::Result<Self> {
        let Parts { signal, folder, config, storage, catalog, seed, lock } = parts;
        let name = Name { sequence: last + 1, id: segment_id(seed, last + 1) };
        let capacity = config.segment_bytes_effective();
        let active = create(&*storage, &folder, signal, name, capacity, items, now)?;
        catalog.write().push(entry(&active));
        Ok(Self {
            signal,
            folder,
            config,
            storage,
            catalog,
            active,
            sealed_unsynced: Vec::new(),
            active_synced: HEAD_BYTES,
            directory_changed: true,
            failed: None,
            sync_report: SyncReport::default(),
            now,
            consumed: Consumed::Unknown,
            dropped: Dropped::default(),
            unchecked_bytes: u64::MAX,
            seed,
            _lock: lock,
        })
    }

    /// Appends what `header` describes, within every bound.
    pub(super) fn append(
        &mut self,
        header: Header,
        context: &[u8],
        payload: &[u8],
        now: Millis,
    ) -> Result<Appended, AppendError> {
        self.now = now;
        self.abandon_failed()?;
        self.make_room(header.frame_bytes(), now)?;
        Ok(self.write_frame(header, context, payload, now)?)
    }

    /// Writes a frame; its ordinal and original are set here unless it is a copy.
    pub(super) fn write_frame(
        &mut self,
        mut header: Header,
        context: &[u8],
        payload: &[u8],
        now: Millis,
    ) -> io::Result<Appended> {
        let bytes = header.frame_bytes();
        if self.active.offset + bytes > self.active.capacity && self.active.offset > HEAD_BYTES {
            self.roll(bytes, now)?;
        }
        let active = &mut self.active;
        let position = Position::new(active.name.sequence, active.offset);
        if !header.copy {
            header.ordinal = active.tally.summary.next_ordinal;
            header.original = position;
            header.original_id = active.name.id;
        }
        let head = header.encode(active.name.id, active.offset, context);
        let padding = bytes as usize - HEADER_BYTES - context.len() - payload.len();
        let zeros = [0; ALIGN as usize];
        let parts = &mut [&head[..], context, payload, &zeros[..padding]].map(IoSlice::new);
        if let Err(refused) = active.file.write_at(parts, active.offset) {
            // What was written of it would only be in the way of the next start; the next frame
            // overwrites it in any case.
            let _ = active.file.truncate(active.offset);
            return Err(refused);
        }
        active.tally.add(&header, active.offset);
        active.offset += bytes;
        self.unchecked_bytes = self.unchecked_bytes.saturating_add(bytes);
        let (segment_id, sequence) = (active.name.id, active.name.sequence);
        let (end, summary) = (active.offset, active.tally.summary);
        self.catalog.write().resize(sequence, end, end, summary);
        Ok(Appended { segment_id, position, next: Position::new(sequence, end), ordinal: header.ordinal })
    }

    /// Seals the active segment and begins another that has room for a frame of `bytes`.
    pub(super) fn roll(&mut self, bytes: u64, now: Millis) -> io::Result<()> {
        let sealed = self.begin_segment(bytes, self.active.tally.summary.next_ordinal, now)?;
        let footer = footer::encode(sealed.name.id, sealed.offset, &sealed.tally);
        let file_bytes = sealed.offset + footer.len() as u64;
        // Without a footer the segment is read through at the next start: slower, nothing worse.
        let written = sealed.file.write_at(&mut [IoSlice::new(&footer)], sealed.offset);
        let kept = if written.is_ok() { file_bytes } else { sealed.offset };
        let _ = sealed.file.truncate(kept);
        self.catalog.write().resize(sealed.name.sequence, sealed.offset, kept, sealed.tally.summary);
        Ok(())
    }

    /// Begins another segment and answers the one that was active.
    pub(super) fn begin_segment(&mut self, bytes: u64, ordinal: u64, now: Millis) -> io::Result<Active> {
        let sequence = self.active.name.sequence + 1;
        let name = Name { sequence, id: segment_id(self.seed, sequence) };
        let capacity = self.config.segment_bytes_effective().max(HEAD_BYTES + bytes);
        let begun = create(&*self.storage, &self.folder, self.signal, name, capacity, ordinal, now)?;
        self.catalog.write().push(entry(&begun));
        self.directory_changed = true;
        let before = std::mem::replace(&mut self.active, begun);
        let from = std::mem::replace(&mut self.active_synced, HEAD_BYTES);
        self.sealed_unsynced.push(Unsynced {
            name: before.name,
            path: before.path.clone(),
            file: Arc::clone(&before.file),
            from,
            to: before.offset,
        });
        Ok(before)
    }
}

/// Refuses what no journal can take.
pub(super) fn check_size(context: &[u8], payload: &[u8], config: &Config) -> Result<(), AppendError> {
    let bytes = frame_bytes(HEADER_BYTES, context.len(), payload.len());
    let bytes_max = config.bytes_max.min(FRAME_BYTES_MAX as u64).saturating_sub(HEAD_BYTES);
    if bytes > bytes_max {
        return Err(AppendError::TooLarge { bytes, bytes_max });
    }
    if context.len() > CONTEXT_BYTES_MAX {
        return Err(AppendError::TooLarge { bytes: context.len() as u64, bytes_max: CONTEXT_BYTES_MAX as u64 });
    }
    Ok(())
}

/// Ids of successive segments: unique in one run by the sequence, in all others by the seed.
fn segment_id(seed: [u64; 2], sequence: u64) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seed[1].to_le_bytes());
    bytes[8..].copy_from_slice(&sequence.to_le_bytes());
    xxh3_64_with_seed(&bytes, seed[0])
}

fn create(
    storage: &dyn Storage,
    folder: &std::path::Path,
    signal: Signal,
    name: Name,
    capacity: u64,
    ordinal: u64,
    now: Millis,
) -> io::Result<Active> {
    let path = name.path(folder);
    let file = storage.create(&path, capacity)?;
    let head = encode_head(name, signal, ordinal, now);
    if let Err(refused) = file.write_at(&mut [IoSlice::new(&head)], 0) {
        let _ = std::fs::remove_file(&path);
        return Err(refused);
    }
    Ok(Active { name, path, file, tally: Tally::new(ordinal), offset: HEAD_BYTES, capacity })
}

fn entry(active: &Active) -> Segment {
    Segment {
        name: active.name,
        path: active.path.clone(),
        end: active.offset,
        file_bytes: active.offset,
        summary: active.tally.summary,
        delivered_at: None,
    }
}
