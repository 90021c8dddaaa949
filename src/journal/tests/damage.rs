//! Torn tails, flipped bytes, wiped directories, damaged cursors: nothing refuses to start, nothing
//! is lost without being counted.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::*;

/// Three frames of one item each, all in one segment.
fn three() -> (Bench, Vec<Appended>) {
    let mut bench = Bench::new(Bench::small());
    let (journal, _) = bench.open();
    let appended = ["one", "two", "three"].map(|text| journal.append(&meta(1, 1), text.as_bytes(), 1).unwrap());
    (bench, appended.to_vec())
}

pub(super) fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x5a], at).unwrap();
}

pub(super) fn cut(path: &Path, len: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(len).unwrap();
}

#[test]
fn a_tail_cut_anywhere_costs_the_frames_it_hits_and_no_other() {
    let (_, appended) = three();
    for len in 0..=appended[2].next.offset {
        let (mut bench, _) = three();
        cut(&bench.files()[0], len);
        let whole = appended.iter().filter(|frame| frame.next.offset <= len).count();
        let (journal, report) = bench.open();
        assert_eq!(report.items, whole as u64, "cut at {len}");
        let torn = if whole == 0 {
            report.torn_bytes <= len
        } else {
            report.torn_bytes == len - appended[whole - 1].next.offset
        };
        assert!(torn && report.corrupt == Corrupt::default(), "cut at {len}: {report:?}");
        journal.append(&meta(1, 1), b"after", 1).unwrap();
        let frames = drain(&mut journal.reader(Position::ORIGIN));
        assert_eq!(frames.len(), whole + 1, "cut at {len}");
        assert_eq!(frames[whole].ordinal, whole as u64);
    }
}

#[test]
fn zeros_behind_the_last_frame_are_a_torn_tail_and_other_bytes_are_kept() {
    for (fill, torn_bytes, corrupt_bytes) in [(0_u8, 4000, 0), (0xaa, 0, 4000)] {
        let (mut bench, appended) = three();
        let path = bench.files()[0].clone();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&vec![fill; 4000], appended[2].next.offset).unwrap();
        let (journal, report) = bench.open();
        assert_eq!((report.torn_bytes, report.corrupt.bytes), (torn_bytes, corrupt_bytes));
        assert!(fs::metadata(&path).unwrap().len() > appended[2].next.offset + corrupt_bytes);
        journal.append(&meta(1, 1), b"after", 1).unwrap();
        let mut reader = journal.reader(Position::ORIGIN);
        assert_eq!(payloads(&drain(&mut reader)), ["one", "two", "three", "after"]);
        assert_eq!(reader.corrupt().bytes, corrupt_bytes);
    }
}

#[test]
fn every_flipped_byte_of_a_middle_frame_skips_that_frame_alone() {
    let (_, appended) = three();
    let payload_end = appended[1].position.offset + 96 + 3 + 3;
    for at in appended[1].position.offset..payload_end {
        let (mut bench, _) = three();
        flip(&bench.files()[0], at);
        let (journal, report) = bench.open();
        assert_eq!((report.items, report.torn_bytes, report.corrupt.stretches), (3, 0, 1), "byte {at}");
        let mut reader = journal.reader(Position::ORIGIN);
        let frames = drain(&mut reader);
        assert_eq!(payloads(&frames), ["one", "three"], "byte {at}");
        assert_eq!(frames[0].next, frames[1].position);
        assert_eq!(frames[1].missed, Missed { corrupt: 1, retired: 0 });
        let stepped = appended[1].next.offset - appended[1].position.offset;
        assert_eq!(reader.corrupt(), Corrupt { stretches: 1, bytes: stepped });
    }
}

#[test]
fn a_damaged_footer_costs_a_scan_and_nothing_else() {
    let (mut bench, _) = three();
    drop(bench.open());
    let sealed = bench.files()[0].clone();
    let len = fs::metadata(&sealed).unwrap().len();
    flip(&sealed, len - 20);
    let (journal, report) = bench.open();
    assert_eq!((report.items, report.corrupt), (3, Corrupt::default()));
    assert_eq!(drain(&mut journal.reader(Position::ORIGIN)).len(), 3);
}

#[test]
fn a_frame_moved_to_another_place_or_segment_is_not_believed() {
    let (mut bench, appended) = three();
    let path = bench.files()[0].clone();
    let bytes = fs::read(&path).unwrap();
    let (from, to) = (appended[0].position.offset as usize, appended[0].next.offset as usize);
    // A sender puts a frame of ours into its body, at a place where a reader would look for one.
    let (journal, _) = bench.open();
    journal.append(&meta(1, 1), &bytes[from..to], 1).unwrap();
    journal.append(&meta(1, 1), b"end", 1).unwrap();
    let active = bench.files()[1].clone();
    drop(journal);
    flip(&active, 64 + 20);
    let (journal, _) = bench.open();
    assert_eq!(payloads(&drain(&mut journal.reader(Position::ORIGIN))), ["one", "two", "three", "end"]);
}

#[test]
fn a_wiped_directory_gives_fresh_ids_at_the_same_positions() {
    let (mut bench, appended) = three();
    let (journal, _) = bench.open();
    let mut cursor = bench.cursor(&journal, Start::Earliest);
    let before = drain(&mut journal.resume(&cursor));
    cursor.acknowledge(before[0].position, before[1].next, Counts::delivered(2));
    cursor.save().unwrap();
    drop((journal, cursor));
    fs::remove_dir_all(bench.dir.path().join("metrics")).unwrap();
    let (journal, _) = bench.open();
    for text in ["one", "two", "three"] {
        let again = journal.append(&meta(1, 1), text.as_bytes(), 1).unwrap();
        assert!(appended.iter().any(|before| before.position == again.position), "the same positions recur");
        assert!(appended.iter().all(|before| before.segment_id != again.segment_id), "in a segment of another id");
    }
    let after = drain(&mut journal.reader(Position::ORIGIN));
    assert!(before.iter().zip(&after).all(|(before, after)| before.original != after.original));
    let cursor = bench.cursor(&journal, Start::Latest);
    assert_eq!(cursor.resumed(), Resumed::Restarted);
    assert_eq!(drain(&mut journal.resume(&cursor)).len(), 3);
    assert_eq!((cursor.pending(), cursor.counters().delivered), (3, 2));
}

#[test]
fn a_damaged_cursor_slot_falls_back_to_the_other_and_two_to_the_head() {
    let (mut bench, _) = three();
    let (journal, _) = bench.open();
    let frames = drain(&mut journal.reader(Position::ORIGIN));
    let mut cursor = bench.cursor(&journal, Start::Earliest);
    for frame in &frames {
        cursor.acknowledge(frame.position, frame.next, Counts::delivered(1));
        cursor.save().unwrap();
    }
    drop(cursor);
    // Generation 1 was opening; 4 is the third acknowledgement, in the first slot.
    let path = bench.dir.path().join("cursors/a");
    flip(&path, 60);
    let cursor = bench.cursor(&journal, Start::Latest);
    assert_eq!((cursor.position(), cursor.pending()), (frames[1].next, 1));
    drop(cursor);
    flip(&path, 60);
    flip(&path, (16 << 10) + 60);
    let cursor = bench.cursor(&journal, Start::Latest);
    assert_eq!((cursor.resumed(), cursor.pending()), (Resumed::Restarted, 3));
}

#[test]
fn acknowledgements_of_frames_that_a_power_cut_took_are_taken_back() {
    let mut bench = Bench::new(Bench::small());
    let (journal, _) = bench.open();
    let appended = ["one", "two", "three"].map(|text| journal.append(&meta(1, 1), text.as_bytes(), 1).unwrap());
    let mut cursor = bench.cursor(&journal, Start::Earliest);
    let frames = drain(&mut journal.resume(&cursor));
    cursor.acknowledge(frames[0].position, frames[0].next, Counts::delivered(1));
    cursor.acknowledge(frames[2].position, frames[2].next, Counts::delivered(1));
    cursor.save().unwrap();
    drop((journal, cursor));
    cut(&bench.files()[0], appended[1].next.offset);
    let (journal, _) = bench.open();
    journal.append(&meta(1, 1), b"new", 1).unwrap();
    let cursor = bench.cursor(&journal, Start::Earliest);
    let frames = drain(&mut journal.resume(&cursor));
    assert_eq!(payloads(&frames), ["two", "new"]);
    assert!(frames.iter().all(|frame| !cursor.has_acknowledged(frame)));
    assert_eq!((cursor.pending(), cursor.counters().total()), (2, 1));
}
