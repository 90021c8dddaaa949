//! What lies between a receiver and an exporter: one append in, one cursor each out.
//!
//! - [`memory`]: the budget for everything in flight, reserved as bytes arrive
//! - [`intake`]: append a walked request to its signal's journal, hand staged samples on, in order
//! - [`evaluator`]: the thread that owns the rule engine
//! - [`exporter`]: what an exporter must answer; [`batch`], [`delivery`], [`worker`]: its loop
//! - [`letter`]: dead letters
//!
//! It does not know protocols, HTTP or configuration files.

pub mod batch;
pub mod delivery;
pub mod evaluator;
pub mod exporter;
pub mod intake;
pub mod letter;
pub mod memory;
pub mod recorder;
pub mod worker;
