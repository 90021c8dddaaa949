//! `watchgate demo`: the gateway without stores beside a simulated shop.

use std::process::ExitCode;

use super::LogFormat;

/// Runs gateway and shop until interrupted.
///
/// # Errors
/// When either cannot run.
pub fn run(_log_format: LogFormat, _log_level: &str) -> anyhow::Result<ExitCode> {
    anyhow::bail!("the gateway is not part of this build, only `watchgate check` is")
}
