//! From alerts to notifications: which receiver, in which group, and when.
//!
//! Everything here is a pure machine over (event, now): no socket, no clock, no channel. What it
//! does is what Alertmanager does with the same configuration, so that its users read nothing new.
//! Sending is [`notify`](../notify/index.html)'s; deciding *that* an alert fires is the rule engine's.
//!
//! Reading order: [`config`] (Alertmanager's file), [`matcher`], [`route`], [`decision`] (why a
//! notification goes out or not), [`group`], [`dispatcher`] (the machine), [`log`] (what was sent).

pub mod config;
pub mod decision;
pub mod dispatcher;
pub mod group;
pub mod log;
pub mod matcher;
#[cfg(test)]
mod proptests;
pub mod route;
pub mod saved;
mod syntax;
#[cfg(test)]
mod tests;
pub mod text;

pub use dispatcher::Dispatcher;
