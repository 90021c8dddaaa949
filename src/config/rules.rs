//! `rules:` which files, and how they are evaluated.

use crate::model::time::Millis;
use crate::rule::Evaluate;
use crate::rule::promql::Dialect;
use crate::yaml::{Node, Problems};

/// Settings of the rule engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Patterns of rule files, relative to the working directory.
    pub files: Vec<String>,
    /// Time between ticks, unless a group says otherwise.
    pub evaluation_interval: Millis,
    /// When rules are evaluated.
    pub evaluate: Evaluate,
    /// Wait after the first fresh sample of a partition.
    pub settle: Millis,
    /// Time between samples of derived series.
    pub derived_interval: Millis,
    /// Bytes of samples kept for ranges.
    pub window_bytes_max: u64,
    /// Whether expressions may use what Prometheus has behind a feature flag.
    pub experimental: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            files: vec!["alert-rules/**/*.yaml".to_owned()],
            evaluation_interval: 15_000,
            evaluate: Evaluate::OnData,
            settle: 1_000,
            derived_interval: 1_000,
            window_bytes_max: 256 << 20,
            experimental: false,
        }
    }
}

impl Rules {
    /// Reads `rules:`; what is absent keeps its default.
    pub fn read(node: Option<&Node>, problems: &mut Problems) -> Self {
        let mut rules = Self::default();
        let Some(mut map) = node.and_then(|node| node.map("rules", problems)) else { return rules };
        map.set("files", &mut rules.files, patterns, problems);
        map.set("evaluation_interval", &mut rules.evaluation_interval, Node::duration_above_zero, problems);
        let choices = [("on_data", Evaluate::OnData), ("on_tick", Evaluate::OnTick)];
        let choice = |node: &Node, path: &str, problems: &mut Problems| node.choice(path, &choices, problems);
        map.set("evaluate", &mut rules.evaluate, choice, problems);
        map.set("settle", &mut rules.settle, Node::duration, problems);
        map.set("derived_interval", &mut rules.derived_interval, Node::duration_above_zero, problems);
        map.set("window_bytes_max", &mut rules.window_bytes_max, Node::bytes_above_zero, problems);
        if map.take("backfill").is_some() {
            map.later("backfill", problems);
        }
        map.set("experimental", &mut rules.experimental, Node::bool, problems);
        map.finish(problems);
        rules
    }

    /// What expressions mean under these settings.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        Dialect { step_ms: self.evaluation_interval, experimental: self.experimental }
    }

    /// The files that the patterns match, sorted, each once.
    ///
    /// # Errors
    /// When a folder that a pattern names cannot be read.
    pub fn paths(&self) -> Result<Vec<std::path::PathBuf>, glob::GlobError> {
        let mut paths = Vec::new();
        for pattern in &self.files {
            for path in glob::glob(pattern).into_iter().flatten() {
                let path = path?;
                if path.is_file() {
                    paths.push(path);
                }
            }
        }
        paths.sort();
        paths.dedup();
        Ok(paths)
    }
}

fn patterns(node: &Node, path: &str, problems: &mut Problems) -> Option<Vec<String>> {
    let texts = node.texts(path, problems)?;
    for text in &texts {
        if let Err(error) = glob::Pattern::new(text) {
            let message =
                format!("`{path}`: `{text}` is no pattern ({}), write one such as alert-rules/**/*.yaml", error.msg);
            problems.push(node.place, message);
        }
    }
    Some(texts.into_iter().map(str::to_owned).collect())
}
