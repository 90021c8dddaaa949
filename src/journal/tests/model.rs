//! The log against a model of itself, over random histories.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::damage::{cut, flip};
use super::*;

#[derive(Clone, Debug)]
enum Op {
    Append {
        items: u32,
        len: usize,
    },
    Reopen,
    /// The process dies and the last segment loses its end.
    Crash {
        cut: u64,
    },
    /// A byte of a frame flips while nobody writes.
    Corrupt {
        frame: prop::sample::Index,
        byte: prop::sample::Index,
    },
    Read {
        reader: usize,
        frames: usize,
    },
    Acknowledge {
        frame: prop::sample::Index,
    },
    Retire,
    Sync,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (0..4_u32, 0..3000_usize).prop_map(|(items, len)| Op::Append { items, len }),
        1 => Just(Op::Reopen),
        1 => (0..2000_u64).prop_map(|cut| Op::Crash { cut }),
        1 => any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(frame, byte)| Op::Corrupt { frame, byte }),
        4 => (0..3_usize, 1..8_usize).prop_map(|(reader, frames)| Op::Read { reader, frames }),
        4 => any::<prop::sample::Index>().prop_map(|frame| Op::Acknowledge { frame }),
        1 => Just(Op::Retire),
        1 => Just(Op::Sync),
    ]
}

/// A frame that must be in the log.
#[derive(Clone, Debug)]
struct Expected {
    at: Appended,
    items: u32,
    payload: Vec<u8>,
}

struct World {
    bench: Bench,
    journal: Option<Journal>,
    cursor: Option<Cursor>,
    readers: Vec<Reader>,
    frames: Vec<Expected>,
    /// Retired, and perhaps still being read by whoever had their segment open.
    retired: Vec<Expected>,
    /// Ordinal and payload of what the cursor took.
    acknowledged: BTreeSet<u64>,
    count: i64,
    damaged: bool,
}

impl World {
    fn new() -> Self {
        let config = Config { bytes_max: 256 << 10, retention: 0, ..Bench::small() };
        let mut world = Self {
            bench: Bench::new(config),
            journal: None,
            cursor: None,
            readers: Vec::new(),
            frames: Vec::new(),
            retired: Vec::new(),
            acknowledged: BTreeSet::new(),
            count: 0,
            damaged: false,
        };
        world.start();
        world
    }

    fn start(&mut self) {
        let (journal, _) = self.bench.open();
        let positions: Vec<Position> = match self.readers.len() {
            0 => vec![Position::ORIGIN; 3],
            _ => self.readers.iter().map(Reader::position).collect(),
        };
        self.readers = positions.into_iter().map(|at| journal.reader(at)).collect();
        self.cursor = Some(self.bench.cursor(&journal, Start::Earliest));
        self.journal = Some(journal);
    }

    fn stop(&mut self) {
        self.cursor.as_mut().unwrap().save().unwrap();
        self.cursor = None;
        self.journal = None;
    }

    fn journal(&self) -> &Journal {
        self.journal.as_ref().unwrap()
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Append { items, len } => self.append(items, len),
            Op::Reopen => {
                self.stop();
                self.start();
            }
            Op::Crash { cut } => self.crash(cut),
            Op::Corrupt { frame, byte } => self.corrupt(frame, byte),
            Op::Read { reader, frames } => self.read(reader, frames),
            Op::Acknowledge { frame } => self.acknowledge(frame),
            Op::Retire => {
                let consumed = self.cursor.as_ref().unwrap().position();
                self.journal().retire(Some(consumed), i64::MAX);
                let head = self.journal().head();
                let gone = |frame: &Expected| frame.at.position < head;
                assert!(self.frames.iter().filter(|frame| gone(frame)).all(|frame| frame.at.next <= consumed));
                self.retired.extend(self.frames.extract_if(.., |frame| gone(frame)));
            }
            Op::Sync => assert_eq!(self.journal().sync().unwrap(), self.journal().tail()),
        }
    }

    fn append(&mut self, items: u32, len: usize) {
        self.count += 1;
        let payload: Vec<u8> = (0..len).map(|at| (at as i64 * self.count) as u8).collect();
        let before = self.journal().items();
        match self.journal().append(&meta(items, self.count), &payload, self.count) {
            Ok(at) => {
                assert_eq!(at.ordinal, before);
                assert!(self.frames.last().is_none_or(|last| last.at.next <= at.position));
                self.frames.push(Expected { at, items, payload });
            }
            Err(AppendError::Full { .. }) => assert!(self.journal().bytes() > 200 << 10),
            Err(other) => panic!("{other}"),
        }
    }

    fn crash(&mut self, bytes: u64) {
        self.stop();
        let path = self.bench.files().pop().unwrap();
        let len = std::fs::metadata(&path).unwrap().len();
        let len_after = len.saturating_sub(bytes).max(64);
        cut(&path, len_after);
        let sequence = super::super::segment::Name::parse(&path).unwrap().sequence;
        self.frames.retain(|frame| frame.at.position.sequence != sequence || frame.at.next.offset <= len_after);
        self.damaged |= len_after < len;
        self.start();
    }

    fn corrupt(&mut self, frame: prop::sample::Index, byte: prop::sample::Index) {
        if self.frames.is_empty() {
            return;
        }
        let hit = self.frames.remove(frame.index(self.frames.len()));
        let name = format!("{:012}-", hit.at.position.sequence);
        let files = self.bench.files();
        let path = files.iter().find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&name)).unwrap();
        flip(path, hit.at.position.offset + byte.index(96 + 3 + hit.payload.len()) as u64);
        self.damaged = true;
        // What a reader had read ahead it may still hand out.
        let journal = self.journal.as_ref().unwrap();
        self.readers = self.readers.iter().map(|reader| journal.reader(reader.position())).collect();
    }

    fn read(&mut self, reader: usize, count: usize) {
        let reader = &mut self.readers[reader];
        for _ in 0..count {
            let from = reader.position();
            let expected = self.frames.iter().find(|frame| frame.at.position >= from);
            let found = reader.next().unwrap();
            let retired = self.retired.iter().find(|frame| found.as_ref().is_some_and(|it| it.next == frame.at.next));
            let expected = retired.or(expected);
            assert_eq!(found.is_some(), expected.is_some(), "at {from}");
            let (Some(found), Some(expected)) = (found, expected) else { return };
            assert_eq!((found.next, found.ordinal), (expected.at.next, expected.at.ordinal));
            assert_eq!((found.items, &found.payload[..]), (expected.items, &expected.payload[..]));
            assert!(found.position == from || from < self.journal.as_ref().unwrap().head());
        }
    }

    fn acknowledge(&mut self, frame: prop::sample::Index) {
        let (journal, cursor) = (self.journal.as_ref().unwrap(), self.cursor.as_mut().unwrap());
        let frames = drain(&mut journal.resume(cursor));
        let open: Vec<&Frame> = frames.iter().filter(|frame| !cursor.has_acknowledged(frame)).collect();
        if open.is_empty() {
            return;
        }
        // Mostly the first, so that the cursor moves.
        let at = frame.index(open.len() * 3).saturating_sub(open.len() * 2);
        let frame = open[at];
        let missed = Counts::dropped(DropReason::Corrupt, frame.missed.corrupt);
        let lost = Counts::dropped(DropReason::JournalFull, frame.missed.retired);
        cursor.acknowledge(frame.position, frame.next, Counts::delivered(u64::from(frame.items)) + missed + lost);
        self.acknowledged.insert(frame.next.sequence << 32 | frame.next.offset);
    }

    /// Nothing that is in the log and was not acknowledged is kept from the cursor.
    fn finish(mut self) {
        self.stop();
        self.start();
        for reader in 0..3 {
            self.read(reader, usize::MAX);
        }
        let (journal, cursor) = (self.journal.as_ref().unwrap(), self.cursor.as_ref().unwrap());
        let open: BTreeSet<Position> = drain(&mut journal.resume(cursor))
            .iter()
            .filter(|frame| !cursor.has_acknowledged(frame))
            .map(|frame| frame.next)
            .collect();
        for frame in &self.frames {
            let next = frame.at.next;
            let done = self.acknowledged.contains(&(next.sequence << 32 | next.offset));
            assert!(done || open.contains(&next), "{next} was not offered");
            assert!(!done || !open.contains(&next) || self.damaged, "{next} was offered again");
        }
        if !self.damaged {
            let pending: u64 =
                self.frames.iter().filter(|frame| open.contains(&frame.at.next)).map(|f| u64::from(f.items)).sum();
            assert_eq!(cursor.pending(), pending, "accepted = delivered + pending + dropped");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_log_is_what_the_model_says(ops in prop::collection::vec(op(), 1..80)) {
        let mut world = World::new();
        for op in ops {
            world.run(op);
        }
        world.finish();
    }
}
