//! The table of all keys ([`KEYS`](super::table::KEYS)): its types, and how a path finds its row.

use super::table::KEYS;

/// What a key's value is: decides how an environment variable is read, and the unit that the
/// reference shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// More keys below it.
    Section,
    /// An address, a list of addresses, or `{address, tls, auth}`.
    Listener,
    /// Text, a path or a URL.
    Text,
    /// Text that is not shown.
    Secret,
    /// A list of texts.
    List,
    /// Free names with texts.
    Texts,
    /// A Prometheus duration.
    Duration,
    /// Bytes.
    Bytes,
    /// A share of a whole, or bytes.
    Share,
    /// A whole number of what is named.
    Count(&'static str),
    /// true or false.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Refused as not yet supported.
    Later,
}

impl Kind {
    /// The unit or form, for the reference; empty where the meaning says all.
    #[must_use]
    pub fn unit(self) -> String {
        match self {
            Self::Section | Self::Text | Self::Secret | Self::Texts | Self::Later => String::new(),
            Self::Listener => "listener".to_owned(),
            Self::List => "list".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::Share => "share or bytes".to_owned(),
            Self::Count(of) => of.to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Choice(words) => words.join(", "),
        }
    }
}

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its path, joined by dots; `*` stands for every kind of exporter.
    pub path: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What holds where nothing is written, in YAML.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

impl Key {
    /// The path's parts.
    pub fn segments(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('.')
    }

    /// Whether the exporter kind `kind` has this key: `exporters.KIND.…`, or `exporters.*.…` unless
    /// the kind has a row of its own for it.
    #[must_use]
    pub fn belongs_to(&self, kind: &str) -> bool {
        let Some(rest) = self.path.strip_prefix("exporters.") else { return false };
        match rest.split_once('.') {
            Some((own, _)) if own == kind => true,
            Some(("*", rest)) => !KEYS.iter().any(|key| {
                key.path.strip_prefix("exporters.").and_then(|path| path.strip_prefix(kind)?.strip_prefix('.'))
                    == Some(rest)
            }),
            _ => false,
        }
    }
}

/// The row of `path`, whose exporter part is a kind.
#[must_use]
pub fn find(path: &[&str]) -> Option<&'static Key> {
    if let ["exporters", kind, rest @ ..] = path {
        let rest = rest.join(".");
        let tail = |key: &&Key| key.path.splitn(3, '.').nth(2).unwrap_or_default() == rest;
        return KEYS.iter().filter(tail).find(|key| key.belongs_to(kind));
    }
    let path = path.join(".");
    KEYS.iter().find(|key| key.path == path)
}
