//! `watchgate test` beside the real promtool: same files, same verdicts, same words, same exit codes.
//!
//! Each file in `cases/` holds rules and, behind a line of `=`, their tests. Of files named `refused_…`
//! both say no, in words of their own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use watchgate::cli::test::{Args, run};

use crate::support::parts;

/// How a program judged: whether all is well, and what it said of what is not.
#[derive(Debug, PartialEq)]
struct Verdict {
    passed: bool,
    successes: usize,
    said: String,
}

/// Without the lines that name files, and what only frames the rest.
fn words(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("  FAILED") && !line.starts_with("  WARNING"));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn verdict(passed: bool, out: &[u8], err: &[u8]) -> Verdict {
    let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    Verdict { passed, successes: out.matches("  SUCCESS").count(), said: words(&err) }
}

fn ours(files: &[PathBuf]) -> Verdict {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = Args { run: Vec::new(), files: files.to_vec() };
    let code = run(&args, &mut out, &mut err).expect("a verdict");
    verdict(code == ExitCode::SUCCESS, &out, &err)
}

fn theirs(files: &[PathBuf]) -> Option<Verdict> {
    let files = files.iter().map(|file| file.to_str().expect("UTF-8"));
    let arguments: Vec<&str> = ["test", "rules"].into_iter().chain(files).collect();
    let output = parts::run("promtool", &arguments)?;
    Some(verdict(output.status.success(), &output.stdout, &output.stderr))
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn yaml_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    found.sort();
    found
}

#[test]
fn judges_as_promtool_does() {
    let (mut wrong, mut passed, mut failed) = (Vec::new(), 0, 0);
    for case in yaml_in(&folder("tests/it/unit_test/cases")) {
        let name = case.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&case).expect("a case");
        let (rules, tests) = text.split_once("\n=====\n").expect("rules and tests");
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("rules.yaml"), rules).expect("written");
        std::fs::write(home.path().join("tests.yaml"), tests).expect("written");
        let files = [home.path().join("tests.yaml")];
        let (ours, Some(mut theirs)) = (ours(&files), theirs(&files)) else { return };
        if name.starts_with("refused_") {
            theirs.said.clone_from(&ours.said);
        }
        passed += usize::from(theirs.passed);
        failed += usize::from(!theirs.passed);
        if ours != theirs {
            wrong.push(format!(
                "{name}\n  ours {}\n{}\n  theirs {}\n{}",
                ours.passed, ours.said, theirs.passed, theirs.said
            ));
        }
    }
    println!("{passed} files pass and {failed} fail, in both");
    assert!(wrong.is_empty(), "{} files are judged otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn shipped_rules_fire_on_a_bad_day_and_are_silent_on_a_good_one() {
    let files = yaml_in(&folder("tests/rules"));
    let passed = Verdict { passed: true, successes: files.len(), said: String::new() };
    assert_eq!(ours(&files), passed);
    if let Some(theirs) = theirs(&files) {
        assert_eq!(theirs, passed);
    }
    let tests: String = files.iter().map(|file| std::fs::read_to_string(file).expect("tests")).collect();
    for kind in ["alert-rules/system", "alert-rules/business"] {
        for file in yaml_in(&folder(kind)) {
            let rules = std::fs::read_to_string(&file).expect("rules");
            for name in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
                let fires = tests.contains(&format!("alertname: {name}\n        exp_alerts:\n"));
                let silent = tests.contains(&format!("alertname: {name} }}"));
                assert!(fires && silent, "{name} of {} needs both", file.display());
            }
        }
    }
}
