//! The shipped configuration files: `config/reference.yaml` is generated, `config/watchgate.yaml` reads.

use std::fs;
use std::path::{Path, PathBuf};

use watchgate::config::{Config, reference};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// `UPDATE_REFERENCE=1 cargo test --test it reference` writes it anew.
#[test]
fn the_reference_is_generated_from_the_table() {
    let path = shipped("reference.yaml");
    let text = reference::print();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, &text).expect("config/ is writable");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(text.lines()).position(|(kept, made)| kept != made);
    assert!(
        kept == text,
        "config/reference.yaml differs from line {} on: run UPDATE_REFERENCE=1 cargo test --test it reference",
        differs.map_or(kept.lines().count().min(text.lines().count()), |line| line) + 1
    );
}

#[test]
fn the_shipped_configuration_is_the_default_one_with_a_label() {
    let text = fs::read_to_string(shipped("watchgate.yaml")).expect("shipped");
    let (config, findings) = Config::read("config/watchgate.yaml", &text, std::iter::empty()).expect("valid");
    assert!(findings.is_empty(), "{findings}");
    assert_eq!(config.external_labels.to_string(), "{env=\"dev\"}");
    let labels = watchgate::model::labels::Labels::default();
    assert_eq!(Config { external_labels: labels, ..config }, Config::default());
}

#[test]
fn the_shipped_exporters_read_once_their_comment_is_removed() {
    let text = fs::read_to_string(shipped("watchgate.yaml")).expect("shipped").replace("\n#  ", "\n  ");
    let (config, _) = Config::read("config/watchgate.yaml", &text, std::iter::empty()).expect("valid");
    let names: Vec<&str> = config.exporters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["prometheus", "elasticsearch", "zipkin"]);
    let text = fs::read_to_string(shipped("reference.yaml")).expect("shipped");
    let all: String = text
        .replace("exporters: {}", "exporters:")
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("# ").filter(|rest| rest.starts_with("  ")).unwrap_or(line)))
        .collect();
    let (config, _) =
        Config::read("config/reference.yaml", &all, std::iter::empty()).unwrap_or_else(|findings| panic!("{findings}"));
    assert_eq!(config.exporters.len(), 3);
}
