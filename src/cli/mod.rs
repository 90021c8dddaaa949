//! The command line: one file a command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod check;
pub mod dead_letter;
pub mod demo;
pub mod logging;
pub mod serve;
pub mod test;

pub use logging::LogFormat;

/// The observability gateway that alerts before it stores.
#[derive(Debug, Parser)]
#[command(name = "watchgate", version, about, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// How log lines look
    #[arg(long, global = true, value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Which log lines there are: error, warn, info, debug, trace, or module=level
    #[arg(long, global = true, default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway
    Serve(ConfigArgs),
    /// Run the gateway without stores, beside a simulated shop that has an incident
    Demo(demo::Options),
    /// Validate configuration, alerting file and rule files; exit 1 on any error
    Check(check::Args),
    /// Run unit tests of rules, in promtool's format; exit 1 when one fails
    Test(test::Args),
    /// What stores refused: list, show, replay, purge
    #[command(subcommand)]
    DeadLetter(dead_letter::Command),
}

/// Which configuration to read.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConfigArgs {
    /// Configuration file [default: config/watchgate.yaml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::Serve(args) => serve::run(args, cli.log_format, &cli.log_level),
        Command::Demo(options) => demo::run(options, cli.log_format, &cli.log_level),
        Command::Check(args) => {
            check::run(args, crate::config::environment::variables(), &mut std::io::stdout().lock())
        }
        Command::Test(args) => test::run(args, &mut std::io::stdout().lock(), &mut std::io::stderr().lock()),
        Command::DeadLetter(command) => {
            dead_letter::run(command, crate::config::environment::variables(), &mut std::io::stdout().lock())
        }
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("watchgate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_and_after_the_command() {
        for line in
            ["watchgate --log-format json serve --config w.yaml", "watchgate serve --config w.yaml --log-format json"]
        {
            let cli = Cli::try_parse_from(line.split(' ')).expect(line);
            assert_eq!((cli.log_format, cli.log_level.as_str()), (LogFormat::Json, "info"));
            assert!(matches!(cli.command, Command::Serve(args) if args.config == Some("w.yaml".into())));
        }
        let cli = Cli::try_parse_from(["watchgate", "check", "--explain", "a.yaml", "b.yaml"]).expect("check");
        assert!(matches!(cli.command, Command::Check(args) if args.explain && args.rule_files.len() == 2));
    }
}
