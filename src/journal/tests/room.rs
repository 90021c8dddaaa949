//! Retention, `bytes_max`, `on_full`, `min_free`, and readers that come too late.

use super::*;

const SPACE: u64 = 32 << 10;

fn bench(on_full: OnFull) -> Bench {
    Bench::new(Config { bytes_max: SPACE, on_full, ..Bench::small() })
}

fn fill(journal: &Journal, count: i64) -> Result<Appended, AppendError> {
    let append = |number| journal.append(&meta(1, number), &[b'x'; 900], number);
    (1..count).try_fold(append(0)?, |_, number| append(number))
}

#[test]
fn full_of_undelivered_bytes_rejects_until_an_exporter_moves_on() {
    let mut bench = bench(OnFull::Reject);
    let (journal, _) = bench.open();
    assert!(matches!(fill(&journal, 100), Err(AppendError::Full { bytes_max: SPACE, .. })));
    assert!(journal.bytes() <= SPACE);
    let frames = drain(&mut journal.reader(Position::ORIGIN));
    assert_eq!(journal.retire(Some(frames[10].next), 0), Retired::default(), "kept for retention while there is room");
    assert!(fill(&journal, 5).is_ok());
    assert!(journal.head() > Position::new(1, 0) && journal.head() <= frames[10].next);
    assert!(journal.bytes() <= SPACE);
    journal.retire(Some(journal.tail()), 0);
    assert!(fill(&journal, 20).is_ok(), "what is delivered makes room, the active segment too");
}

#[test]
fn drop_oldest_goes_on_and_the_late_reader_learns_how_many_items_it_missed() {
    let mut bench = bench(OnFull::DropOldest);
    let (journal, _) = bench.open();
    let mut cursor = bench.cursor(&journal, Start::Earliest);
    let mut reader = journal.resume(&cursor);
    fill(&journal, 2).unwrap();
    let first = reader.next().unwrap().unwrap();
    cursor.acknowledge(first.position, first.next, Counts::delivered(1));
    assert!(fill(&journal, 100).is_ok());
    assert!(journal.bytes() <= SPACE && journal.dropped().segments > 10);
    let rest = drain(&mut reader);
    let missed: u64 = rest.iter().map(|frame| frame.missed.retired).sum();
    assert!(missed > 50);
    assert_eq!(missed + rest.len() as u64 + 1, journal.items());
    for frame in &rest {
        let counts = Counts::delivered(1) + Counts::dropped(DropReason::JournalFull, frame.missed.retired);
        cursor.acknowledge(frame.position, frame.next, counts);
    }
    assert_eq!((cursor.position(), cursor.pending()), (journal.tail(), 0));
    cursor.save().unwrap();
    drop(cursor);
    fill(&journal, 100).unwrap();
    let cursor = bench.cursor(&journal, Start::Earliest);
    assert!(matches!(cursor.resumed(), Resumed::Missed { items } if items == journal.head_items() - 102));
    assert_eq!(cursor.pending(), drain(&mut journal.resume(&cursor)).len() as u64);
}

#[test]
fn delivered_segments_go_after_their_retention_and_undelivered_ones_stay() {
    let mut bench = Bench::new(Config { retention: 1000, ..Bench::small() });
    let (journal, _) = bench.open();
    fill(&journal, 30).unwrap();
    let frames = drain(&mut journal.reader(Position::ORIGIN));
    assert_eq!(journal.retire(Some(Position::ORIGIN), 1_000_000), Retired::default());
    assert_eq!(journal.retire(Some(frames[19].next), 1_000_000), Retired::default(), "delivered just now");
    assert!(journal.retire(Some(frames[19].next), 1_001_001).segments > 3);
    assert!(drain(&mut journal.reader(Position::ORIGIN)).len() >= 10);
    drop(journal);
    let (journal, _) = bench.open();
    assert_eq!(journal.items(), 30);
    journal.retire(None, 2_000_000);
    assert_eq!((journal.head().sequence, journal.head_items()), (journal.tail().sequence, 30));
    drop(journal);
    let (journal, _) = bench.open();
    assert_eq!(journal.items(), 30, "the count of items outlives every frame");
}

#[test]
fn what_can_never_fit_is_told_apart_from_what_does_not_fit_now() {
    let mut bench = bench(OnFull::Reject);
    let (journal, _) = bench.open();
    let huge = journal.append(&meta(1, 1), &vec![0; SPACE as usize], 1);
    assert!(matches!(huge, Err(AppendError::TooLarge { .. })));
    let context = vec![0; 2000];
    let long = journal.append(&FrameMeta { context: &context, ..meta(1, 1) }, b"", 1);
    assert!(matches!(long, Err(AppendError::TooLarge { bytes: 2000, bytes_max: 1024 })));
    let over_a_segment = vec![7; 10_000];
    journal.append(&meta(1, 1), b"small", 1).unwrap();
    journal.append(&meta(1, 1), &over_a_segment, 1).unwrap();
    journal.append(&meta(1, 1), b"small", 1).unwrap();
    let frames = drain(&mut journal.reader(Position::ORIGIN));
    assert_eq!(frames.iter().map(|frame| frame.payload.len()).collect::<Vec<_>>(), [5, 10_000, 5]);
    assert_eq!(bench.files().len(), 3);
}

#[test]
fn seeking_by_time_never_lands_behind_what_is_wanted() {
    let mut bench = Bench::new(Config { segment_bytes: 8 << 20, ..Bench::small() });
    let (journal, _) = bench.open();
    let payload = vec![1; 100_000];
    // The clock is set back twice.
    let times: Vec<i64> = (0..200).map(|number| if number % 90 == 80 { number - 50 } else { number }).collect();
    for time in &times {
        journal.append(&meta(1, *time), &payload, *time).unwrap();
    }
    for wanted in [0, 1, 55, 81, 120, 199, 200] {
        let frames = drain(&mut journal.reader(journal.seek_time(wanted)));
        let found = frames.iter().filter(|frame| frame.received_at >= wanted).count();
        assert_eq!(found, times.iter().filter(|time| **time >= wanted).count(), "from {wanted}");
        assert!(frames.len() < found + 15, "from {wanted}: {} read for {found}", frames.len());
    }
    let cursor = bench.cursor(&journal, Start::Ago(10_000 - 190));
    assert!(cursor.pending() >= 10 && cursor.pending() < 25);
}
