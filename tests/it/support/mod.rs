//! What the integration tests share: processes on loopback, the real parts, HTTP, the gateway itself.
//!
//! Read in this order: [`process`], [`http`], [`parts`], [`gateway`], [`remote_write`], [`otlp_metrics`], [`webhook`].

pub mod gateway;
pub mod http;
pub mod otlp_metrics;
pub mod parts;
pub mod process;
pub mod remote_write;
pub mod webhook;
