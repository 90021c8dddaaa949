//! What the integration tests share: processes on loopback, the real parts, HTTP, the gateway itself.
//!
//! Read in this order: [`process`], [`http`], [`parts`], [`gateway`], [`remote_write`], [`otlp_metrics`], [`webhook`].
//! Read in this order: [`process`], [`http`], [`parts`], [`gateway`], [`faulty`], [`remote_write`], [`webhook`].

pub mod faulty;
pub mod gateway;
pub mod http;
pub mod otlp_metrics;
pub mod parts;
pub mod process;
pub mod remote_write;
pub mod webhook;
