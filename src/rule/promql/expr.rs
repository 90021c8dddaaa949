//! A compiled expression.

use super::matcher::Selector;
use super::tree::Node;

/// A compiled expression: its selectors, numbered in order of appearance, and what is done with them.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Every selector, in order of appearance in the text.
    pub selectors: Vec<Selector>,
    pub(in crate::rule) root: Node,
    /// How many matches of one side with many or one there are, numbered from 0.
    pub(in crate::rule) joins: usize,
    /// Where the first `@` with a fixed time stands.
    pub(in crate::rule) fixed_at: Option<usize>,
}

/// What an expression's meaning depends on beside its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The step of subqueries that name none, in milliseconds: the global evaluation interval.
    pub step_ms: i64,
    /// Whether what is behind a feature flag in Prometheus is allowed.
    pub experimental: bool,
}

impl Default for Dialect {
    /// Prometheus' own defaults.
    fn default() -> Self {
        Self { step_ms: 60_000, experimental: false }
    }
}

/// Why an expression was refused: what, why, what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// Byte offset in the expression.
    pub at: usize,
    /// The reason, a lowercase phrase.
    pub message: String,
}

/// Compiles an expression, as Prometheus reads it without any setting.
///
/// # Errors
/// What is wrong with `text`, or what of it Watchgate lacks, and where.
pub fn compile(text: &str) -> Result<Expr, ExprError> {
    compile_as(text, Dialect::default())
}

/// Compiles an expression.
///
/// # Errors
/// What is wrong with `text`, or what of it Watchgate lacks, and where.
pub fn compile_as(text: &str, dialect: Dialect) -> Result<Expr, ExprError> {
    super::parse::parse(text, dialect)
}

impl Expr {
    /// Whether it can yield a result without any series: its partition `{}` exists from load on.
    #[must_use]
    pub fn always_yields(&self) -> bool {
        self.root.always_yields()
    }

    /// Whether each result depends on one series only, so that it may be evaluated the moment that
    /// series has a new sample.
    #[must_use]
    pub fn single_series(&self) -> bool {
        self.root.single_series()
    }
}
