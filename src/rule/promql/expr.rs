//! A compiled expression.

use super::matcher::Selector;
use super::tree::Node;

/// A compiled expression: its selectors, numbered in order of appearance, and what is done with them.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Every selector, in order of appearance in the text.
    pub selectors: Vec<Selector>,
    pub(in crate::rule) root: Node,
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

/// Compiles an expression.
///
/// # Errors
/// What is wrong with `text`, or what of it Watchgate lacks, and where.
pub fn compile(text: &str) -> Result<Expr, ExprError> {
    let (root, selectors) = super::parse::parse(text)?;
    Ok(Expr { selectors, root })
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
