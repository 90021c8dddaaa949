//! The rule engine.

pub mod partition;
pub mod promql;
