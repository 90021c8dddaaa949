//! Passwords and tokens: kept out of every log line, read from a file each time where one is named.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::yaml::{Map, Node, Problems, Value};

/// Text that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the request that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The configuration itself.
    Given(Secret),
    /// A file, whose line end is not part of the secret; read anew each time, so that it may rotate.
    File(PathBuf),
}

impl Source {
    /// The secret as it is now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> io::Result<Secret> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => Ok(Secret::new(std::fs::read_to_string(path)?.trim_end_matches(['\r', '\n']))),
        }
    }

    /// The secret under `key` or in the file that `key_file` names; one of both must be there.
    pub fn from(map: &mut Map<'_>, key: &str, problems: &mut Problems) -> Option<Self> {
        let file_key = format!("{key}_file");
        let given = map.take(key);
        let file = map.take(&file_key);
        let (path, file_path) = (map.path(key), map.path(&file_key));
        match (given, file) {
            (Some(_), Some(file)) => {
                problems.push(file.place, format!("`{path}` and `{file_path}` are both set, remove one"));
                None
            }
            (Some(node), None) => node.text(&path, problems).map(|text| Self::Given(Secret::new(text))),
            (None, Some(node)) => Self::file(node, &file_path, problems),
            (None, None) => {
                problems.push(map.place(), format!("`{path}` is missing, write `{key}: …` or `{file_key}: PATH`"));
                None
            }
        }
    }

    fn file(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let source = Self::File(PathBuf::from(node.text(path, problems)?));
        if let (Err(error), Self::File(file)) = (source.read(), &source) {
            let message = format!("`{path}` names {}, which cannot be read: {error}", file.display());
            problems.push(node.place, message);
        }
        Some(source)
    }
}

/// How an exporter shows who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// It does not.
    #[default]
    None,
    /// `Authorization: Basic …`.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Source,
    },
    /// `Authorization: Bearer …`.
    Bearer {
        /// The token.
        token: Source,
    },
}

impl Auth {
    /// Reads `auth: { basic: … }` or `auth: { bearer: … }`.
    pub fn read(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut map = node.map(path, problems)?;
        let basic = map.take("basic").filter(|node| !is_blank(node));
        let bearer = map.take("bearer").filter(|node| !is_blank(node));
        let place = map.place();
        let paths = (map.path("basic"), map.path("bearer"));
        map.finish(problems);
        match (basic, bearer) {
            (Some(_), Some(_)) => {
                problems.push(place, format!("`{path}` has both `basic` and `bearer`, remove one"));
                None
            }
            (Some(node), None) => Self::basic(node, &paths.0, problems),
            (None, Some(node)) => {
                let mut map = node.map(&paths.1, problems)?;
                let token = Source::from(&mut map, "token", problems);
                map.finish(problems);
                token.map(|token| Self::Bearer { token })
            }
            (None, None) => Some(Self::None),
        }
    }

    fn basic(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut map = node.map(path, problems)?;
        let username_path = map.path("username");
        let username = map.require("username", problems).and_then(|node| node.text(&username_path, problems));
        let password = Source::from(&mut map, "password", problems);
        map.finish(problems);
        Some(Self::Basic { username: username?.to_owned(), password: password? })
    }
}

/// Whether all keys of a mapping are there without values.
fn is_blank(node: &Node) -> bool {
    matches!(&node.value, Value::Mapping(pairs) if !pairs.is_empty() && pairs.iter().all(|(_, value)| value.is_null()))
}
