//! A disk that fails on demand: fsync, writes, truncation, space.

use std::fs::File;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};

use super::super::storage::{Files, SegmentFile, Space, Storage};
use super::*;

/// What the disk does from now on.
struct Faults {
    syncs_to_fail: AtomicUsize,
    writes_fail: AtomicBool,
    truncates_fail: AtomicBool,
    free: AtomicU64,
}

struct Faulty(Arc<Faults>);

struct FaultyFile {
    file: Arc<dyn SegmentFile>,
    faults: Arc<Faults>,
}

impl Storage for Faulty {
    fn create(&self, path: &Path, reserve: u64) -> io::Result<Arc<dyn SegmentFile>> {
        Ok(Arc::new(FaultyFile { file: Files.create(path, reserve)?, faults: Arc::clone(&self.0) }))
    }

    fn reopen(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>> {
        Files.reopen(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        Files.sync_directory(path)
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(Space { total: 100 << 20, free: self.0.free.load(SeqCst) })
    }
}

impl SegmentFile for FaultyFile {
    fn write_at(&self, parts: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        if self.faults.writes_fail.load(SeqCst) {
            // Half of it gets through, as on a full disk.
            let half = parts.iter().map(|part| part.len()).sum::<usize>() / 2;
            let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).take(half).collect();
            self.file.write_at(&mut [IoSlice::new(&bytes)], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_at(parts, offset)
    }

    fn sync(&self) -> io::Result<()> {
        match self.faults.syncs_to_fail.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Err(io::Error::other("the disk is gone")),
            Err(_) => self.file.sync(),
        }
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        if self.faults.truncates_fail.load(SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.file.truncate(len)
    }
}

fn faulty(bench: &mut Bench) -> (Journal, Arc<Faults>) {
    let faults = Arc::new(Faults {
        syncs_to_fail: AtomicUsize::new(0),
        writes_fail: AtomicBool::new(false),
        truncates_fail: AtomicBool::new(false),
        free: AtomicU64::new(50 << 20),
    });
    let entropy = &mut bench.entropy;
    let mut draw = || {
        *entropy += 1;
        *entropy
    };
    let storage = Arc::new(Faulty(Arc::clone(&faults)));
    let opened = Journal::open_on(storage, bench.dir.path(), Signal::Metrics, &bench.config, &mut draw, 0);
    (opened.unwrap().0, faults)
}

fn append(journal: &Journal, numbers: std::ops::Range<i64>) -> Vec<Appended> {
    let text = |number: i64| format!("{number:>600}");
    numbers.map(|number| journal.append(&meta(1, number), text(number).as_bytes(), number).unwrap()).collect()
}

fn numbers(frames: &[Frame]) -> Vec<i64> {
    payloads(frames).iter().map(|text| text.trim().parse().unwrap()).collect()
}

/// One fsync fails after 4 of 10 frames are on disk; a reader has had 7 by then.
fn story(truncates_fail: bool, failures: usize) {
    let mut bench = Bench::new(Bench::small());
    let (journal, faults) = faulty(&mut bench);
    let first = append(&journal, 0..4);
    journal.sync().unwrap();
    let later = append(&journal, 4..10);
    let mut reader = journal.reader(Position::ORIGIN);
    let early: Vec<Frame> = (0..7).map(|_| reader.next().unwrap().unwrap()).collect();
    faults.syncs_to_fail.store(failures, SeqCst);
    faults.truncates_fail.store(truncates_fail, SeqCst);
    let synced = journal.sync().unwrap();
    assert_eq!(synced, journal.tail());
    assert!(synced >= later[5].next, "whoever waits for a frame that moved is answered, too");
    assert_eq!((journal.sync_report().abandoned, journal.sync_report().lost_bytes), (failures as u64, 0));
    let rest = drain(&mut reader);
    assert_eq!(numbers(&rest), [7, 8, 9], "each frame once, copied or not");
    assert_eq!(rest[0].position, early[6].next, "and without a hole between the spans");
    assert!(rest.iter().all(|frame| frame.missed == Missed::default()));
    append(&journal, 10..12);
    let check = |journal: &Journal| {
        let frames = drain(&mut journal.reader(Position::ORIGIN));
        assert_eq!(numbers(&frames), (0..12).collect::<Vec<_>>());
        for (frame, appended) in frames.iter().zip(first.iter().chain(&later)) {
            assert_eq!((frame.ordinal, frame.original.1), (appended.ordinal, appended.position.offset));
        }
        for (frame, early) in frames.iter().zip(&early) {
            assert_eq!(frame.original, early.original, "`_id`s do not change by copying");
        }
        assert_eq!(journal.items(), 12);
    };
    check(&journal);
    drop((journal, reader));
    let (journal, _) = bench.open();
    check(&journal);
    let half = drain(&mut journal.reader(first[2].position));
    assert_eq!(numbers(&half), (2..12).collect::<Vec<_>>());
}

#[test]
fn a_failed_fsync_moves_what_was_not_synced_to_a_new_segment() {
    story(false, 1);
}

#[test]
fn two_failures_in_a_row_copy_the_copies() {
    story(false, 2);
}

#[test]
fn a_disk_that_does_not_truncate_either_still_delivers_each_frame_once() {
    story(true, 1);
}

#[test]
fn a_disk_that_stays_gone_is_an_error_and_costs_no_frame() {
    let mut bench = Bench::new(Bench::small());
    let (journal, faults) = faulty(&mut bench);
    append(&journal, 0..3);
    faults.syncs_to_fail.store(100, SeqCst);
    assert!(journal.sync().is_err());
    append(&journal, 3..5);
    assert!(journal.sync().is_err());
    faults.syncs_to_fail.store(0, SeqCst);
    journal.sync().unwrap();
    assert_eq!(numbers(&drain(&mut journal.reader(Position::ORIGIN))), [0, 1, 2, 3, 4]);
}

#[test]
fn a_write_that_breaks_off_leaves_nothing_behind() {
    let mut bench = Bench::new(Bench::small());
    let (journal, faults) = faulty(&mut bench);
    append(&journal, 0..2);
    let tail = journal.tail();
    faults.writes_fail.store(true, SeqCst);
    assert!(matches!(journal.append(&meta(1, 9), &[9; 500], 9), Err(AppendError::Io(_))));
    assert_eq!((journal.tail(), journal.items()), (tail, 2));
    assert!(matches!(journal.append(&meta(1, 9), &[9; 50_000], 9), Err(AppendError::Io(_))), "at a roll, too");
    faults.writes_fail.store(false, SeqCst);
    append(&journal, 2..4);
    assert_eq!(numbers(&drain(&mut journal.reader(Position::ORIGIN))), [0, 1, 2, 3]);
    drop(journal);
    let (journal, report) = bench.open();
    assert_eq!((report.items, report.corrupt), (4, Corrupt::default()));
    assert_eq!(drain(&mut journal.reader(Position::ORIGIN)).len(), 4);
}

#[test]
fn a_nearly_full_disk_rejects_after_delivered_segments_made_room() {
    let mut bench = Bench::new(Config { min_free: MinFree::Percent(5.0), ..Bench::small() });
    let (journal, faults) = faulty(&mut bench);
    append(&journal, 0..20);
    faults.free.store(4 << 20, SeqCst);
    let big = vec![0; 9 << 20];
    assert!(journal.append(&meta(1, 1), &big, 1).is_ok(), "the disk is not asked for every frame");
    let refused = journal.append(&meta(1, 1), b"", 1);
    assert!(matches!(refused, Err(AppendError::NoSpace { free: 4_194_304, min_free: 5_242_880 })));
    assert_eq!(journal.head().sequence, 1);
    journal.retire(Some(journal.tail()), 0);
    assert!(journal.append(&meta(1, 1), b"", 1).is_err());
    assert_eq!(journal.head().sequence, journal.tail().sequence, "delivered segments went first");
    faults.free.store(50 << 20, SeqCst);
    assert!(journal.append(&meta(1, 1), b"", 1).is_ok());
}

#[test]
fn a_sealed_segment_gives_back_what_was_reserved_for_it() {
    use std::os::unix::fs::MetadataExt;
    let mut bench = Bench::new(Config { segment_bytes: 4 << 20, ..Bench::small() });
    let (journal, _) = bench.open();
    append(&journal, 0..3);
    let blocks = |path: &Path| File::open(path).unwrap().metadata().unwrap().blocks() * 512;
    let reserved = blocks(&bench.files()[0]);
    drop(journal);
    drop(bench.open());
    assert!(!(64 << 10..4 << 20).contains(&reserved), "reserved, or a file system that cannot: {reserved}");
    assert!(blocks(&bench.files()[0]) < 64 << 10);
}

#[test]
fn a_disk_too_small_to_reserve_a_segment_on_is_used_as_it_is() {
    let mut bench = Bench::new(Config { segment_bytes: 1 << 60, bytes_max: u64::MAX, ..Bench::small() });
    let (journal, _) = bench.open();
    append(&journal, 0..3);
    assert!(File::open(&bench.files()[0]).unwrap().metadata().unwrap().len() < 4096);
    assert_eq!(drain(&mut journal.reader(Position::ORIGIN)).len(), 3);
}
