//! `watchgate serve`: reads the configuration and runs the gateway.

use std::process::ExitCode;

use super::{ConfigArgs, LogFormat};
use crate::config::Config;

/// Reads the configuration, says what is doubtful about it, and runs the gateway.
///
/// # Errors
/// When the configuration has errors, all of which are in the message, or the gateway cannot run.
pub fn run(args: &ConfigArgs, _log_format: LogFormat, _log_level: &str) -> anyhow::Result<ExitCode> {
    let (_config, warnings) = Config::load(args.config.as_deref(), std::env::vars())?;
    warnings.lines().for_each(|line| eprintln!("{line}"));
    anyhow::bail!("the gateway is not part of this build, only `watchgate check` is")
}
