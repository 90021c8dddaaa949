//! One pass over a JSON array of spans: checks, counts, cuts out the invalid.

use super::span::Span;
use crate::codec::scan::{Kind, Scanner};
use crate::codec::{DecodeError, TimeRange, Walked};
use crate::limits::Limits;

/// Reads an array of Zipkin v2 spans once.
///
/// A span is rejected for what Zipkin's server answers 400 to: no `traceId` or `id`, one that is not
/// lower-case hexadecimal, a number or object of another type. A span's time is its `timestamp`; one
/// without counts, but has none.
///
/// # Errors
/// If the bytes are no JSON array, or nested deeper than `limits.nesting_max`.
pub fn walk(body: &[u8], limits: &Limits) -> Result<Walked, DecodeError> {
    if let Err(error) = std::str::from_utf8(body) {
        return Err(DecodeError::malformed("JSON is not valid UTF-8", error.valid_up_to()));
    }
    let mut scanner = Scanner::new(body);
    if scanner.peek()? != Kind::Array {
        return Err(scanner.error("expected a JSON array of spans"));
    }
    let mut walked = Walked::default();
    let mut times = TimeRange::EMPTY;
    let mut valid_end = 0;
    let mut index = 0u64;
    let depth = limits.nesting_max.saturating_sub(1);
    scanner.array(|scanner| {
        scanner.skip_space();
        let start = scanner.offset();
        let span = Span::read(scanner, depth)?;
        if let Some(why) = span.problem {
            walked.rejected = walked.rejected.saturating_add(1);
            walked.first_rejection.get_or_insert_with(|| format!("span {index}: {why}"));
            let before = if valid_end == 0 { &b"["[..] } else { &body[..valid_end] };
            walked.kept.get_or_insert_with(|| before.to_vec());
        } else {
            walked.items = walked.items.saturating_add(1);
            valid_end = scanner.offset();
            if let Some(kept) = &mut walked.kept {
                if walked.items > 1 {
                    kept.push(b',');
                }
                kept.extend_from_slice(&body[start..valid_end]);
            }
            if let Some(time) = span.timestamp_us.filter(|time| *time > 0) {
                times.add(time / 1000);
            }
        }
        index += 1;
        Ok(())
    })?;
    if !scanner.at_end() {
        return Err(scanner.error("JSON goes on after the array"));
    }
    if let Some(kept) = &mut walked.kept {
        kept.push(b']');
    }
    (walked.time_min_ms, walked.time_max_ms) = times.bounds();
    Ok(walked)
}
