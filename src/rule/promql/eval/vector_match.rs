//! Operators between two vectors: which elements meet, and what labels the result has.

use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashSet};

use super::super::tree::{Binary, BinaryOp, Cardinality, Matching};
use super::super::value::EvalError;
use super::Evaluation;
use super::binary::of_pair;
use super::item::{Item, check_unique};
use crate::model::labels::{Labels, METRIC_NAME, labels_hash};

/// Elements with the same signature meet.
fn signature(item: &Item, matching: &Matching) -> u64 {
    if matching.on {
        labels_hash(matching.labels.iter().map(|name| (name.as_str(), item.get(name))))
    } else {
        labels_hash(item.iter().filter(|(name, _)| *name != METRIC_NAME && !contains(&matching.labels, name)))
    }
}

fn contains(sorted: &[String], name: &str) -> bool {
    sorted.binary_search_by(|label| label.as_str().cmp(name)).is_ok()
}

/// The labels of a match group, as errors show them.
fn group_of(item: &Item, matching: &Matching) -> Labels {
    let inside = |name: &str| contains(&matching.labels, name);
    let kept = |name: &str| if matching.on { inside(name) } else { name != METRIC_NAME && !inside(name) };
    Labels::from_pairs(item.iter().filter(|(name, _)| kept(name)))
}

impl Evaluation<'_> {
    pub(super) fn between_vectors(
        &self,
        binary: &Binary,
        matching: &Matching,
        left: Vec<Item>,
        right: Vec<Item>,
    ) -> Result<Vec<Item>, EvalError> {
        let items = match binary.op {
            BinaryOp::And => kept_by(left, &right, matching, true),
            BinaryOp::Unless => kept_by(left, &right, matching, false),
            BinaryOp::Or => either(left, right, matching),
            _ => {
                self.note_join(binary, matching, &left, &right);
                joined(binary, matching, left, right)?
            }
        };
        check_unique(&items)?;
        Ok(items)
    }
}

/// `and`, `unless`: the left elements that have, or lack, a partner.
fn kept_by(mut left: Vec<Item>, right: &[Item], matching: &Matching, wanted: bool) -> Vec<Item> {
    let partners: HashSet<u64> = right.iter().map(|item| signature(item, matching)).collect();
    left.retain(|item| partners.contains(&signature(item, matching)) == wanted);
    left
}

/// `or`: the left elements, and the right ones without a partner.
fn either(mut left: Vec<Item>, right: Vec<Item>, matching: &Matching) -> Vec<Item> {
    let partners: HashSet<u64> = left.iter().map(|item| signature(item, matching)).collect();
    left.extend(right.into_iter().filter(|item| !partners.contains(&signature(item, matching))));
    left
}

/// Arithmetic and comparison.
fn joined(binary: &Binary, matching: &Matching, left: Vec<Item>, right: Vec<Item>) -> Result<Vec<Item>, EvalError> {
    if left.is_empty() || right.is_empty() {
        return Ok(Vec::new());
    }
    let swapped = matching.cardinality == Cardinality::OneToMany;
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let partners = by_signature(&one, matching, if swapped { "left" } else { "right" })?;
    let one_to_one = matching.cardinality == Cardinality::OneToOne;
    let mut seen = HashSet::new();
    let mut items = Vec::new();
    for item in many {
        let group = signature(&item, matching);
        let Some(&partner) = partners.get(&group) else {
            continue;
        };
        let partner = &one[partner];
        if one_to_one && !seen.insert((group, 0)) {
            return Err(EvalError::ImplicitGrouping);
        }
        let (left, right) = if swapped { (partner.value, item.value) } else { (item.value, partner.value) };
        let value = of_pair(binary.op, binary.returns_bool, left, right);
        if one_to_one && value.is_none() {
            continue;
        }
        let result = result(binary, matching, item, partner, value.unwrap_or(f64::NAN));
        if !one_to_one && !seen.insert((group, result.hash())) {
            return Err(EvalError::GroupNotUnique);
        }
        if value.is_some() {
            items.push(result);
        }
    }
    Ok(items)
}

/// The elements of the `one` side by signature: at most one each.
pub(super) fn by_signature(
    one: &[Item],
    matching: &Matching,
    side: &'static str,
) -> Result<HashMap<u64, usize>, EvalError> {
    let mut partners = HashMap::with_capacity(one.len());
    for (at, item) in one.iter().enumerate() {
        match partners.entry(signature(item, matching)) {
            Entry::Vacant(free) => {
                free.insert(at);
            }
            Entry::Occupied(taken) => {
                return Err(EvalError::ManyToMany {
                    group: group_of(item, matching),
                    side,
                    first: item.settle(),
                    second: one[*taken.get()].settle(),
                });
            }
        }
    }
    Ok(partners)
}

/// The result of one match: labels of the `many` side, as the operator and the matching leave them.
fn result(binary: &Binary, matching: &Matching, mut item: Item, partner: &Item, value: f64) -> Item {
    item.value = value;
    item.bare |= binary.op.renames() || binary.returns_bool;
    if matching.cardinality == Cardinality::OneToOne {
        if matching.on {
            item.labels = Labels::from_pairs(matching.labels.iter().map(|name| (name.as_str(), item.get(name))));
        } else if item.iter().any(|(name, _)| contains(&matching.labels, name)) {
            item.labels = Labels::from_pairs(item.iter().filter(|(name, _)| !contains(&matching.labels, name)));
        }
    } else if !matching.include.is_empty() {
        let taken = matching.include.iter().map(|name| (name.as_str(), partner.get(name)));
        item.labels = item.settle().with(taken);
        item.bare = false;
    }
    item
}
