//! Which labels split an expression's evaluation into independent partitions.
//!
//! [`Key::of`] infers from the syntax tree a set of labels G such that a result with labels `o`
//! depends only on series `i` with `i|G = o|G` (a missing label is the empty string). The samples of
//! one partition are then enough to evaluate it. Of what a partition yields, only results whose
//! `o|G` is its key count: an expression that yields without series yields in every partition.

use std::collections::BTreeSet;

use super::promql::Expr;
use super::promql::function::Function;
use super::promql::tree::{AggregateOp, Binary, BinaryOp, Cardinality, Matching, Node};
use crate::model::labels::Labels;

/// Labels that operations drop: no key can hold them.
const METADATA: [&str; 3] = ["__name__", "__type__", "__unit__"];

/// The label of a classic histogram's buckets.
const BUCKET_LABEL: &str = "le";

/// The labels that make up a partition's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Only these; none at all means one partition for everything.
    Keep(BTreeSet<String>),
    /// All but these.
    Drop(BTreeSet<String>),
}

impl Key {
    /// The widest key that is sound for `expr`. What a rule adds on top (its own labels, a limit) is
    /// the caller's: see [`Key::without`].
    #[must_use]
    pub fn of(expr: &Expr) -> Self {
        of(&expr.root)
    }

    /// This key without some labels: those whose values in the output are not the input's.
    #[must_use]
    pub fn without<'a>(self, labels: impl IntoIterator<Item = &'a str>) -> Self {
        let labels = labels.into_iter();
        match self {
            Self::Keep(mut kept) => {
                labels.for_each(|label| {
                    kept.remove(label);
                });
                Self::Keep(kept)
            }
            Self::Drop(mut dropped) => {
                dropped.extend(labels.map(str::to_owned));
                Self::Drop(dropped)
            }
        }
    }

    /// The one global partition, always sound.
    #[must_use]
    pub const fn global() -> Self {
        Self::Keep(BTreeSet::new())
    }

    /// The key's part of `labels`.
    #[must_use]
    pub fn project(&self, labels: &Labels) -> Labels {
        match self {
            Self::Keep(kept) => labels.without(|name| !kept.contains(name)),
            Self::Drop(dropped) => labels.without(|name| dropped.contains(name)),
        }
    }

    /// Labels that are in both keys.
    fn meet(self, other: Self) -> Self {
        match (self, other) {
            (Self::Keep(a), Self::Keep(b)) => Self::Keep(a.intersection(&b).cloned().collect()),
            (Self::Keep(kept), Self::Drop(dropped)) | (Self::Drop(dropped), Self::Keep(kept)) => {
                Self::Keep(kept.difference(&dropped).cloned().collect())
            }
            (Self::Drop(a), Self::Drop(b)) => Self::Drop(a.union(&b).cloned().collect()),
        }
    }

    /// Every label: what reads no series depends on none.
    const fn any() -> Self {
        Self::Drop(BTreeSet::new())
    }

    fn keep(labels: &[String]) -> Self {
        Self::Keep(labels.iter().cloned().collect())
    }

    fn drop(labels: &[String]) -> Self {
        Self::any().without(labels.iter().map(String::as_str).chain(METADATA))
    }
}

fn of(node: &Node) -> Key {
    if !node.reads_series() {
        return Key::any().without(labels_made(node));
    }
    match node {
        Node::Number(_) | Node::Text(_) => Key::any(),
        Node::Instant(_) | Node::Window(_) => Key::drop(&[]),
        Node::Negate(body) => of(body),
        Node::Subquery(subquery) => of(&subquery.body),
        Node::LabelReplace(replace) => of(&replace.body).without([replace.target.as_str()]),
        Node::LabelJoin(join) => of(&join.body).without([join.target.as_str()]),
        Node::Binary(binary) => match &binary.matching {
            Some(matching) => of_match(binary, matching),
            None => of(&binary.left).meet(of(&binary.right)),
        },
        Node::Aggregate(aggregate) => {
            let parameter = aggregate.parameter.as_ref().map_or_else(Key::any, of);
            let grouping = if aggregate.without { Key::drop(&aggregate.labels) } else { Key::keep(&aggregate.labels) };
            let key = of(&aggregate.body).meet(grouping).meet(parameter);
            match (aggregate.op, &aggregate.parameter) {
                (AggregateOp::CountValues, Some(Node::Text(label))) => key.without([&**label]),
                _ => key,
            }
        }
        Node::Call(function, arguments) => {
            let key = arguments.iter().map(of).fold(Key::any(), Key::meet);
            match function {
                Function::Absent | Function::AbsentOverTime | Function::Scalar => Key::global(),
                Function::HistogramQuantile | Function::HistogramFraction => key.without([BUCKET_LABEL]),
                _ => key,
            }
        }
    }
}

/// Labels that the results of a node have although no series has them.
fn labels_made(node: &Node) -> Vec<&str> {
    let mut made: Vec<&str> = node.children().into_iter().flat_map(labels_made).collect();
    match node {
        Node::LabelReplace(replace) => made.push(&replace.target),
        Node::LabelJoin(join) => made.push(&join.target),
        Node::Aggregate(aggregate) => match (aggregate.op, &aggregate.parameter) {
            (AggregateOp::CountValues, Some(Node::Text(label))) => made.push(label),
            _ => {}
        },
        _ => {}
    }
    made
}

fn of_match(binary: &Binary, matching: &Matching) -> Key {
    let include = matching.include.iter().map(String::as_str);
    // A side without series is the same everywhere: it only filters, or lends labels and a value.
    let (left, right) = (binary.left.reads_series(), binary.right.reads_series());
    match (binary.op, matching.cardinality) {
        (BinaryOp::And | BinaryOp::Unless, _) | (_, Cardinality::ManyToOne) if !right => {
            return of(&binary.left).without(include);
        }
        (_, Cardinality::OneToMany) if !left => return of(&binary.right).without(include),
        _ => {}
    }
    let matched = if matching.on { Key::keep(&matching.labels) } else { Key::drop(&matching.labels) };
    matched.meet(of(&binary.left)).meet(of(&binary.right)).without(include)
}

#[cfg(test)]
mod tests;
