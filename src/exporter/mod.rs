//! The stores: what an exporter is told ([`config`], [`secret`], [`values`]).

pub mod config;
pub mod secret;
pub mod values;
