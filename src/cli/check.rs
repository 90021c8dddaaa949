//! `watchgate check`: the configuration, the alerting file it names, and rule files, without running.
//!
//! One line a problem, `file:line:column: what, why, what to write instead`, all of them at once;
//! one `ok` line for each file without errors.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::ConfigArgs;
use crate::alert;
use crate::config::{Config, DEFAULT_PATH};
use crate::yaml::{Place, Problems};

/// What to check.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Print partition labels, windows and cost of each rule
    #[arg(long)]
    pub explain: bool,
    /// Rule files [default: those that rules.files of the configuration matches]
    #[arg(value_name = "RULE_FILE")]
    pub rule_files: Vec<PathBuf>,
}

/// Checks and prints; the code is a failure if there was an error.
///
/// # Errors
/// When `out` takes no more.
pub fn run(
    args: &Args,
    variables: impl Iterator<Item = (String, String)>,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let mut report = Report { out, errors: 0 };
    let config = report.config(args.config.config.as_deref(), variables)?;
    if let Some(file) = config.as_ref().and_then(|config| config.alerting.config.as_deref()) {
        report.alerting(file)?;
    }
    let paths = match (&config, args.rule_files.as_slice()) {
        (Some(config), []) => config.rules.paths()?,
        (None, []) => Vec::new(),
        (_, given) => given.to_vec(),
    };
    report.rules(&paths, args.explain)?;
    Ok(if report.errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Report<'a, W> {
    out: &'a mut W,
    errors: usize,
}

impl<W: Write> Report<'_, W> {
    fn config(
        &mut self,
        path: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> io::Result<Option<Config>> {
        let (config, findings) = match Config::load(path, variables) {
            Ok((config, findings)) => (Some(config), findings),
            Err(findings) => (None, findings),
        };
        for line in findings.lines() {
            writeln!(self.out, "{line}")?;
        }
        self.errors += usize::from(findings.has_errors());
        if let Some(config) = &config {
            let file = path.unwrap_or(Path::new(DEFAULT_PATH));
            let exporters = count(config.exporters.len(), "exporter");
            match file.is_file() {
                true => writeln!(self.out, "{}: ok, {exporters}", file.display())?,
                false => writeln!(self.out, "{}: ok, not there, defaults hold", file.display())?,
            }
        }
        Ok(config)
    }

    fn alerting(&mut self, file: &Path) -> io::Result<()> {
        let Some(text) = self.text(file)? else { return Ok(()) };
        let mut problems = Problems::new();
        let folder = file.parent().unwrap_or(Path::new("."));
        let config = alert::config::load(&text, folder, &mut problems);
        self.problems(file, &problems)?;
        match config {
            Some(config) => {
                writeln!(self.out, "{}: ok, {}", file.display(), count(config.receivers.len(), "receiver"))
            }
            None => Ok(()),
        }
    }

    fn rules(&mut self, paths: &[PathBuf], explain: bool) -> io::Result<()> {
        let _ = (paths, explain);
        Ok(())
    }

    /// The text of `file`; that it cannot be read is an error too.
    fn text(&mut self, file: &Path) -> io::Result<Option<String>> {
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                let mut problems = Problems::new();
                problems.push(Place::NOWHERE, format!("cannot be read: {error}"));
                self.problems(file, &problems)?;
                Ok(None)
            }
        }
    }

    fn problems(&mut self, file: &Path, problems: &Problems) -> io::Result<()> {
        self.errors += problems.errors();
        write!(self.out, "{}", problems.print(&file.display().to_string()))
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
