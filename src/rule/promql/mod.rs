//! PromQL with Prometheus 3.x semantics over samples that somebody else holds.
//!
//! [`compile`] turns text into an [`Expr`] whose selectors are numbered in order of appearance;
//! the caller keeps the samples of each selector and hands them to [`eval`] through [`Inputs`].
//! Nothing here stores a sample, reads a clock or knows a rule. What we lack is refused by
//! [`compile`] with its name and position, never evaluated approximately.
//!
//! Reading order: `lex` → `parse` (with `check` and `function`) → `tree` → `reach` (how far back
//! selectors look) → `eval` (one file a family of functions) → `change` (when a result can change
//! without new data).

mod change;
mod check;
mod duration;
mod eval;
mod expr;
pub(in crate::rule) mod function;
mod lex;
mod matcher;
mod parse;
mod pattern;
mod reach;
pub(in crate::rule) mod tree;
mod value;

#[cfg(test)]
pub(in crate::rule) mod tests;

pub use eval::{Joins, eval, eval_part};
pub use expr::{Dialect, Expr, ExprError, compile, compile_as};
pub use matcher::{MatchOp, Matcher, Selector};
pub use reach::{At, Reach};
pub use value::{Element, EvalError, Inputs, SeriesView, Value};

/// How far an instant selector looks back for a sample, in milliseconds, open on the left.
pub const LOOKBACK_MS: i64 = 5 * 60 * 1000;
