//! What is wrong or doubtful with a configuration, and whether the file or the environment says it.

use std::fmt;

use crate::yaml::{Place, Problem, Problems};

/// The problems of a configuration, by their places in the file and the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    file: String,
    variables: Vec<String>,
    problems: Vec<Problem>,
}

impl Findings {
    /// `problems` of `file`; a place in line 0 names one of `variables` by its column, from 1.
    #[must_use]
    pub fn new(file: String, variables: Vec<String>, problems: Problems) -> Self {
        Self { file, variables, problems: problems.into_sorted() }
    }

    /// Whether anything keeps the configuration from being used.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| !problem.warning)
    }

    /// Whether there is nothing to say, not even a warning.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// One line each: `file:line:column: what, why, what to write instead`, or `VARIABLE: …`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.problems.iter().map(|problem| match problem.place {
            Place { line: 0, column } if column > 0 => {
                let variable = self.variables.get(column as usize - 1).map_or("environment", String::as_str);
                Problem { place: Place::NOWHERE, ..problem.clone() }.line(variable)
            }
            _ => problem.line(&self.file),
        })
    }
}

/// The lines, joined.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for Findings {}
