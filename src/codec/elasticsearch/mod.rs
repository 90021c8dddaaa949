//! Elasticsearch as a store.

pub mod id;
pub(crate) mod json;
mod time;
mod value;
