//! `watchgate check`, run as users run it.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs `watchgate check ARGUMENTS` in `folder`; answers its lines and its exit code.
fn check(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Vec<String>, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_watchgate"))
        .arg("check")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("the binary runs");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect();
    (lines, output.status.code().expect("an exit code"))
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

#[test]
fn an_empty_folder_is_fine() {
    let folder = folder(&[]);
    let (lines, code) = check(folder.path(), &[], &[]);
    assert_eq!((lines, code), (vec!["config/watchgate.yaml: ok, not there, defaults hold".to_owned()], 0));
}

#[test]
fn what_is_shipped_is_fine() {
    let (lines, code) = check(Path::new(env!("CARGO_MANIFEST_DIR")), &[], &[]);
    assert_eq!(code, 0, "{lines:#?}");
    assert_eq!(lines[0], "config/watchgate.yaml: ok, 0 exporters");
    assert!(lines[1].starts_with("config/alertmanager.yml: ok, "), "{lines:#?}");
}

#[test]
fn three_mistakes_in_a_configuration_are_three_lines() {
    let text = "listen: { api: 0.0.0.0:9480 }\njournal: { byte_max: 1GiB }\nrules: { settle: soon }\n";
    let folder = folder(&[("w.yaml", text)]);
    let (lines, code) = check(folder.path(), &["--config", "w.yaml"], &[]);
    let want = [
        "w.yaml:1:16: `listen.api` is 0.0.0.0:9480, beyond this machine: that needs `auth`, which is not yet supported, write 127.0.0.1:9480",
        "w.yaml:2:12: unknown key `byte_max` in `journal`, did you mean `bytes_max`?",
        "w.yaml:3:18: `rules.settle` must be a duration, found `soon`, write whole numbers with units ms, s, m, h, d, w, y such as 1h30m",
    ];
    assert_eq!((lines, code), (want.map(str::to_owned).to_vec(), 1));
}

#[test]
fn a_missing_file_and_a_wrong_variable_are_errors_and_a_warning_is_none() {
    let folder = folder(&[("w.yaml", "limits: { request_bytes_max: 128MiB }\n")]);
    let (lines, code) = check(folder.path(), &["--config", "nowhere.yaml"], &[]);
    assert!(lines.len() == 1 && lines[0].starts_with("nowhere.yaml: cannot be read: "), "{lines:?}");
    assert_eq!(code, 1);
    let (lines, code) = check(folder.path(), &["--config", "w.yaml"], &[("WATCHGATE_DATA_DUR", "x")]);
    assert_eq!(lines[0], "WATCHGATE_DATA_DUR: no key `data_dur`, did you mean WATCHGATE_DATA_DIR?");
    assert_eq!(code, 1);
    let (lines, code) = check(folder.path(), &["--config", "w.yaml"], &[]);
    assert!(lines[0].starts_with("w.yaml:1:30: warning: `limits.request_bytes_max` is 128MiB"), "{lines:?}");
    assert_eq!((lines[1].as_str(), code), ("w.yaml: ok, 0 exporters", 0));
}

#[test]
fn what_is_not_utf8_is_named_and_secrets_are_not_shown() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder(&[(
        "w.yaml",
        "exporters: { zipkin: { endpoint: 'htp://u:hush@z/' }, zipkin/b: { endpoint: 'http://u:hush@z/' } }\n",
    )]);
    fs::write(folder.path().join("latin.yaml"), b"data_dir: caf\xe9\n").expect("written");
    let (lines, code) = check(folder.path(), &["--config", "latin.yaml"], &[]);
    assert_eq!((lines, code), (vec!["latin.yaml: is not UTF-8 text, save it as UTF-8".to_owned()], 1));
    let (lines, code) = check(folder.path(), &["--config", "w.yaml"], &[]);
    assert_eq!((lines.len(), code), (2, 1), "{lines:#?}");
    assert!(!lines.concat().contains("hush"), "{lines:#?}");
    let output = Command::new(env!("CARGO_BIN_EXE_watchgate"))
        .arg("check")
        .current_dir(folder.path())
        .env("ELSEWHERE", std::ffi::OsStr::from_bytes(b"caf\xe9"))
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_alerting_file_is_checked_too() {
    let config = "alerting: { config: am.yml }\n";
    let alerting = "route: { receiver: nobody, group_wait: often }\nreceivers: [{ name: a }]\nglobble: 1\n";
    let folder = folder(&[("w.yaml", config), ("am.yml", alerting)]);
    let (lines, code) = check(folder.path(), &["--config", "w.yaml"], &[]);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    for (line, start) in lines.iter().zip(["w.yaml: ok", "am.yml:1:20: ", "am.yml:1:40: ", "am.yml:3:1: "]) {
        assert!(line.starts_with(start), "{lines:#?}");
    }
    assert_eq!(code, 1);
}

#[test]
fn the_version_is_printed() {
    let output = Command::new(env!("CARGO_BIN_EXE_watchgate")).arg("--version").output().expect("the binary runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), concat!("watchgate ", env!("CARGO_PKG_VERSION"), "\n"));
}

const RULES: &str = "\
groups:
  - name: payments
    interval: 10s
    rules:
      - alert: Failures
        expr: sum by (channel) (rate(payments_total{result=\"failed\"}[5m])) > 1
        for: 2m
        labels: { severity: page }
      - alert: Down
        expr: up == 0
      - record: job:up:sum
        expr: sum(up offset 10m)
";

#[test]
fn rule_files_are_counted_and_explained() {
    let folder = folder(&[("alert-rules/business/a.yaml", RULES), ("alert-rules/b.yaml", "groups:\n")]);
    let (lines, code) = check(folder.path(), &["--explain"], &[]);
    let want = [
        "config/watchgate.yaml: ok, not there, defaults hold",
        "alert-rules/b.yaml: ok, 0 groups, 0 rules",
        "alert-rules/business/a.yaml: ok, 1 group, 3 rules",
        "alert-rules/business/a.yaml:5:9: alert Failures: split by channel, evaluated after settling; reads payments_total{result=\"failed\"} back 5m; at most 336B for each series it reads",
        "alert-rules/business/a.yaml:9:9: alert Down: split by every label, evaluated at once; reads up back 5m; at most 336B for each series it reads",
        "alert-rules/business/a.yaml:11:9: record job:up:sum: not split, evaluated after settling; reads up back 15m; at most 976B for each series it reads",
    ];
    assert_eq!((lines, code), (want.map(str::to_owned).to_vec(), 0));
}

#[test]
fn three_mistakes_in_a_rule_file_are_three_lines() {
    let wrong = RULES
        .replace("interval: 10s", "intervall: 10s")
        .replace("for: 2m", "for: 2 minutes")
        .replace("up == 0", "up == == 0");
    let folder = folder(&[("a.yaml", &wrong), ("b.yaml", RULES)]);
    let (lines, code) = check(folder.path(), &["a.yaml", "b.yaml", "nowhere.yaml"], &[]);
    assert_eq!(lines.len(), 6, "{lines:#?}");
    let starts = [
        "config/watchgate.yaml: ok",
        "a.yaml:3:5: unknown key `intervall` in `groups[0]`, did you mean `interval`?",
        "a.yaml:7:14: `groups[0].rules[0].for` must be a duration, found `2 minutes`, write ",
        "a.yaml:10:21: could not parse expression: ",
        "b.yaml: ok, 1 group, 3 rules",
        "nowhere.yaml: cannot be read: ",
    ];
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{lines:#?}");
    }
    assert_eq!(code, 1);
}
