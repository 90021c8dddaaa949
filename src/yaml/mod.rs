//! YAML as every file of ours is read: a tree whose nodes know their place, and a decoder that
//! collects **all** problems of a file instead of stopping at the first.
//!
//! What loads in Prometheus or Alertmanager (Go's yaml) loads here with the same meaning: a null
//! collection is an empty one, `<<` merges, any scalar serves as text, `yes` and `on` serve as
//! booleans where one is asked for. What Go reads and we do not: a second document in a file is
//! refused instead of ignored.
//!
//! Read [`parse`], then [`Node`]'s accessors and [`Map`], then [`duration`] and [`scalar`].

mod bounded;
pub mod duration;
mod map;
mod problem;
mod read;
pub mod scalar;
#[cfg(test)]
mod tests;
mod tree;

pub use duration::{format_duration, parse_duration};
pub use map::{Entry, Map, nearest};
pub use problem::{Problem, Problems};
pub use tree::parse;

use std::fmt;

/// Where in a file something stands. Both count from 1; line 0 = not from a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl Place {
    /// The place of what stands in no file: a default, an environment variable.
    pub const NOWHERE: Self = Self { line: 0, column: 0 };
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins; of a block scalar (`|`, `>`) where its first line of text does.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

impl Node {
    /// Null, from no file: what an absent file or key reads as.
    pub const NULL: Self = Self { place: Place::NOWHERE, value: Value::Null };

    /// Whether the value is null, which every reader takes for absent.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// Text, not yet read as a number or anything else.
    Scalar {
        /// The text after quotes, escapes and folding.
        text: String,
        /// Written without quotes, so that it may be a number or a boolean.
        plain: bool,
    },
    /// `[…]` or lines of `- …`.
    Sequence(Vec<Node>),
    /// Keys and values in the order written, duplicates included; merged (`<<`) ones come last.
    Mapping(Vec<(Node, Node)>),
}

impl Value {
    /// What the value is, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Scalar { text, .. } => format!("`{}`", scalar::shorten(text)),
            Self::Sequence(_) => "a list".to_owned(),
            Self::Mapping(_) => "a mapping".to_owned(),
        }
    }
}
