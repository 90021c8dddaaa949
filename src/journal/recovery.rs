//! What a start makes of the files it finds.
//!
//! Sealed segments state their content in a footer; only one without it, as a rule the last, is
//! read through. The writer cuts what a crash left half-written at its end and seals it. Corrupt
//! bytes stay where they are: readers step over them and count them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::catalog::{Segment, Segments};
use super::footer;
use super::frame::{self, ALIGN, HEADER_BYTES, Header, u16_at};
use super::scan::{Corrupt, Scanner};
use super::segment::{HEAD_BYTES, Name, Tally, decode_head};
use super::storage::Storage;

/// What was found at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Segments found.
    pub segments: usize,
    /// Items the journal ever took.
    pub items: u64,
    /// Bytes of a half-written frame cut off the last segment: never acknowledged, or lost to a power cut.
    pub torn_bytes: u64,
    /// Corrupt bytes in segments that were read through.
    pub corrupt: Corrupt,
    /// Files that look like segments and cannot be read; they are left alone.
    pub unreadable: Vec<PathBuf>,
}

/// A segment read through.
struct Walked {
    tally: Tally,
    /// One past the last intact frame.
    good_end: u64,
    file_bytes: u64,
    corrupt: Corrupt,
    torn: bool,
}

/// The segments in `folder`, oldest first. With a `storage`, the last one is cut and sealed, or
/// deleted if it never had a frame. Also answers the greatest sequence that any file has.
pub(super) fn load(folder: &Path, storage: Option<&dyn Storage>) -> io::Result<(Segments, u64, OpenReport)> {
    let mut files: BTreeMap<u64, (Name, PathBuf)> = BTreeMap::new();
    let mut report = OpenReport::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = Name::parse(&path) else { continue };
        if let Some((_, other)) = files.insert(name.sequence, (name, path)) {
            report.unreadable.push(other);
        }
    }
    let last = files.keys().next_back().copied().unwrap_or(0);
    let mut segments = Segments::default();
    for (name, path) in files.into_values() {
        match load_segment(name, &path, storage, name.sequence == last, &mut report) {
            Ok(Some(segment)) => {
                report.items = report.items.max(segment.summary.next_ordinal);
                segments.push(segment);
            }
            Ok(None) => {}
            Err(_) => report.unreadable.push(path),
        }
    }
    report.segments = segments.iter().len();
    Ok((segments, last, report))
}

fn load_segment(
    name: Name,
    path: &Path,
    storage: Option<&dyn Storage>,
    is_last: bool,
    report: &mut OpenReport,
) -> io::Result<Option<Segment>> {
    let file = File::open(path)?;
    let segment = |end, file_bytes, tally: &Tally| Segment {
        name,
        path: path.to_owned(),
        end,
        file_bytes,
        summary: tally.summary,
        delivered_at: None,
    };
    if let Some((end, tally)) = footer::read(&file, name.id)? {
        return Ok(Some(segment(end, file.metadata()?.len(), &tally)));
    }
    let walked = walk(file, name, report.items)?;
    let empty = walked.tally.summary.frames == 0 && (walked.torn || walked.file_bytes <= HEAD_BYTES);
    report.items = report.items.max(walked.tally.summary.first_ordinal);
    report.corrupt = report.corrupt.plus(walked.corrupt);
    if empty {
        if storage.is_some() {
            report.torn_bytes += walked.file_bytes - walked.good_end;
            fs::remove_file(path)?;
        }
        return Ok(None);
    }
    let Some(storage) = storage.filter(|_| is_last) else {
        let end = if walked.torn { walked.good_end } else { walked.file_bytes };
        return Ok(Some(segment(end, walked.file_bytes, &walked.tally)));
    };
    let end = match walked.torn {
        true => walked.good_end,
        false => walked.file_bytes.next_multiple_of(ALIGN),
    };
    if walked.torn {
        report.torn_bytes += walked.file_bytes - walked.good_end;
    }
    let sealed = storage.reopen(path)?;
    sealed.truncate(end)?;
    let footer = footer::encode(name.id, end, &walked.tally);
    sealed.write_at(&mut [IoSlice::new(&footer)], end)?;
    sealed.sync()?;
    Ok(Some(segment(end, end + footer.len() as u64, &walked.tally)))
}

/// Reads every frame of a segment.
fn walk(file: File, name: Name, ordinal: u64) -> io::Result<Walked> {
    let file_bytes = file.metadata()?.len();
    let mut head = [0; HEAD_BYTES as usize];
    let head_bytes = file_bytes.min(HEAD_BYTES) as usize;
    file.read_exact_at(&mut head[..head_bytes], 0)?;
    let stated = decode_head(name, &head[..head_bytes]);
    let mut tally = Tally::new(stated.unwrap_or(ordinal));
    let mut scanner = Scanner::new(file.try_clone()?, name.id, HEAD_BYTES);
    let (mut good_end, mut corrupt) = (HEAD_BYTES.min(file_bytes), Corrupt::default());
    while let Some(scanned) = scanner.next(file_bytes)? {
        if stated.is_none() && tally.summary.frames == 0 {
            tally.summary.first_ordinal = scanned.header.ordinal;
        }
        tally.add(&scanned.header, scanned.offset);
        good_end = scanner.offset;
        corrupt = scanner.corrupt;
    }
    let torn = is_torn(&file, name.id, good_end, file_bytes)?;
    if !torn {
        corrupt = scanner.corrupt;
        tally.summary.next_ordinal = tally.summary.next_ordinal.max(scanner.next_ordinal);
    }
    Ok(Walked { tally, good_end, file_bytes, corrupt, torn })
}

/// Whether what follows the last intact frame is a write that never ended, rather than damage.
fn is_torn(file: &File, id: u64, good_end: u64, file_bytes: u64) -> io::Result<bool> {
    let left = file_bytes - good_end;
    if left < HEADER_BYTES as u64 {
        return Ok(true);
    }
    let mut start = vec![0; left.min(1 << 17) as usize];
    file.read_exact_at(&mut start, good_end)?;
    if start[..4] == footer::MAGIC {
        return Ok(true);
    }
    if start[..4] == frame::MAGIC {
        let header_bytes = u64::from(u16_at(&start, 10)) + u64::from(u16_at(&start, 12));
        let complete = Header::decode(id, good_end, &start).map(|header| header.frame_bytes());
        return Ok(header_bytes > left || complete.is_some_and(|bytes| bytes > left));
    }
    all_zero(file, good_end, file_bytes)
}

fn all_zero(file: &File, mut at: u64, end: u64) -> io::Result<bool> {
    let mut chunk = vec![0; 1 << 16];
    while at < end {
        let part = (end - at).min(chunk.len() as u64) as usize;
        file.read_exact_at(&mut chunk[..part], at)?;
        if chunk[..part].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += part as u64;
    }
    Ok(true)
}
