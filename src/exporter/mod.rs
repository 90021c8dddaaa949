//! The stores: each file encodes frames for one of them and sends a request once.
//!
//! Waiting, repeating, halving, counting and dead letters are the pipeline's
//! ([`crate::pipeline::delivery`]). Reading order: [`http`], [`zipkin`], [`prometheus`],
//! [`elasticsearch`]; their settings are in [`config`], [`values`] and [`secret`].

pub mod config;
pub mod elasticsearch;
pub mod http;
pub mod prometheus;
pub mod secret;
pub mod values;
pub mod zipkin;
