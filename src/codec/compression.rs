//! Content encodings of request bodies: identity, snappy's block format, gzip, zstd.
//!
//! Decompressing is bounded twice. Nothing longer than the caller's limit comes out, and memory
//! follows the bytes that are there, never a sender's claim: a snappy preamble that its own body
//! cannot fill is refused before anything is allocated, and gzip's and zstd's output grows as it
//! appears. [`decompress_within`] also asks for the room before it takes it.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::model::signal::Encoding;

/// Most bytes that one byte of a snappy body stands for: a copy of 64 bytes takes 3.
const SNAPPY_RATIO_MAX: u64 = 22;

/// First guess of gzip's and zstd's ratio, and the least that their output grows by.
const RATIO_USUAL: usize = 4;
const CHUNK_BYTES: usize = 16 << 10;

/// Largest zstd window, as a power of two: 8 MiB is what RFC 9659 allows as a content encoding.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Why a body cannot be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompressionError {
    /// It is longer than allowed.
    #[error("decompressed body is longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// There is no room for it now.
    #[error("no room to decompress the body")]
    NoRoom,
    /// It is not what its encoding says.
    #[error("not a valid {encoding} body: {what}")]
    Corrupt {
        /// The encoding as named in `Content-Encoding`.
        encoding: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

fn corrupt(encoding: &'static str, what: impl ToString) -> CompressionError {
    CompressionError::Corrupt { encoding, what: what.to_string() }
}

/// `body` without its encoding, at most `bytes_max` bytes; an identity body is shared, not copied.
///
/// # Errors
/// [`CompressionError::TooLarge`] beyond `bytes_max`, [`CompressionError::Corrupt`] otherwise.
pub fn decompress(encoding: Encoding, body: &Bytes, bytes_max: usize) -> Result<Bytes, CompressionError> {
    decompress_within(encoding, body, bytes_max, &mut |_| true)
}

/// Like [`decompress`]; `room` is asked for each further number of bytes before they are allocated.
/// An identity body needs none.
///
/// # Errors
/// As [`decompress`], and [`CompressionError::NoRoom`] when `room` says no.
pub fn decompress_within(
    encoding: Encoding,
    body: &Bytes,
    bytes_max: usize,
    room: &mut dyn FnMut(usize) -> bool,
) -> Result<Bytes, CompressionError> {
    if encoding == Encoding::Identity {
        return if body.len() > bytes_max {
            Err(CompressionError::TooLarge { limit: bytes_max })
        } else {
            Ok(body.clone())
        };
    }
    let mut out = Vec::new();
    decompress_asking(encoding, body, bytes_max, room, &mut out)?;
    Ok(out.into())
}

/// Like [`decompress`], into a buffer that may be reused; what was in it is replaced.
///
/// # Errors
/// As [`decompress`]; `out` is unspecified then.
pub fn decompress_into(
    encoding: Encoding,
    body: &[u8],
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    decompress_asking(encoding, body, bytes_max, &mut |_| true, out)
}

fn decompress_asking(
    encoding: Encoding,
    body: &[u8],
    bytes_max: usize,
    room: &mut dyn FnMut(usize) -> bool,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    out.clear();
    match encoding {
        Encoding::Identity if body.len() > bytes_max => Err(CompressionError::TooLarge { limit: bytes_max }),
        Encoding::Identity => {
            out.extend_from_slice(body);
            Ok(())
        }
        Encoding::Snappy => unsnap(body, bytes_max, room, out),
        Encoding::Gzip => inflate("gzip", MultiGzDecoder::new(body), body.len(), bytes_max, room, out),
        Encoding::Zstd => unzstd(body, bytes_max, room, out),
    }
}

/// The length that a snappy body claims for itself.
///
/// # Errors
/// If its preamble is not valid.
pub fn snappy_declared_len(body: &[u8]) -> Result<usize, CompressionError> {
    snap::raw::decompress_len(body).map_err(|error| corrupt("snappy", error))
}

/// Lengthens `out` to `len`, if there is room.
fn extend(out: &mut Vec<u8>, len: usize, room: &mut dyn FnMut(usize) -> bool) -> Result<(), CompressionError> {
    let more = len.saturating_sub(out.len());
    if more > 0 && !room(more) {
        return Err(CompressionError::NoRoom);
    }
    out.resize(len, 0);
    Ok(())
}

fn unsnap(
    body: &[u8],
    bytes_max: usize,
    room: &mut dyn FnMut(usize) -> bool,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let declared = snappy_declared_len(body)?;
    if declared > bytes_max {
        return Err(CompressionError::TooLarge { limit: bytes_max });
    }
    if declared as u64 > body.len() as u64 * SNAPPY_RATIO_MAX {
        return Err(corrupt("snappy", format!("{} bytes cannot hold the {declared} declared", body.len())));
    }
    extend(out, declared, room)?;
    let written = snap::raw::Decoder::new().decompress(body, out).map_err(|error| corrupt("snappy", error))?;
    out.truncate(written);
    Ok(())
}

fn unzstd(
    body: &[u8],
    bytes_max: usize,
    room: &mut dyn FnMut(usize) -> bool,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    if body.is_empty() {
        return Err(corrupt("zstd", "no frame"));
    }
    let mut decoder = zstd::Decoder::with_buffer(body).map_err(|error| corrupt("zstd", error))?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|error| corrupt("zstd", error))?;
    inflate("zstd", decoder, body.len(), bytes_max, room, out)
}

/// Everything that `decoder` makes of `body_len` bytes.
fn inflate(
    encoding: &'static str,
    mut decoder: impl Read,
    body_len: usize,
    bytes_max: usize,
    room: &mut dyn FnMut(usize) -> bool,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let mut next = body_len.saturating_mul(RATIO_USUAL);
    let mut filled = 0;
    loop {
        // One byte more than allowed, so that crossing the limit shows.
        let ceiling = bytes_max.saturating_add(1);
        let len = filled + next.max(CHUNK_BYTES);
        extend(out, len.min(ceiling), room)?;
        let read = decoder.read(&mut out[filled..]).map_err(|error| corrupt(encoding, error))?;
        filled += read;
        if filled > bytes_max {
            return Err(CompressionError::TooLarge { limit: bytes_max });
        }
        if read == 0 {
            out.truncate(filled);
            return Ok(());
        }
        next = (out.len() - filled).max(if filled == out.len() { filled } else { 0 });
    }
}

/// Appends `bytes` as a snappy block.
///
/// # Errors
/// If there are 4 GiB of them or more.
pub fn snappy(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CompressionError> {
    let start = out.len();
    out.resize(start + snap::raw::max_compress_len(bytes.len()), 0);
    let written =
        snap::raw::Encoder::new().compress(bytes, &mut out[start..]).map_err(|error| corrupt("snappy", error))?;
    out.truncate(start + written);
    Ok(())
}

/// Appends `bytes` as a gzip member, level 1: compression is the largest tax on a gateway.
///
/// # Errors
/// None in practice: the writer is memory.
pub fn gzip(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CompressionError> {
    let mut encoder = GzEncoder::new(out, Compression::new(1));
    encoder.write_all(bytes).and_then(|()| encoder.try_finish()).map_err(|error| corrupt("gzip", error))
}

/// Appends `bytes` as a zstd frame, level 1.
///
/// # Errors
/// None in practice: the writer is memory.
pub fn zstd(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CompressionError> {
    zstd::stream::copy_encode(bytes, out, 1).map_err(|error| corrupt("zstd", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        (0..5000).flat_map(|number: u32| format!("line {number} of {}\n", number * 7919 % 1000).into_bytes()).collect()
    }

    fn packed(encoding: Encoding, bytes: &[u8]) -> Bytes {
        let mut out = Vec::new();
        match encoding {
            Encoding::Identity => out.extend_from_slice(bytes),
            Encoding::Snappy => snappy(bytes, &mut out).unwrap(),
            Encoding::Gzip => gzip(bytes, &mut out).unwrap(),
            Encoding::Zstd => zstd(bytes, &mut out).unwrap(),
        }
        out.into()
    }

    #[test]
    fn gives_back_what_was_packed_up_to_the_limit_exactly() {
        let text = text();
        for encoding in [Encoding::Identity, Encoding::Snappy, Encoding::Gzip, Encoding::Zstd] {
            for bytes in [&text[..], b"x", b""] {
                let body = packed(encoding, bytes);
                assert_eq!(decompress(encoding, &body, bytes.len()).as_deref(), Ok(bytes), "{encoding:?}");
            }
            let limit = text.len() - 1;
            let crossed = decompress(encoding, &packed(encoding, &text), limit);
            assert_eq!(crossed, Err(CompressionError::TooLarge { limit }), "{encoding:?}");
        }
    }

    #[test]
    fn gzip_members_and_zstd_frames_follow_each_other() {
        let text = text();
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            let body: Vec<u8> = text.chunks(text.len() / 3).flat_map(|part| packed(encoding, part)).collect();
            assert_eq!(decompress(encoding, &body.into(), text.len()).unwrap(), text);
        }
    }

    #[test]
    fn memory_follows_bytes_not_claims() {
        let claims_64_mib: &[u8] = &[0x80, 0x80, 0x80, 0x20, 0x00, b'x'];
        let mut out = Vec::new();
        let refused = decompress_into(Encoding::Snappy, claims_64_mib, 64 << 20, &mut out);
        assert!(matches!(refused, Err(CompressionError::Corrupt { .. })), "{refused:?}");
        assert_eq!(out.capacity(), 0);

        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            let bomb = packed(encoding, &vec![0; 8 << 20]);
            let limit = 1 << 20;
            let refused = decompress_into(encoding, &bomb, limit, &mut out);
            assert_eq!(refused, Err(CompressionError::TooLarge { limit }));
            assert!(out.capacity() <= 2 * limit + 2, "{}", out.capacity());
        }
    }

    #[test]
    fn a_zstd_window_of_more_than_8_mib_is_refused() {
        let text = text();
        for (window_log, taken) in [(23, true), (24, false)] {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(window_log).unwrap();
            encoder.write_all(&text).unwrap();
            let body = encoder.finish().unwrap().into();
            assert_eq!(decompress(Encoding::Zstd, &body, 1 << 20).is_ok(), taken, "{window_log}");
        }
    }

    #[test]
    fn a_bomb_is_given_up_when_there_is_no_more_room() {
        for (encoding, allowed) in [(Encoding::Gzip, 64 << 10), (Encoding::Zstd, 64 << 10), (Encoding::Snappy, 1 << 20)]
        {
            let bomb = packed(encoding, &vec![0; 8 << 20]);
            let mut asked = 0;
            let refused = decompress_within(encoding, &bomb, 64 << 20, &mut |more| {
                asked += more;
                asked <= allowed
            });
            assert_eq!(refused, Err(CompressionError::NoRoom), "{encoding:?}");
        }
    }

    #[test]
    fn truncated_or_flipped_bodies_are_corrupt() {
        let text = text();
        for encoding in [Encoding::Snappy, Encoding::Gzip, Encoding::Zstd] {
            let body = packed(encoding, &text);
            for len in [0, 1, 5, 17, body.len() / 2, body.len() - 1] {
                let result = decompress(encoding, &body.slice(..len), 1 << 20);
                assert!(matches!(result, Err(CompressionError::Corrupt { .. })), "{encoding:?} {len}: {result:?}");
            }
            let mut garbage = body.to_vec();
            garbage.extend(b"trailing");
            assert!(decompress(encoding, &garbage.into(), 1 << 20).is_err(), "{encoding:?}");
        }
    }
}
