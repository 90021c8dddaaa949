//! What goes into an evaluation and what comes out of it.

use crate::model::labels::Labels;
use crate::model::sample::Sample;

/// One series as an evaluation sees it.
#[derive(Clone, Copy, Debug)]
pub struct SeriesView<'a> {
    /// Its labels.
    pub labels: &'a Labels,
    /// Its samples in ascending order of time, staleness markers included. They may reach further
    /// back, and further ahead, than the selector needs.
    pub samples: &'a [Sample],
}

/// The samples behind an expression's selectors.
pub trait Inputs {
    /// Shows every series that `selector` (an index into [`Expr::selectors`](super::Expr::selectors)) selects.
    fn each(&self, selector: usize, visit: &mut dyn FnMut(SeriesView<'_>));
}

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Its labels; `__name__` where Prometheus keeps it.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// A result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number without labels.
    Scalar(f64),
    /// An instant vector.
    Vector(Vec<Element>),
}

/// Why an expression has no result over these samples; worded as Prometheus words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Two elements of a result have the same labels.
    #[error("vector cannot contain metrics with the same labelset")]
    DuplicateLabels,
    /// Two elements on the `one` side of a match have the same matching labels.
    #[error(
        "found duplicate series for the match group {} on the {side} hand-side of the operation: \
         [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
        spelled(group),
        spelled(first),
        spelled(second)
    )]
    ManyToMany {
        /// The matching labels.
        group: Labels,
        /// `left` or `right`.
        side: &'static str,
        /// One of the two.
        first: Labels,
        /// The other.
        second: Labels,
    },
    /// Several elements of the `many` side meet one of the other without `group_left` or `group_right`.
    #[error("multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")]
    ImplicitGrouping,
    /// Two elements of a grouped match end with the same labels.
    #[error("multiple matches for labels: grouping labels must ensure unique matches")]
    GroupNotUnique,
    /// The query would make more points than [`QUERY_POINTS_MAX`](crate::limits::QUERY_POINTS_MAX).
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples,
    /// An argument that is only known at evaluation is out of bounds.
    #[error("{0}")]
    Argument(String),
}

/// Labels as Prometheus' errors show them: the metric name is a label like any other.
fn spelled(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}
