//! Append, read, acknowledge, and all that again after a restart.

use super::*;

#[test]
fn what_is_appended_is_read_by_every_reader_and_after_a_restart() {
    let mut bench = Bench::new(Bench::small());
    let (journal, report) = bench.open();
    assert_eq!((report.segments, report.items), (0, 0));
    let first = journal.append(&meta(2, 100), b"one", 100).unwrap();
    let mut early = journal.reader(Position::ORIGIN);
    assert_eq!(payloads(&drain(&mut early)), ["one"]);
    assert!(early.next().unwrap().is_none());
    let second = journal.append(&meta(3, 200), b"two", 200).unwrap();
    assert_eq!((first.ordinal, second.ordinal, journal.items()), (0, 2, 5));
    assert_eq!((first.next, second.next), (second.position, journal.tail()));
    let frame = early.next().unwrap().unwrap();
    assert_eq!((frame.position, frame.next, frame.ordinal), (second.position, second.next, 2));
    assert_eq!((&frame.context[..], &frame.payload[..]), (&b"ctx"[..], &b"two"[..]));
    assert_eq!((frame.tenant, frame.lane, frame.items, frame.received_at), (7, 3, 3, 200));
    drop(journal);
    let (journal, report) = bench.open();
    assert_eq!((report.segments, report.items, report.torn_bytes), (1, 5, 0));
    journal.append(&meta(1, 300), b"three", 300).unwrap();
    let frames = drain(&mut journal.reader(Position::ORIGIN));
    assert_eq!(payloads(&frames), ["one", "two", "three"]);
    assert_eq!(frames[2].ordinal, 5);
    assert_eq!(journal.sync().unwrap(), journal.tail());
}

#[test]
fn spans_join_over_rolls_and_a_cursor_follows_them_in_any_order() {
    let mut bench = Bench::new(Bench::small());
    let (journal, _) = bench.open();
    for number in 0..100 {
        journal.append(&meta(1, number), &[b'x'; 500], number).unwrap();
    }
    let frames = drain(&mut journal.reader(Position::ORIGIN));
    assert_eq!(frames.len(), 100);
    assert!(bench.files().len() > 10);
    assert!(frames.windows(2).all(|pair| pair[0].next == pair[1].position));
    let mut cursor = bench.cursor(&journal, Start::Earliest);
    for frame in frames.iter().skip(1).rev() {
        cursor.acknowledge(frame.position, frame.next, Counts::delivered(1));
    }
    assert_eq!((cursor.position(), cursor.pending()), (journal.head(), 1));
    assert!(cursor.has_acknowledged(&frames[50]) && !cursor.has_acknowledged(&frames[0]));
    cursor.save().unwrap();
    let mut cursor = bench.cursor(&journal, Start::Earliest);
    assert!(cursor.has_acknowledged(&frames[50]) && !cursor.has_acknowledged(&frames[0]));
    cursor.acknowledge(frames[0].position, frames[0].next, Counts::dropped(DropReason::TooOld, 1));
    assert_eq!((cursor.position(), cursor.ordinal(), cursor.pending()), (journal.tail(), 100, 0));
    assert_eq!((cursor.counters().delivered, cursor.counters().total()), (99, 100));
}

#[test]
fn a_second_writer_is_refused_while_the_first_lives() {
    let mut bench = Bench::new(Bench::small());
    let (journal, _) = bench.open();
    let second = Journal::open(bench.dir.path(), Signal::Metrics, &bench.config, &mut || 9, 0);
    assert!(matches!(second.err(), Some(OpenError::Locked { .. })));
    journal.append(&meta(1, 1), b"seen by an archive beside the writer", 1).unwrap();
    let (archive, _) = Archive::open(bench.dir.path(), Signal::Metrics).unwrap();
    assert_eq!(drain(&mut archive.reader(archive.head())).len(), 1);
    drop(journal);
    bench.open();
}

#[test]
fn writers_syncers_and_readers_work_at_the_same_time() {
    let mut bench = Bench::new(Bench::small());
    let (journal, _) = bench.open();
    const EACH: i64 = 300;
    let handed_on = parking_lot::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (journal, handed_on) = (journal.clone(), &handed_on);
            scope.spawn(move || {
                for number in 0..EACH {
                    let then = |appended: &Appended| {
                        handed_on.lock().push(appended.position);
                        appended.next
                    };
                    let text = format!("{writer} {number}");
                    let next = journal.append_then(&meta(1, number), text.as_bytes(), number, then).unwrap();
                    if number % 50 == 0 {
                        assert!(journal.sync_to(next).unwrap() >= next);
                    }
                }
            });
        }
        for _ in 0..2 {
            let mut reader = journal.reader(Position::ORIGIN);
            scope.spawn(move || {
                let mut frames = Vec::new();
                while frames.len() < 3 * EACH as usize {
                    frames.extend(reader.next().unwrap());
                }
                assert!(frames.iter().zip(0..).all(|(frame, ordinal)| frame.ordinal == ordinal));
                assert_eq!(reader.corrupt(), Corrupt::default());
                for writer in 0..3 {
                    let texts = payloads(&frames);
                    let own = texts.iter().filter_map(|text| text.strip_prefix(&format!("{writer} ")));
                    assert!(own.eq((0..EACH).map(|number| number.to_string())), "each sender's order is kept");
                }
            });
        }
    });
    let positions = handed_on.into_inner();
    assert!(positions.is_sorted() && positions.len() == 3 * EACH as usize);
}
