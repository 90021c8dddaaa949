//! The configuration: a YAML file, overridden by the environment, composed of each module's own.
//!
//! Every key has a default that works on a laptop, so that no file is a configuration too. All
//! problems of a file are found at once. Keys, units, defaults and meanings stand in [`table`], from
//! which `config/reference.yaml` is made ([`reference`]); the structs and how they are read belong to
//! the modules: [`Listeners`], [`Exporter`], [`Rules`], the journal's and [`Limits`].
//!
//! Reading order: [`Config::load`], [`environment`], [`relations`], [`findings`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::Url;

use crate::codec::otlp_metrics::Settings as Translation;
use crate::exporter::config::Exporter;
use crate::exporter::values::url;
use crate::journal;
use crate::limits::Limits;
use crate::model::labels::Labels;
use crate::net::config::Listeners;
use crate::yaml::{self, Node, Place, Problems};

pub mod environment;
pub mod findings;
pub mod key;
mod parts;
pub mod reference;
mod relations;
pub mod rules;
mod simple;
pub mod table;
#[cfg(test)]
mod tests;

pub use findings::Findings;
pub use rules::Rules;

/// The file that is read when none is named; it may be missing.
pub const DEFAULT_PATH: &str = "config/watchgate.yaml";

/// Everything that users may set.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the gateway listens.
    pub listen: Listeners,
    /// The address of its API as people reach it, without a slash at its end.
    pub external_url: String,
    /// On alerts and on series that Watchgate makes.
    pub external_labels: Labels,
    /// Journal, database, dead letters.
    pub data_dir: PathBuf,
    /// Where state is kept.
    pub store: Store,
    /// Each signal's journal.
    pub journal: journal::Config,
    /// Items that a store refused.
    pub dead_letters: DeadLetters,
    /// By name, in the order written.
    pub exporters: Vec<(String, Exporter)>,
    /// Rule files and their evaluation.
    pub rules: Rules,
    /// What happens with alerts.
    pub alerting: Alerting,
    /// The gateway's own spans.
    pub telemetry: Telemetry,
    /// How OTLP metrics become series.
    pub otlp: Translation,
    /// Bounds on requests and memory.
    pub limits: Limits,
}

/// Where state is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Store {
    /// An embedded SQLite database in `data_dir`.
    #[default]
    Sqlite,
}

/// Items that a store refused for their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetters {
    /// Bytes of all of them together.
    pub bytes_max: u64,
}

/// What happens with alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerting {
    /// The file in Alertmanager's format; `None`: there is no file, so there are no notifications.
    pub config: Option<PathBuf>,
}

/// The gateway's own telemetry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telemetry {
    /// A Zipkin for the gateway's own spans.
    pub zipkin_endpoint: Option<Url>,
}

impl Config {
    /// Reads the file at `path`, or [`DEFAULT_PATH`] if that is there, and overrides it by `variables`.
    /// Answers warnings beside the configuration.
    ///
    /// # Errors
    /// Every problem of the file and of the variables.
    pub fn load(
        path: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<(Self, Findings), Findings> {
        let file = path.unwrap_or(Path::new(DEFAULT_PATH));
        let text = match fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_none() => String::new(),
            Err(error) => {
                let mut problems = Problems::new();
                problems.push(
                    Place::NOWHERE,
                    match error.kind() {
                        io::ErrorKind::InvalidData => "is not UTF-8 text, save it as UTF-8".to_owned(),
                        _ => format!("cannot be read: {error}, check the path given with --config"),
                    },
                );
                return Err(Findings::new(file.display().to_string(), Vec::new(), problems));
            }
            Ok(text) => text,
        };
        Self::read(&file.display().to_string(), &text, variables)
    }

    /// Reads `text`, which `file` names, and overrides it by `variables`.
    ///
    /// # Errors
    /// Every problem of the text and of the variables.
    pub fn read(
        file: &str,
        text: &str,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<(Self, Findings), Findings> {
        let mut problems = Problems::new();
        let mut root = yaml::parse(text).unwrap_or_else(|problem| {
            problems.extend([problem]);
            Node::NULL
        });
        let names = environment::apply(&mut root, variables, &mut problems);
        let config = Self::from_node(&root, &mut problems);
        if !problems.has_errors() {
            relations::check(&config, &root, &mut problems);
        }
        let findings = Findings::new(file.to_owned(), names, problems);
        if findings.has_errors() { Err(findings) } else { Ok((config, findings)) }
    }

    fn from_node(root: &Node, problems: &mut Problems) -> Self {
        let mut map = root.map("", problems);
        let mut take = |key: &str| map.as_mut().and_then(|map| map.take(key));
        let config = Self {
            listen: Listeners::read(take("listen"), problems),
            external_url: simple::external_url(take("external_url"), problems),
            external_labels: simple::external_labels(take("external_labels"), problems),
            data_dir: simple::data_dir(take("data_dir"), problems),
            store: simple::store(take("store"), problems),
            journal: parts::journal(take("journal"), problems),
            dead_letters: simple::dead_letters(take("dead_letters"), problems),
            exporters: Exporter::read_all(take("exporters"), problems),
            rules: Rules::read(take("rules"), problems),
            alerting: simple::alerting(take("alerting"), problems),
            telemetry: simple::telemetry(take("telemetry"), problems),
            otlp: parts::otlp(take("otlp"), problems),
            limits: parts::limits(take("limits"), problems),
        };
        if let Some(map) = map {
            map.finish(problems);
        }
        config
    }
}

impl Default for Config {
    /// What no file and no environment say.
    fn default() -> Self {
        Self::from_node(&Node::NULL, &mut Problems::new())
    }
}
