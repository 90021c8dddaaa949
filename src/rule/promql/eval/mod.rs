//! Evaluates a compiled expression at one instant.

mod aggregate;
mod binary;
mod call;
mod date;
mod histogram;
mod item;
mod joins;
mod label;
mod limit;
mod math;
mod natural;
mod quantile;
mod rate;
mod select;
mod subquery;
mod sum;
mod vector_match;
mod window;

use item::{Interim, Item};
pub(super) use joins::JOINS_MAX;
pub use joins::Joins;
use subquery::Memo;

use std::cell::RefCell;

use super::expr::Expr;
use super::function::Function;
use super::tree::Node;
use super::value::{Element, EvalError, Inputs, Value};
use crate::model::time::Millis;

/// Evaluates `expr` at `at`, as an instant query of Prometheus 3.13 does.
///
/// # Errors
/// The errors Prometheus has: ambiguous matches, results with the same labels, bad parameters.
pub fn eval(expr: &Expr, inputs: &dyn Inputs, at: Millis) -> Result<Value, EvalError> {
    let memo = &Memo::default();
    at_instant(&Evaluation { expr, inputs, at, first: at, last: at, memo, in_subquery: false, joins: None })
}

/// Evaluates `expr` over a part of the series; what the other parts decide about matches comes along.
///
/// # Errors
/// As [`eval`].
pub fn eval_part(expr: &Expr, inputs: &dyn Inputs, at: Millis) -> (Result<Value, EvalError>, Joins) {
    let (memo, joins) = (&Memo::default(), RefCell::default());
    let joined = (expr.joins > 0).then_some(&joins);
    let evaluation = Evaluation { expr, inputs, at, first: at, last: at, memo, in_subquery: false, joins: joined };
    let result = at_instant(&evaluation);
    (result, joins.into_inner())
}

fn at_instant(evaluation: &Evaluation<'_>) -> Result<Value, EvalError> {
    match evaluation.node(&evaluation.expr.root)? {
        Interim::Scalar(number) => Ok(Value::Scalar(number)),
        Interim::Vector(items) => {
            let element = |item: Item| Element { value: item.value, labels: item.settle() };
            Ok(Value::Vector(items.into_iter().map(element).collect()))
        }
    }
}

/// One evaluation in progress.
#[derive(Clone, Copy)]
struct Evaluation<'a> {
    expr: &'a Expr,
    inputs: &'a dyn Inputs,
    /// The instant: the query's, or the step's of a subquery.
    at: Millis,
    /// The query's first instant, `@ start()`.
    first: Millis,
    /// The query's last instant, `@ end()`.
    last: Millis,
    memo: &'a Memo,
    in_subquery: bool,
    joins: Option<&'a RefCell<Joins>>,
}

impl Evaluation<'_> {
    fn node(&self, node: &Node) -> Result<Interim, EvalError> {
        Ok(match node {
            Node::Number(number) => Interim::Scalar(*number),
            // Only functions take strings and ranges; `check` lets none stand anywhere else.
            Node::Text(_) | Node::Window(_) | Node::Subquery(_) => Interim::Vector(Vec::new()),
            Node::Instant(selector) => Interim::Vector(self.instant(*selector)),
            Node::Negate(body) => self.negate(node, body)?,
            Node::Binary(binary) => self.binary(binary)?,
            Node::Aggregate(aggregate) => Interim::Vector(self.aggregate(aggregate)?),
            Node::Call(Function::Window(function), arguments) => {
                let items = self.window(*function, arguments)?;
                self.check_unique_over_steps(node, &items)?;
                Interim::Vector(items)
            }
            Node::Call(function, arguments) => self.call(*function, arguments)?,
            Node::LabelReplace(replace) => Interim::Vector(label::replace(replace, self.vector(&replace.body)?)?),
            Node::LabelJoin(join) => Interim::Vector(label::join(join, self.vector(&join.body)?)?),
        })
    }

    /// The elements of a node that yields an instant vector.
    fn vector(&self, node: &Node) -> Result<Vec<Item>, EvalError> {
        Ok(match self.node(node)? {
            Interim::Vector(items) => items,
            Interim::Scalar(_) => Vec::new(),
        })
    }

    /// The number of a node that yields a scalar.
    fn scalar(&self, node: &Node) -> Result<f64, EvalError> {
        Ok(match self.node(node)? {
            Interim::Scalar(number) => number,
            Interim::Vector(_) => f64::NAN,
        })
    }

    fn negate(&self, node: &Node, body: &Node) -> Result<Interim, EvalError> {
        match self.node(body)? {
            Interim::Scalar(number) => Ok(Interim::Scalar(-number)),
            Interim::Vector(mut items) => {
                for item in &mut items {
                    item.value = -item.value;
                    item.bare = true;
                }
                item::check_unique(&items)?;
                self.check_unique_over_steps(node, &items)?;
                Ok(Interim::Vector(items))
            }
        }
    }
}
