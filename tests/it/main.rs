//! The integration tests: one binary, the gateway under test in process, port 0, temporary directories.

mod architecture;
mod check;
mod config;
