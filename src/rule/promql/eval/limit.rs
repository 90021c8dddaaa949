//! `limitk` and `limit_ratio`: some of the elements, whatever their values.

use hashbrown::HashMap;
use xxhash_rust::xxh64::xxh64;

use super::super::tree::Aggregate;
use super::super::value::EvalError;
use super::aggregate::count;
use super::item::Item;

/// `limitk`: the first k of each group, in the order of arrival as in Prometheus.
pub(super) fn first(aggregate: &Aggregate, parameter: f64, mut items: Vec<Item>) -> Result<Vec<Item>, EvalError> {
    let Some(most) = count(parameter, &items)? else { return Ok(Vec::new()) };
    let mut taken: HashMap<u64, usize> = HashMap::new();
    items.retain(|item| {
        let taken = taken.entry(aggregate.key(item)).or_default();
        *taken += 1;
        *taken <= most
    });
    Ok(items)
}

/// `limit_ratio`: a share of the elements, by a hash of their labels; a negative one takes the others.
pub(super) fn share(ratio: f64, mut items: Vec<Item>) -> Result<Vec<Item>, EvalError> {
    if items.is_empty() || ratio == 0.0 {
        return Ok(Vec::new());
    }
    if ratio.is_nan() {
        return Err(EvalError::Argument("Ratio value is NaN".to_owned()));
    }
    let ratio = ratio.clamp(-1.0, 1.0);
    let mut encoded = Vec::new();
    items.retain(|item| {
        let place = place(item, &mut encoded);
        if ratio >= 0.0 { place < ratio } else { place >= 1.0 + ratio }
    });
    Ok(items)
}

/// Where an element stands between 0 and 1: the hash of its labels as Prometheus holds them.
fn place(item: &Item, encoded: &mut Vec<u8>) -> f64 {
    encoded.clear();
    for text in item.iter().flat_map(|(name, value)| [name, value]) {
        match u8::try_from(text.len()) {
            Ok(short) if short < u8::MAX => encoded.push(short),
            _ => {
                encoded.push(u8::MAX);
                encoded.extend(&text.len().to_le_bytes()[..3]);
            }
        }
        encoded.extend(text.as_bytes());
    }
    xxh64(encoded, 0) as f64 / u64::MAX as f64
}
