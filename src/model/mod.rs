//! The vocabulary every floor shares: labels, samples, signals, wire formats, alerts, time.
//!
//! Plain data only: nothing here reads a clock, opens a file or knows a protocol.
//! Reading order: [`signal`], [`labels`], [`sample`], [`alert`], [`time`].

pub mod alert;
pub mod labels;
pub mod sample;
pub mod signal;
pub mod time;
