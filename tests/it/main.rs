//! The integration tests: one binary, the gateway under test as users run it, free ports, temporary directories.

mod alertmanager;
mod architecture;
mod bad_input;
mod check;
mod config;
mod dashboards;
mod delivery;
mod lifecycle;
mod otlp;
mod parts;
mod promql_differential;
mod query_api;
mod stores;
#[expect(unreachable_pub, reason = "one binary: `pub` says what the tests may use of the support")]
mod support;
mod unit_test;
