//! Zipkin v2 JSON: an array of spans.
//!
//! [`walk`] is the receiving side and refuses what Zipkin's own server refuses. Frames go to Zipkin
//! as they came, joined by [`splice`], halved by [`split`] where one is too large; OTLP spans are
//! written by [`encode_otlp`].
//!
//! Schema: <https://zipkin.io/zipkin-api/#/default/post_spans>.

mod encode;
mod endpoint;
mod span;
mod splice;
#[cfg(test)]
mod tests;
mod walk;

pub use encode::{Part, encode_otlp, encode_otlp_part};
pub use splice::{splice, split};
pub use walk::walk;
