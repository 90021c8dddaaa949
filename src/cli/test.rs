//! `watchgate test`: unit tests of rules in promtool's `test rules` format.
//!
//! Output and exit code are promtool's: `SUCCESS` for each file, or `FAILED` with what differs on the
//! standard error; 1 when any file failed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use regex::Regex;

use crate::rule::promql::Dialect;
use crate::rule::unit_test::{self, Failure, TestFile};
use crate::rule::{RuleSet, load_rules_as};
use crate::yaml::Problems;

/// What to test.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run only tests whose name this regular expression matches; may be repeated
    #[arg(long, value_name = "REGEX")]
    pub run: Vec<String>,
    /// Test files
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// Runs the tests and prints; the code is a failure if one failed.
///
/// # Errors
/// When `--run` is no regular expression, or `out` takes no more.
pub fn run(args: &Args, out: &mut impl Write, err: &mut impl Write) -> anyhow::Result<ExitCode> {
    let run = Regex::new(&args.run.join("|")).context("--run: not a regular expression")?;
    let mut failed = false;
    for path in &args.files {
        let failures = test(path, &run, err)?;
        if failures.is_empty() {
            writeln!(out, "  SUCCESS")?;
        } else {
            writeln!(err, "  FAILED: {}", path.display())?;
            for failure in &failures {
                writeln!(err, "{failure}")?;
                writeln!(out)?;
            }
        }
        writeln!(out)?;
        failed |= !failures.is_empty();
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn test(path: &Path, run: &Regex, err: &mut impl Write) -> io::Result<Vec<Failure>> {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return Ok(vec![format!("{name}: cannot be read: {error}")]),
    };
    let mut problems = Problems::new();
    let Some(file) = TestFile::read(&text, &mut problems) else {
        return Ok(problems.print(&name).lines().map(str::to_owned).collect());
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut paths: Vec<PathBuf> = Vec::new();
    for pattern in file.rule_files.iter().filter(|pattern| !pattern.is_empty()) {
        let pattern = folder.join(pattern);
        let found = match matching(&pattern) {
            Ok(found) => found,
            Err(error) => return Ok(vec![format!("{name}: {}: {error}", pattern.display())]),
        };
        if found.is_empty() {
            writeln!(err, "  WARNING: no file match pattern {}", pattern.display())?;
        }
        paths.extend(found.into_iter().filter(|path| !paths.contains(path)).collect::<Vec<_>>());
    }
    Ok(unit_test::run(&file, &load(&paths, file.dialect()), &|test| run.is_match(test)))
}

fn matching(pattern: &Path) -> Result<Vec<PathBuf>, glob::PatternError> {
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    let found = glob::glob_with(&pattern.to_string_lossy(), options)?;
    // components drop the `.` of `./rules.yaml`, so that a file is known by one name
    Ok(found.flatten().map(|path| path.components().collect()).collect())
}

fn load(paths: &[PathBuf], dialect: Dialect) -> Result<RuleSet, Vec<Failure>> {
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| vec![format!("{name}: cannot be read: {error}")])?;
        files.push((name, text));
    }
    load_rules_as(&files, dialect).map_err(|problems| {
        problems.iter().filter(|(_, problem)| !problem.warning).map(|(file, problem)| problem.line(file)).collect()
    })
}
