//! Operators between scalars, and between a vector and a scalar.

use super::super::tree::{Binary, BinaryOp};
use super::super::value::EvalError;
use super::Evaluation;
use super::item::{Interim, Item, check_unique};
use super::math::{holds, scalar};

impl Evaluation<'_> {
    pub(super) fn binary(&self, binary: &Binary) -> Result<Interim, EvalError> {
        if let Some(matching) = &binary.matching {
            let (left, right) = (self.vector(&binary.left)?, self.vector(&binary.right)?);
            return self.between_vectors(binary, matching, left, right).map(Interim::Vector);
        }
        let op = binary.op;
        match (self.node(&binary.left)?, self.node(&binary.right)?) {
            (Interim::Scalar(left), Interim::Scalar(right)) => Ok(Interim::Scalar(scalar(op, left, right))),
            (Interim::Vector(items), Interim::Scalar(right)) => with_scalar(binary, items, |value| (value, right)),
            (Interim::Scalar(left), Interim::Vector(items)) => with_scalar(binary, items, |value| (left, value)),
            (Interim::Vector(_), Interim::Vector(_)) => Ok(Interim::Vector(Vec::new())),
        }
    }
}

/// Applies an operator to each element; `sides` puts its value on the right side of it.
fn with_scalar(binary: &Binary, mut items: Vec<Item>, sides: impl Fn(f64) -> (f64, f64)) -> Result<Interim, EvalError> {
    let op = binary.op;
    if op.is_comparison() && !binary.returns_bool {
        items.retain(|item| {
            let (left, right) = sides(item.value);
            holds(op, left, right)
        });
        return Ok(Interim::Vector(items));
    }
    for item in &mut items {
        let (left, right) = sides(item.value);
        item.value = scalar(op, left, right);
        item.bare = true;
    }
    check_unique(&items)?;
    Ok(Interim::Vector(items))
}

/// What an operator makes of two elements that meet: the value, or nothing if a filter drops it.
pub(super) fn of_pair(op: BinaryOp, returns_bool: bool, left: f64, right: f64) -> Option<f64> {
    if op.is_comparison() && !returns_bool {
        return holds(op, left, right).then_some(left);
    }
    Some(scalar(op, left, right))
}
