//! Decompressing any bytes stays within its limit; compressing any bytes is undone exactly.

use bytes::Bytes;
use watchgate::codec::compression::{decompress, gzip, snappy, zstd};
use watchgate::model::signal::Encoding;

const BYTES_MAX: usize = 1 << 20;

pub fn fuzz(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    for encoding in [Encoding::Identity, Encoding::Snappy, Encoding::Gzip, Encoding::Zstd] {
        if let Ok(plain) = decompress(encoding, &data, BYTES_MAX) {
            assert!(plain.len() <= BYTES_MAX);
        }
    }
    let (mut snapped, mut zipped, mut dense) = (Vec::new(), Vec::new(), Vec::new());
    snappy(&data, &mut snapped).expect("less than 4 GiB");
    gzip(&data, &mut zipped).expect("memory");
    zstd(&data, &mut dense).expect("memory");
    assert_eq!(decompress(Encoding::Snappy, &snapped.into(), data.len()).as_deref(), Ok(&data[..]));
    assert_eq!(decompress(Encoding::Gzip, &zipped.into(), data.len()).as_deref(), Ok(&data[..]));
    assert_eq!(decompress(Encoding::Zstd, &dense.into(), data.len()).as_deref(), Ok(&data[..]));
}

pub fn seeds() -> Vec<Vec<u8>> {
    let text = b"abcdefgh abcdefgh abcdefgh 0123456789 ".repeat(30);
    let (mut snapped, mut zipped, mut dense) = (Vec::new(), Vec::new(), Vec::new());
    snappy(&text, &mut snapped).expect("less than 4 GiB");
    gzip(&text, &mut zipped).expect("memory");
    gzip(&text, &mut zipped).expect("memory");
    zstd(&text, &mut dense).expect("memory");
    zstd(&text, &mut dense).expect("memory");
    vec![text, snapped, zipped, dense]
}
