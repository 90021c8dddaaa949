//! `watchgate check`: the configuration, the alerting file it names, and rule files, without running.
//!
//! One line a problem, `file:line:column: what, why, what to write instead`, all of them at once;
//! one `ok` line for each file without errors.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::ConfigArgs;
use crate::alert;
use crate::config::{Config, DEFAULT_PATH, Rules};
use crate::model::time::Millis;
use crate::rule::promql::Dialect;
use crate::rule::{Evaluate, load_rules_as};
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
    let rules = config.as_ref().map(|config| &config.rules);
    let paths = match (rules, args.rule_files.as_slice()) {
        (Some(rules), []) => report.matched(rules)?,
        (None, []) => Vec::new(),
        (_, given) => given.to_vec(),
    };
    let settings = rules.cloned().unwrap_or_default();
    let Rules { evaluate, evaluation_interval, .. } = settings;
    report.rules(&paths, settings.dialect(), args.explain.then_some((evaluate, evaluation_interval)))?;
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

    fn rules(&mut self, paths: &[PathBuf], dialect: Dialect, explain: Option<(Evaluate, Millis)>) -> io::Result<()> {
        for path in paths {
            let Some(text) = self.text(path)? else { continue };
            let file = path.display().to_string();
            let loaded = load_rules_as(&[(file.clone(), text)], dialect);
            let problems = match &loaded {
                Ok(rules) => &rules.warnings,
                Err(problems) => problems,
            };
            for (file, problem) in problems {
                self.errors += usize::from(!problem.warning);
                writeln!(self.out, "{}", problem.line(file))?;
            }
            let Ok(rules) = loaded else { continue };
            let (groups, number) = rules.len();
            writeln!(self.out, "{file}: ok, {}, {}", count(groups, "group"), count(number, "rule"))?;
            for line in explain.iter().flat_map(|(evaluate, interval)| rules.explain(*evaluate, *interval)) {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    /// The files of `rules.files`; a pattern of the user's own that matches nothing is a warning.
    fn matched(&mut self, rules: &Rules) -> anyhow::Result<Vec<PathBuf>> {
        let paths = rules.paths()?;
        if paths.is_empty() && rules.files != Rules::default().files {
            writeln!(self.out, "rules.files: warning: no file matches {}", rules.files.join(", "))?;
        }
        Ok(paths)
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
