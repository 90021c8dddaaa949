//! PromQL
