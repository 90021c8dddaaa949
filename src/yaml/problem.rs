//! What is wrong with a file: all of it at once, each with its place.

use std::fmt;

use super::Place;

/// One thing that is wrong, or doubtful, at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, why, and what to write instead: a lowercase phrase.
    pub message: String,
    /// Doubtful only: the file is used.
    pub warning: bool,
}

impl Problem {
    /// An error at `place`.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), warning: false }
    }

    /// The line that `watchgate check` prints: `file:line:column: message`.
    #[must_use]
    pub fn line(&self, file: &str) -> String {
        let kind = if self.warning { "warning: " } else { "" };
        match self.place {
            Place { line: 0, .. } => format!("{file}: {kind}{}", self.message),
            place => format!("{file}:{place}: {kind}{}", self.message),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.warning { "warning: " } else { "" };
        match self.place {
            Place { line: 0, .. } => write!(f, "{kind}{}", self.message),
            place => write!(f, "{place}: {kind}{}", self.message),
        }
    }
}

impl std::error::Error for Problem {}

/// Every problem found so far, in the order found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds an error.
    pub fn push(&mut self, place: Place, message: impl Into<String>) {
        self.0.push(Problem::error(place, message));
    }

    /// Adds a warning.
    pub fn warn(&mut self, place: Place, message: impl Into<String>) {
        self.0.push(Problem { place, message: message.into(), warning: true });
    }

    /// Adds problems found elsewhere.
    pub fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.0.extend(problems);
    }

    /// Whether nothing was found, not even a warning.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an error was found, so that the file cannot be used.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| !problem.warning)
    }

    /// How many errors were found.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|problem| !problem.warning).count()
    }

    /// The problems, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// The problems in the order of their places.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Problem> {
        self.0.sort_by_key(|problem| problem.place);
        self.0
    }

    /// One line each, in the order of their places: `file:line:column: what, why, what to write instead`.
    #[must_use]
    pub fn print(&self, file: &str) -> String {
        let mut sorted: Vec<&Problem> = self.0.iter().collect();
        sorted.sort_by_key(|problem| problem.place);
        sorted.iter().map(|problem| problem.line(file) + "\n").collect()
    }
}
