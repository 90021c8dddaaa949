//! Unit tests of rules in promtool's `test rules` format, run by the production engine.
//!
//! At each instant, `evaluation_interval` apart, the samples so far are handed to the engine and all
//! groups are evaluated in order, each rule as a whole: an error anywhere fails the rule, as in
//! promtool. What rules make goes into the same history as the input, where `promql_expr_test` finds
//! it. Verdicts and their words are promtool's 3.13.
//!
//! Reading order: [`file`] (the format), `series` (`1+2x3`), `history` (all samples), `run`, `print`.

pub mod file;
mod history;
mod print;
mod run;
mod series;
#[cfg(test)]
mod tests;

pub use file::TestFile;
pub use run::{Failure, run};
