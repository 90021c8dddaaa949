//! The house's own rules: floors, file sizes, a module doc on every file, no clock below floor 2.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest floor first. A module may import modules of lower floors, and itself.
const FLOORS: [&[&str]; 7] = [
    &["model", "yaml", "limits", "backoff", "telemetry"],
    &["codec", "journal", "rule", "alert"],
    &["pipeline", "net", "store"],
    &["receiver", "exporter", "notify", "api"],
    &["config"],
    &["app"],
    &["cli", "main", "lib"],
];

/// Longest file, in lines before its `#[cfg(test)]`.
const FILE_LINES_MAX: usize = 400;

/// What no module on floors 0 and 1 may name: runtimes, sockets, clocks, randomness.
const PURE_BANS: [&str; 8] =
    ["tokio", "axum", "reqwest", "hyper", "fastrand", "SystemTime::now", "Instant::now", "wall_clock()"];

struct Source {
    path: PathBuf,
    module: String,
    text: String,
}

impl Source {
    fn code_lines(&self) -> Vec<&str> {
        self.text.lines().take_while(|line| line.trim() != "#[cfg(test)]").collect()
    }
}

fn sources() -> Vec<Source> {
    fn visit(folder: &Path, root: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).expect("src is readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                visit(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(root).expect("below src");
                let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
                let module = first.trim_end_matches(".rs").to_owned();
                found.push(Source { text: fs::read_to_string(&path).expect("UTF-8 source"), module, path });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    visit(&root, &root, &mut found);
    found
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// Modules of this crate that a line of code names, as `crate::x` or `watchgate::x`.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    ["crate::", "watchgate::"].into_iter().flat_map(move |prefix| {
        code.match_indices(prefix).flat_map(move |(at, _)| {
            let rest = &code[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(group) => group.split(',').map(first_word).collect::<Vec<_>>(),
                None => vec![first_word(rest)],
            }
        })
    })
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    &text[..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())]
}

fn complain(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn a_module_imports_only_from_lower_floors() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(own) = floor(&source.module) else {
            wrong.push(format!("{} stands on no floor", source.path.display()));
            continue;
        };
        for line in source.text.lines() {
            for import in imports(line) {
                let allowed = import == source.module || floor(import).is_none_or(|theirs| theirs < own);
                if !allowed && !matches!(source.module.as_str(), "lib" | "main") {
                    wrong.push(format!("{}: `{}` may not import `{import}`", source.path.display(), source.module));
                }
            }
        }
    }
    complain("imports that do not go down", &wrong);
}

#[test]
fn pure_floors_know_no_runtime_socket_clock_or_randomness() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| floor(&source.module).is_some_and(|floor| floor <= 1)) {
        let is_clock = source.path.ends_with("model/time.rs");
        for line in source.code_lines().iter().filter(|line| !line.trim_start().starts_with("//")) {
            for ban in PURE_BANS.iter().filter(|ban| line.contains(**ban) && !is_clock) {
                wrong.push(format!("{}: `{ban}` in `{}`", source.path.display(), line.trim()));
            }
        }
    }
    complain("impure code on floors 0 and 1", &wrong);
}

#[test]
fn every_file_is_small_and_says_what_it_is() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.code_lines().len();
        if lines > FILE_LINES_MAX && !source.path.ends_with("tests.rs") {
            wrong.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", source.path.display()));
        }
        if !source.text.starts_with("//!") {
            wrong.push(format!("{}: no module doc", source.path.display()));
        }
    }
    complain("files that outgrew their name", &wrong);
}
