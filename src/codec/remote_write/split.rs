//! Halving a request that a store refuses, until the one sample that it blames is alone.

use crate::codec::proto::{Cursor, Field, ProtoError, put_bytes_field};

use super::field;

/// A part of a request that can be sent by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Half {
    /// A decompressed `WriteRequest`.
    pub body: Vec<u8>,
    /// Samples and histograms in it.
    pub items: u32,
}

/// Halves a decompressed `WriteRequest` in order: by its series, or, if it has one only, by that
/// series' samples. Metadata goes with the first half, exemplars of a single series go with neither:
/// no store needs them and they can be what it blames.
///
/// Answers `None` if one sample is left, or less.
///
/// # Errors
/// If the bytes are no protobuf.
pub fn split(body: &[u8]) -> Result<Option<[Half; 2]>, ProtoError> {
    let mut series = Vec::new();
    let mut others = Vec::new();
    let mut cursor = Cursor::new(body);
    while let Some((number, value)) = cursor.next()? {
        match (number, value) {
            (field::TIMESERIES, Field::Bytes(one)) => series.push(one),
            _ => others.extend_from_slice(&body[cursor.field_start()..cursor.offset()]),
        }
    }
    let halves = match series.as_slice() {
        [] => return Ok(None),
        [one] => match split_series(one)? {
            None => return Ok(None),
            Some(halves) => halves.map(|half| vec![half]),
        },
        several => {
            let (first, second) = several.split_at(several.len() / 2);
            [first, second].map(|half| half.iter().map(|one| one.to_vec()).collect())
        }
    };
    let [first, second] = halves;
    Ok(Some([join(others, &first)?, join(Vec::new(), &second)?]))
}

/// A request of `series`, behind what `body` holds already.
fn join(mut body: Vec<u8>, series: &[Vec<u8>]) -> Result<Half, ProtoError> {
    let mut items = 0;
    for one in series {
        put_bytes_field(&mut body, field::TIMESERIES, one);
        items += count(one)?;
    }
    Ok(Half { body, items })
}

fn count(series: &[u8]) -> Result<u32, ProtoError> {
    let mut items = 0;
    let mut cursor = Cursor::new(series);
    while let Some((number, _)) = cursor.next()? {
        items += u32::from(matches!(number, field::SAMPLES | field::HISTOGRAMS));
    }
    Ok(items)
}

/// Halves one series by its samples and histograms, each half with all labels.
fn split_series(series: &[u8]) -> Result<Option<[Vec<u8>; 2]>, ProtoError> {
    let items = count(series)?;
    if items < 2 {
        return Ok(None);
    }
    let mut halves = [Vec::new(), Vec::new()];
    let mut seen = 0;
    let mut cursor = Cursor::new(series);
    while let Some((number, _)) = cursor.next()? {
        let field = &series[cursor.field_start()..cursor.offset()];
        match number {
            field::SAMPLES | field::HISTOGRAMS => {
                halves[usize::from(seen >= items / 2)].extend_from_slice(field);
                seen += 1;
            }
            field::EXEMPLARS => {}
            _ => halves.iter_mut().for_each(|half| half.extend_from_slice(field)),
        }
    }
    Ok(Some(halves))
}
