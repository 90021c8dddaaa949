//! Arrays of spans joined and halved as they are; both take only arrays that were walked.

use crate::codec::json::plain_len;
use crate::codec::{DecodeError, Halves};

/// Appends one array with the elements of all `frames`, in order.
///
/// # Errors
/// If a frame is no array.
pub fn splice(frames: &[&[u8]], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    out.reserve(frames.iter().map(|frame| frame.len()).sum());
    out.push(b'[');
    let mut empty = true;
    for frame in frames {
        let inside = inside(frame)?;
        if !inside.is_empty() {
            if !empty {
                out.push(b',');
            }
            out.extend_from_slice(inside);
            empty = false;
        }
    }
    out.push(b']');
    Ok(())
}

/// Halves an array by its elements, in order; `None` if it has fewer than two.
///
/// # Errors
/// If `body` is no array.
pub fn split(body: &[u8]) -> Result<Option<Halves>, DecodeError> {
    let inside = inside(body)?;
    let commas = commas(inside).count();
    if commas == 0 {
        return Ok(None);
    }
    let middle = commas.div_ceil(2) - 1;
    let at = self::commas(inside).nth(middle).unwrap_or_default();
    let array = |elements: &[u8]| [b"[", elements, b"]"].concat();
    Ok(Some((array(&inside[..at]), array(&inside[at + 1..]))))
}

/// What stands between an array's brackets.
fn inside(frame: &[u8]) -> Result<&[u8], DecodeError> {
    let inside = frame.trim_ascii().strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    inside.map(<[u8]>::trim_ascii).ok_or_else(|| DecodeError::malformed("expected a JSON array of spans", 0))
}

/// Where the commas between elements stand.
fn commas(elements: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    let mut depth = 0u32;
    std::iter::from_fn(move || {
        while let Some(byte) = elements.get(at) {
            at += 1;
            match byte {
                b'"' => at = string_end(elements, at),
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b',' if depth == 0 => return Some(at - 1),
                _ => {}
            }
        }
        None
    })
}

/// One past the quote that ends the string whose inside starts at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at += plain_len(&bytes[at..]);
        match bytes.get(at) {
            Some(b'\\') => at = (at + 2).min(bytes.len()),
            Some(b'"') => return at + 1,
            Some(_) => at += 1,
            None => return at,
        }
    }
}
