//! Watchgate, the observability gateway that alerts before it stores.
//!
//! Bytes come in through a [`receiver`], are walked once by a [`codec`], appended to the
//! [`journal`] and answered; an [`exporter`] reads the journal through its own cursor, and the
//! [`rule`] engine sees every sample the moment the journal has it.
//!
//! The modules form floors; one imports only from lower floors (a test says so):
//!
//! | floor | modules | what happens there |
//! |---|---|---|
//! | 6 | [`cli`] | commands |
//! | 5 | [`app`] | wiring, order of start and stop |
//! | 4 | [`config`] | composes each module's own configuration |
//! | 3 | [`receiver`] [`exporter`] [`notify`] [`api`] | the outside world is met only here |
//! | 2 | [`pipeline`] [`net`] [`store`] | intake and workers; sockets; SQL |
//! | 1 | [`codec`] [`journal`] [`rule`] [`alert`] | pure engines: no socket, no clock |
//! | 0 | [`model`] [`yaml`] [`limits`] [`backoff`] [`telemetry`] | plain data, bounds, own metrics |
//!
//! Read in this order: [`model`], [`codec::remote_write`], [`journal`], [`pipeline`], [`app`].

pub mod alert;
pub mod api;
pub mod app;
pub mod backoff;
pub mod cli;
pub mod codec;
pub mod config;
pub mod exporter;
pub mod journal;
pub mod limits;
pub mod model;
pub mod net;
pub mod notify;
pub mod pipeline;
pub mod receiver;
pub mod rule;
pub mod store;
pub mod telemetry;
pub mod yaml;
