//! The rule engine: Prometheus' rules, evaluated the moment their data changes.
//!
//! Samples of every request are handed to [`Engine::observe`]; alerts come out of [`Engine::run`].
//! At each instant at which it evaluates, the engine gives what Prometheus 3.x would give over the
//! same samples; it does work in proportion to what changed. It knows no clock, no socket and no
//! disk: `now` is an argument, and its state is read with [`Engine::state`].
//!
//! Reading order: [`file`] (rule files), [`template`] (labels and annotations), [`promql`]
//! (expressions), [`partition`] (what may be evaluated apart), `index` (which selectors want a new
//! series), `window` (its samples), `alerting` (one alert's life), `tick` (when groups are due),
//! [`engine`] (all of it together), [`explain`] (what a rule costs).

mod alerting;
pub mod engine;
pub mod explain;
pub mod file;
mod index;
pub mod partition;
pub mod promql;
pub mod template;
mod tick;
mod window;

pub use engine::{Engine, GroupView, SavedAlert, Settings};
pub use file::{Evaluate, RuleSet, load_rules, load_rules_as};
