//! What a part of the series cannot decide alone: two elements on the `one` side of a match are an
//! error as soon as the other side has any element, be it in another part.

use super::super::tree::{Binary, Cardinality, Matching};
use super::super::value::EvalError;
use super::Evaluation;
use super::item::Item;
use super::vector_match::by_signature;

/// Matches of an expression that are told apart.
pub(in super::super) const JOINS_MAX: usize = 64;

/// What a part says about the matches of its expression, by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Joins {
    /// Bit n: the `many` side of match n has an element here.
    pub many: u64,
    /// Errors that hold if the `many` side of that match has an element anywhere.
    pub duplicates: Vec<(usize, EvalError)>,
}

impl Evaluation<'_> {
    /// Notes what other parts have to know about a match, and what they have to say.
    pub(super) fn note_join(&self, binary: &Binary, matching: &Matching, left: &[Item], right: &[Item]) {
        // The steps of a subquery would each need an answer of their own.
        let Some(joins) = self.joins.filter(|_| !self.in_subquery) else { return };
        let swapped = matching.cardinality == Cardinality::OneToMany;
        let (many, one, side) = if swapped { (right, left, "left") } else { (left, right, "right") };
        if !many.is_empty() {
            joins.borrow_mut().many |= 1 << binary.join;
        } else if let Err(error) = by_signature(one, matching, side) {
            joins.borrow_mut().duplicates.push((binary.join, error));
        }
    }
}
