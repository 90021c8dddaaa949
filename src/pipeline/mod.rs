//! What lies between a receiver and an exporter: one append in, one cursor each out.
//!
//! - [`memory`]: the budget for everything in flight, reserved as bytes arrive
//! - [`intake`]: append a walked request to its signal's journal, hand staged samples on, in order
//! - [`evaluator`]: the thread that owns the rule engine
//! - [`exporter`]: what an exporter must answer; [`batch`], [`delivery`], [`flight`], [`worker`]: its loop
//! - [`breaker`], [`pool`]: its endpoints; [`slots`]: requests on their way; [`activity`]: what it is at
//! - [`letter`], `settled`: dead letters, and which are done with
//!
//! It does not know protocols, HTTP or configuration files.

pub mod activity;
pub mod batch;
pub mod breaker;
pub mod delivery;
pub mod evaluator;
pub mod exporter;
pub mod flight;
pub mod intake;
pub mod letter;
pub mod memory;
pub mod pool;
pub mod recorder;
mod settled;
pub mod slots;
pub mod worker;

#[cfg(test)]
mod tests;
