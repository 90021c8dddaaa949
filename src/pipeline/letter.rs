//! Dead letters: items a store refused for their content, kept with the reason.
//!
//! They lie in a journal of their own per signal. A frame's payload is what was refused; its context
//! is JSON, `{"exporter": …, "reason": …}`, and after a zero byte the context of the original frame.
//! What was replayed or purged is noted beside the journal, and whole segments of it go.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::exporter::Letter;
use super::settled::Settled;
use crate::codec::compression;
use crate::journal::{
    AppendError, Archive, Config, Frame, FrameMeta, Journal, OnFull, OpenError, Position, ReadError, Reader,
};
use crate::limits::{CONTEXT_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::model::signal::{Origin, Signal};
use crate::model::time::Millis;

/// The store's words are cut to this many bytes, and further where the context has no room.
const REASON_BYTES_MAX: usize = CONTEXT_BYTES_MAX / 2;
const EXPORTER_BYTES_MAX: usize = CONTEXT_BYTES_MAX / 8;

/// Names a letter, whatever happens to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LetterId {
    signal: Signal,
    segment_id: u64,
    offset: u64,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}-{}", self.signal.name(), self.segment_id, self.offset)
    }
}

impl FromStr for LetterId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (signal, rest) = text.split_once('-')?;
            let (segment, offset) = rest.split_once('-')?;
            let signal = Signal::ALL.into_iter().find(|known| known.name() == signal)?;
            let segment_id = u64::from_str_radix(segment, 16).ok()?;
            Some(Self { signal, segment_id, offset: offset.parse().ok()? })
        };
        parse().ok_or_else(|| format!("`{text}` names no dead letter, write one such as logs-5be0c7e5a61e9f03-64"))
    }
}

/// A letter as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its name.
    pub id: LetterId,
    /// The exporter whose store refused it.
    pub exporter: String,
    /// Its signal.
    pub signal: Signal,
    /// The store's words.
    pub reason: String,
    /// A frame that can be delivered again.
    pub frame: Frame,
}

/// Which letters are meant; what is empty means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// These only.
    pub ids: Vec<LetterId>,
    /// Those of this exporter.
    pub exporter: Option<String>,
    /// Those of this signal.
    pub signal: Option<Signal>,
}

impl Filter {
    /// Whether it means every letter.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    fn has_signal(&self, signal: Signal) -> bool {
        self.signal.is_none_or(|wanted| wanted == signal)
            && (self.ids.is_empty() || self.ids.iter().any(|id| id.signal == signal))
    }

    fn matches(&self, letter: &Kept) -> bool {
        (self.ids.is_empty() || self.ids.contains(&letter.id))
            && self.exporter.as_ref().is_none_or(|exporter| *exporter == letter.exporter)
    }
}

/// What a visitor wants after a letter.
pub type Next = ControlFlow<()>;

/// The dead letters of all exporters; cloning is cheap.
#[derive(Clone)]
pub struct Letters {
    signals: Arc<[Kind]>,
}

struct Kind {
    journal: Journal,
    settled: Mutex<Settled>,
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
        // what is done with goes at once
        let config = Config { bytes_max, on_full: OnFull::Reject, retention: 0, ..Config::default() };
        let open = |signal: Signal| {
            let (journal, _) = Journal::open(folder, signal, &config, entropy, now)?;
            let path = settled_path(folder, signal);
            let settled = Settled::open(&path).map_err(|source| OpenError::Io { path, source })?;
            Ok(Kind { journal, settled: Mutex::new(settled) })
        };
        let signals: Result<Vec<_>, _> = Signal::ALL.into_iter().map(open).collect();
        Ok(Self { signals: signals?.into() })
    }

    /// Keeps `letter`; it is written before the exporter's cursor moves past it.
    ///
    /// # Errors
    /// When there is no room or the disk fails; the exporter waits then.
    pub fn append(&self, exporter: &str, signal: Signal, letter: &Letter, now: Millis) -> Result<(), AppendError> {
        let context = context(exporter, letter);
        let plain = compression::decompress(letter.encoding, &letter.payload, bytes_max());
        let decompressed_len = plain.map_or(letter.payload.len(), |plain| plain.len());
        let meta = FrameMeta {
            format: letter.format,
            encoding: letter.encoding,
            origin: Origin::Received,
            tenant: 0,
            lane: 0,
            received_at: now,
            items: letter.items,
            decompressed_len: u32::try_from(decompressed_len).unwrap_or(u32::MAX),
            time_min_ms: now,
            time_max_ms: now,
            context: &context,
        };
        self.journal(signal).append(&meta, &letter.payload, now).map(|_| ())
    }

    /// The journal that holds the letters of `signal`.
    #[must_use]
    pub fn journal(&self, signal: Signal) -> &Journal {
        &self.signals[signal as usize - 1].journal
    }

    /// Shows `visit` the letters that `filter` means and that were there when it was called, oldest first.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn each(&self, filter: &Filter, visit: &mut dyn FnMut(Kept) -> Next) -> Result<(), ReadError> {
        for (signal, kind) in Signal::ALL.into_iter().zip(self.signals.iter()) {
            let settled = kind.settled.lock().clone();
            let (reader, tail) = (kind.journal.reader(kind.journal.head()), kind.journal.tail());
            if show(signal, reader, tail, &settled, filter, visit)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Notes that `letters` are done with.
    ///
    /// # Errors
    /// When the disk refuses; they may come back at the next start then.
    pub fn settle(&self, letters: &[Kept]) -> io::Result<()> {
        for (signal, kind) in Signal::ALL.into_iter().zip(self.signals.iter()) {
            let mut settled = kind.settled.lock();
            let mut own = letters.iter().filter(|letter| letter.signal == signal).peekable();
            if own.peek().is_none() {
                continue;
            }
            own.for_each(|letter| settled.add(letter.frame.position, letter.frame.next));
            settled.save()?;
        }
        Ok(())
    }

    /// Deletes segments of which every letter is done with.
    pub fn retire(&self, now: Millis) {
        for kind in self.signals.iter() {
            let mut settled = kind.settled.lock();
            let done = settled.until(kind.journal.head());
            if kind.journal.retire(Some(done), now).segments > 0 {
                settled.forget(kind.journal.head());
            }
        }
    }
}

/// Shows `visit` the letters in `folder` that `filter` means, beside or without a running gateway.
///
/// # Errors
/// When the folder cannot be read.
pub fn each_in(folder: &Path, filter: &Filter, visit: &mut dyn FnMut(Kept) -> Next) -> io::Result<()> {
    for signal in Signal::ALL {
        let (archive, _) = match Archive::open(folder, signal) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            archive => archive?,
        };
        let settled = Settled::open(&settled_path(folder, signal))?;
        let shown = show(signal, archive.reader(archive.head()), archive.tail(), &settled, filter, visit);
        if shown.map_err(io::Error::other)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn show(
    signal: Signal,
    mut reader: Reader,
    tail: Position,
    settled: &Settled,
    filter: &Filter,
    visit: &mut dyn FnMut(Kept) -> Next,
) -> Result<Next, ReadError> {
    if !filter.has_signal(signal) {
        return Ok(Next::Continue(()));
    }
    while let Some(frame) = reader.next()? {
        if frame.next > tail {
            break;
        }
        if settled.contains(&frame) {
            continue;
        }
        let letter = kept(signal, frame);
        if filter.matches(&letter) && visit(letter).is_break() {
            return Ok(Next::Break(()));
        }
    }
    Ok(Next::Continue(()))
}

fn kept(signal: Signal, mut frame: Frame) -> Kept {
    let end = frame.context.iter().position(|byte| *byte == 0).unwrap_or(frame.context.len());
    let note: serde_json::Value = serde_json::from_slice(&frame.context[..end]).unwrap_or_default();
    let text = |key: &str| note[key].as_str().unwrap_or_default().to_owned();
    let (exporter, reason) = (text("exporter"), text("reason"));
    frame.context = frame.context.slice((end + 1).min(frame.context.len())..);
    let id = LetterId { signal, segment_id: frame.original.0, offset: frame.original.1 };
    Kept { id, exporter, signal, reason, frame }
}

/// Note and original context; the reason is cut until both fit.
fn context(exporter: &str, letter: &Letter) -> Bytes {
    let exporter = shorten(exporter, EXPORTER_BYTES_MAX);
    let original = if letter.context.len() <= CONTEXT_BYTES_MAX / 2 { &letter.context[..] } else { &[] };
    let mut reason_max = REASON_BYTES_MAX;
    loop {
        // escapes may lengthen it sixfold
        let note =
            serde_json::json!({ "exporter": exporter, "reason": shorten(&letter.reason, reason_max) }).to_string();
        if note.len() + 1 + original.len() <= CONTEXT_BYTES_MAX || reason_max == 0 {
            let mut context = note.into_bytes();
            if !original.is_empty() {
                context.push(0);
                context.extend_from_slice(original);
            }
            return context.into();
        }
        reason_max /= 2;
    }
}

fn settled_path(folder: &Path, signal: Signal) -> std::path::PathBuf {
    folder.join(format!("{}.settled", signal.name()))
}

fn bytes_max() -> usize {
    usize::try_from(REQUEST_BYTES_MAX).unwrap_or(usize::MAX)
}

/// The longest start of `text` of at most `bytes_max` bytes that ends between characters.
fn shorten(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::signal::{Encoding, WireFormat};

    fn letter(reason: &str, context: &'static [u8], payload: &'static [u8]) -> Letter {
        let (format, encoding) = (WireFormat::Bulk, Encoding::Identity);
        let (context, payload) = (Bytes::from_static(context), Bytes::from_static(payload));
        Letter { reason: reason.to_owned(), format, encoding, context, payload, items: 1 }
    }

    fn all(letters: &Letters, filter: &Filter) -> Vec<Kept> {
        let mut found = Vec::new();
        letters
            .each(filter, &mut |letter| {
                found.push(letter);
                Next::Continue(())
            })
            .expect("readable");
        found
    }

    #[test]
    fn letters_are_found_settled_and_stay_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Letters::open(folder.path(), 64 << 20, &mut || fastrand::u64(..), 5).expect("letters");
        let letters = open();
        let long = "\u{1}\u{fffd}".repeat(2000);
        for (exporter, note) in [("elasticsearch", letter("400 bad", b"index", b"a")), ("b", letter(&long, b"", b"b"))]
        {
            letters.append(exporter, Signal::Logs, &note, 7).expect("room");
        }
        let both = all(&letters, &Filter::default());
        assert_eq!(both.iter().map(|letter| letter.exporter.as_str()).collect::<Vec<_>>(), ["elasticsearch", "b"]);
        assert_eq!((both[0].reason.as_str(), &both[0].frame.context[..]), ("400 bad", &b"index"[..]));
        assert!(both[1].reason.starts_with('\u{1}') && both[1].frame.context.is_empty());
        let id: LetterId = both[0].id.to_string().parse().expect("a name");
        let one = all(&letters, &Filter { ids: vec![id], ..Filter::default() });
        assert_eq!((one.len(), &one[0].frame.payload[..]), (1, &b"a"[..]));
        letters.settle(&one).expect("a disk");
        let rest = |letters: &Letters| all(letters, &Filter::default()).iter().map(|kept| kept.id).collect::<Vec<_>>();
        assert_eq!(rest(&letters), [both[1].id]);
        drop(letters);
        let letters = open();
        assert_eq!(rest(&letters), [both[1].id]);
        let mut beside = 0;
        each_in(folder.path(), &Filter::default(), &mut |_| {
            beside += 1;
            Next::Continue(())
        })
        .expect("readable");
        assert_eq!(beside, 1);
        letters
            .settle(&all(&letters, &Filter { exporter: Some("b".to_owned()), ..Filter::default() }))
            .expect("a disk");
        letters.retire(8);
        letters.retire(9);
        assert_eq!((rest(&letters), letters.journal(Signal::Logs).items()), (Vec::new(), 2));
        assert_eq!(letters.journal(Signal::Logs).head_items(), 2, "the segments are gone");
        assert!("logs-x-1".parse::<LetterId>().is_err());
    }
}
