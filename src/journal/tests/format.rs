//! Bytes on disk: golden ones, and directories that earlier versions wrote.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::frame::{HEADER_BYTES, Header};
use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes
        .chunks(8)
        .map(|row| row.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_frame_header_has_these_bytes() {
    let payload = b"payload";
    let mut header = Header::of(&meta(5, 0x0102_0304), payload, crc32c::crc32c(payload)).unwrap();
    header.ordinal = 77;
    header.original_id = 0x1122_3344_5566_7788;
    header.original = Position::new(9, 64);
    let bytes = header.encode(0x1122_3344_5566_7788, 64, b"ctx");
    let golden = [
        "ab574746744ed580",
        "0100600003000300",
        "070000007069e3f4",
        "01010100e8030000",
        "0700000005000000",
        "4d00000000000000",
        "0403020100000000",
        "fa02020100000000",
        "0303020100000000",
        "8877665544332211",
        "0900000000000000",
        "4000000000000000",
    ];
    assert_eq!(
        hex(&bytes),
        golden.join(
            "
"
        )
    );
    let stored = [&bytes[..], b"ctx"].concat();
    assert_eq!(Header::decode(0x1122_3344_5566_7788, 64, &stored), Some(header));
    assert_eq!(Header::decode(0x1122_3344_5566_7788, 72, &stored), None, "not at another offset");
    assert_eq!(Header::decode(1, 64, &stored), None, "not in another segment");
    assert_eq!((header.frame_bytes(), HEADER_BYTES), (112, 96));
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => assert!(fs::copy(entry.path(), target).is_ok()),
        }
    }
}

/// What the fixture holds: two sealed segments, an active one with a torn tail, a cursor with a range.
fn write_fixture(dir: &Path) {
    let mut bench = Bench { dir: tempfile::TempDir::new().unwrap(), config: Bench::small(), entropy: 40 };
    let (journal, _) = bench.open();
    for number in 0..12 {
        journal.append(&meta(2, 1000 + number), format!("frame {number:>900}").as_bytes(), 1000 + number).unwrap();
    }
    let mut cursor = bench.cursor(&journal, Start::Earliest);
    let frames = drain(&mut journal.resume(&cursor));
    cursor.acknowledge(frames[0].position, frames[3].next, Counts::delivered(7) + Counts::dead_lettered(1));
    cursor.acknowledge(frames[5].position, frames[6].next, Counts::dropped(DropReason::OutOfOrder, 4));
    cursor.save().unwrap();
    let (active, tail) = (bench.files().pop().unwrap(), journal.tail());
    drop((journal, cursor));
    let mut bytes = fs::read(&active).unwrap();
    bytes.truncate(tail.offset as usize - 100);
    fs::write(&active, bytes).unwrap();
    copy(bench.dir.path(), dir);
}

#[test]
#[ignore = "writes the fixture of a new format version; run once, commit what it wrote"]
fn write_the_fixture_of_this_version() {
    write_fixture(&fixture().join("v1"));
}

#[test]
fn directories_of_every_version_are_read() {
    for version in fs::read_dir(fixture()).unwrap().map(|entry| entry.unwrap().path()) {
        let mut bench = Bench::new(Bench::small());
        copy(&version, bench.dir.path());
        let (journal, report) = bench.open();
        assert_eq!((report.segments, report.items, report.corrupt), (3, 22, Corrupt::default()), "{version:?}");
        assert!(report.torn_bytes > 0);
        let frames = drain(&mut journal.reader(Position::ORIGIN));
        let texts: Vec<String> = (0..11).map(|number| format!("frame {number:>900}")).collect();
        assert_eq!(payloads(&frames), texts);
        for (number, frame) in frames.iter().enumerate() {
            let number = number as i64;
            assert_eq!((frame.ordinal, frame.received_at, frame.items), (number as u64 * 2, 1000 + number, 2));
            assert_eq!((frame.format, frame.encoding), (WireFormat::RemoteWriteV1, Encoding::Snappy));
            assert_eq!((frame.tenant, frame.lane, &frame.context[..]), (7, 3, &b"ctx"[..]));
        }
        let cursor = bench.cursor(&journal, Start::Latest);
        assert_eq!((cursor.resumed(), cursor.position()), (Resumed::Exactly, frames[3].next));
        assert!(cursor.has_acknowledged(&frames[6]) && !cursor.has_acknowledged(&frames[4]));
        let expected = Counts::delivered(7) + Counts::dead_lettered(1) + Counts::dropped(DropReason::OutOfOrder, 4);
        assert_eq!((*cursor.counters(), cursor.pending()), (expected, 10));
    }
}
