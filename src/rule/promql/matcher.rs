//! Selectors: which series an expression reads, and how far back.

use std::fmt;

use regex::Regex;

use super::LOOKBACK_MS;
use super::reach::{At, Reach};
use crate::model::labels::{Labels, METRIC_NAME};
use crate::model::time::Millis;

/// How a matcher compares a label's value with its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends.
    Regex,
    /// `!~`, anchored at both ends.
    NotRegex,
}

impl MatchOp {
    /// The operator as written.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// A condition on one label; a missing label is the empty string.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// The label's name.
    pub name: String,
    /// How it is compared.
    pub op: MatchOp,
    /// What it is compared with, as written.
    pub value: String,
    pattern: Option<Regex>,
}

impl Matcher {
    /// A matcher of `op`.
    ///
    /// # Errors
    /// Why `value` is no regular expression, when `op` wants one.
    pub fn new(name: impl Into<String>, op: MatchOp, value: impl Into<String>) -> Result<Self, String> {
        let value = value.into();
        let pattern = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(super::pattern::anchored(&value)?),
        };
        Ok(Self { name: name.into(), op, value, pattern })
    }

    /// The matcher `name="value"`.
    #[must_use]
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into(), pattern: None }
    }

    /// Whether a label of this value fulfils the condition.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let by_pattern = || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(value));
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Regex => by_pattern(),
            MatchOp::NotRegex => !by_pattern(),
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.symbol(), self.value)
    }
}

/// An instant or range selector of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Every condition, that on `__name__` among them.
    pub matchers: Vec<Matcher>,
    /// The range of a range selector; `None` for an instant selector.
    pub range_ms: Option<i64>,
    /// `offset`: positive looks into the past, negative into the future.
    pub offset_ms: i64,
    /// `@`: what instant it looks from, if not that of the evaluation.
    pub at: Option<At>,
    /// What it reads, subqueries round it included.
    pub reach: Reach,
}

impl Selector {
    /// Whether a series with these labels is selected.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name)))
    }

    /// The metric name, if the selector names exactly one.
    #[must_use]
    pub fn metric(&self) -> Option<&str> {
        self.matchers
            .iter()
            .find(|matcher| matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal)
            .map(|matcher| matcher.value.as_str())
    }

    /// How far back from the evaluation instant samples are needed, in milliseconds.
    #[must_use]
    pub fn window_ms(&self) -> i64 {
        self.reach.from_ms.saturating_neg().max(self.depth_ms())
    }

    /// How long after its timestamp a sample can be seen at the earliest, in milliseconds.
    #[must_use]
    pub fn lag_ms(&self) -> i64 {
        self.reach.to_ms.saturating_neg()
    }

    /// The instant before which only the newest sample counts when the query is for `at`; `None` if
    /// the selector looks at more than one.
    #[must_use]
    pub fn newest_before(&self, at: Millis) -> Option<Millis> {
        let plain = self.range_ms.is_none() && self.at.is_none() && self.reach.grids.is_empty();
        plain.then(|| at.saturating_sub(self.offset_ms))
    }

    /// Whether it reads a fixed time (`@ 1609746000`), whatever the time is.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.reach.fixed.is_some()
    }

    /// Range, or lookback of an instant selector, in milliseconds.
    pub(super) fn depth_ms(&self) -> i64 {
        self.range_ms.unwrap_or(LOOKBACK_MS)
    }
}
