//! What the journal costs beside writing and copying the same bytes plainly, in the same run.
//!
//! Frames/s is the `item/s` column, GB/s the `B/s` one. The sizes are those of a single small
//! request, of a usual remote-write request, and of a large batch. Everything stays in the page
//! cache: the figure is what the CPU pays, not what a disk can do.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::Path;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, Divan};
use tempfile::TempDir;
use watchgate::journal::{Config, FrameMeta, Journal, MinFree, Position};
use watchgate::model::signal::{Encoding, Origin, Signal, WireFormat};

/// The product's allocator: chunks of the reader come from it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Payload bytes of one frame.
const SIZES: [usize; 3] = [500, 80_000, 1_000_000];
/// Bytes written by one run.
const RUN_BYTES: usize = 64 << 20;

fn main() {
    Divan::from_args().sample_count(7).sample_size(1).main();
}

/// Bytes without a pattern that would please anybody, from a fixed seed.
fn payload(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(step).take(size).collect()
}

fn meta(now: i64) -> FrameMeta<'static> {
    FrameMeta {
        format: WireFormat::RemoteWriteV1,
        encoding: Encoding::Snappy,
        origin: Origin::Received,
        tenant: 0,
        lane: 0,
        received_at: now,
        items: 1,
        decompressed_len: 0,
        time_min_ms: now,
        time_max_ms: now,
        context: b"",
    }
}

fn open(dir: &Path) -> Journal {
    let config = Config { min_free: MinFree::Bytes(0), ..Config::default() };
    Journal::open(dir, Signal::Metrics, &config, &mut || 7, 0).expect("opens").0
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>, size: usize) -> Bencher<'a, 'b> {
    let frames = RUN_BYTES / size;
    bencher.counter(BytesCount::new(frames * size)).counter(ItemsCount::new(frames))
}

#[divan::bench(args = SIZES)]
fn append(bencher: Bencher<'_, '_>, size: usize) {
    let payload = payload(size);
    counted(bencher, size).with_inputs(|| TempDir::new().expect("a directory")).bench_local_values(|dir| {
        let journal = open(dir.path());
        for number in 0..RUN_BYTES / size {
            journal.append(&meta(number as i64), &payload, number as i64).expect("appends");
        }
        dir
    });
}

/// The floor of [`append`]: one `write` a frame into one file.
#[divan::bench(args = SIZES)]
fn append_floor_plain_write(bencher: Bencher<'_, '_>, size: usize) {
    let payload = payload(size);
    counted(bencher, size).with_inputs(|| TempDir::new().expect("a directory")).bench_local_values(|dir| {
        let mut file = File::create(dir.path().join("plain")).expect("creates");
        for _ in 0..RUN_BYTES / size {
            file.write_all(&payload).expect("writes");
        }
        dir
    });
}

#[divan::bench(args = SIZES)]
fn read(bencher: Bencher<'_, '_>, size: usize) {
    let dir = TempDir::new().expect("a directory");
    let journal = open(dir.path());
    let payload = payload(size);
    for number in 0..RUN_BYTES / size {
        journal.append(&meta(number as i64), &payload, number as i64).expect("appends");
    }
    counted(bencher, size).bench_local(|| {
        let mut reader = journal.reader(Position::ORIGIN);
        let mut frames = 0;
        while let Some(frame) = reader.next().expect("reads") {
            frames += usize::from(!black_box(frame.payload).is_empty());
        }
        assert_eq!(frames, RUN_BYTES / size);
    });
}

/// The floor of [`read`]: the same bytes of one file through a buffer of the same size.
#[divan::bench(args = SIZES)]
fn read_floor_plain_copy(bencher: Bencher<'_, '_>, size: usize) {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("plain");
    fs::write(&path, payload(RUN_BYTES / size * size)).expect("writes");
    let mut buffer = vec![0; 256 << 10];
    counted(bencher, size).bench_local(|| {
        let mut file = File::open(&path).expect("opens");
        while file.read(&mut buffer).expect("reads") > 0 {
            black_box(&buffer);
        }
    });
}
