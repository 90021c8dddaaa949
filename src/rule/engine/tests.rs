//! Timelines: what is pushed when, and what is then wanted.

mod alerts;
mod bounds;
mod properties;
mod recording;
mod reload;
mod support;
