//! Label matchers as Alertmanager reads, orders and prints them.

use std::fmt;

use regex::Regex;

use super::text::quote;
use crate::model::labels::Labels;

/// How a matcher compares. The order is Alertmanager's, by which route keys are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends.
    Regex,
    /// `!~`, anchored at both ends.
    NotRegex,
}

impl Op {
    /// The operator as written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// One condition on one label; a missing label equals the empty string.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    value: String,
    op: Op,
    regex: Option<Regex>,
}

impl Matcher {
    /// A matcher of label `name`.
    ///
    /// # Errors
    /// When `value` is not a regular expression and `op` needs one.
    pub fn new(name: impl Into<String>, op: Op, value: impl Into<String>) -> Result<Self, String> {
        let (name, value) = (name.into(), value.into());
        let regex = match op {
            Op::Equal | Op::NotEqual => None,
            Op::Regex | Op::NotRegex => Some(compile(&value)?),
        };
        Ok(Self { name, value, op, regex })
    }

    /// Whether `labels` satisfies it.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name);
        match (self.op, &self.regex) {
            (Op::Equal, _) => value == self.value,
            (Op::NotEqual, _) => value != self.value,
            (Op::Regex, regex) => regex.as_ref().is_some_and(|regex| regex.is_match(value)),
            (Op::NotRegex, regex) => regex.as_ref().is_some_and(|regex| !regex.is_match(value)),
        }
    }

    fn key(&self) -> (&str, &str, Op) {
        (&self.name, &self.value, self.op)
    }
}

fn compile(value: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?:{value})$")).map_err(|error| {
        let message = error.to_string();
        let last = message.lines().last().unwrap_or_default();
        format!("`{value}` is not a regular expression: {}", last.trim_start_matches("error: "))
    })
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Matcher {}

impl PartialOrd for Matcher {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Matcher {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, op, .. } = self;
        if name.chars().any(is_reserved) {
            return write!(f, "{}{}{}", quote(name), op.text(), quote(value));
        }
        let escaped = value.replace('\\', r"\\").replace('\n', r"\n").replace('"', "\\\"");
        write!(f, "{name}{}\"{escaped}\"", op.text())
    }
}

/// Whether a name or value holding `c` must be quoted.
pub(super) fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

/// Conditions that must all hold, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matchers(Vec<Matcher>);

impl Matchers {
    /// These matchers, in Alertmanager's order.
    #[must_use]
    pub fn new(mut matchers: Vec<Matcher>) -> Self {
        matchers.sort();
        Self(matchers)
    }

    /// One or more matchers as written in Alertmanager's files: `severity="critical",team=~"a|b"`,
    /// braces optional; the UTF-8 syntax, and the classic one where that fails or both disagree.
    ///
    /// # Errors
    /// When neither syntax takes it.
    pub fn parse(text: &str) -> Result<Self, String> {
        super::syntax::parse(text).map(Self::new)
    }

    /// Whether all hold.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|matcher| matcher.matches(labels))
    }

    /// Whether there is none: everything matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The matchers.
    #[must_use]
    pub fn into_vec(self) -> Vec<Matcher> {
        self.0
    }
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printed: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "{{{}}}", printed.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        Matchers::parse(text).map_or_else(|error| format!("error: {error}"), |matchers| matchers.to_string())
    }

    #[test]
    fn reads_both_syntaxes_and_prints_one() {
        let cases = [
            ("", "{}"),
            ("{}", "{}"),
            (r#"foo="bar""#, r#"{foo="bar"}"#),
            ("foo=bar", r#"{foo="bar"}"#),
            (" foo = bar , dings!=bums, ", r#"{dings!="bums",foo="bar"}"#),
            (r#"{severity=~"a|b", severity="c"}"#, r#"{severity=~"a|b",severity="c"}"#),
            (r#"code=~"\d+""#, r#"{code=~"\\d+"}"#),
            (r#"q="She said: \"Hi, you\"""#, r#"{q="She said: \"Hi, you\""}"#),
            (r#""label with space"="a b""#, r#"{"label with space"="a b"}"#),
            ("支付=成功", r#"{支付="成功"}"#),
            (r"path=~^/api/.*$", r#"{path=~"^/api/.*$"}"#),
            ("a=", r#"{a=""}"#),
            (r#"a="x\u00e9""#, r#"{a="x\\u00e9"}"#),
        ];
        for (text, want) in cases {
            assert_eq!(printed(text), want, "of `{text}`");
        }
    }

    #[test]
    fn refuses_what_alertmanager_refuses() {
        for text in ["foo", "=bar", "foo=\"bar", "foo=~\"(\"", "1a$=~x y\""] {
            let read = Matchers::parse(text);
            assert!(read.is_err(), "of `{text}`: {read:?}");
        }
        for lenient in ["{foo=bar", "foo=bar}", "foo=bar}x,"] {
            assert!(Matchers::parse(lenient).is_ok(), "the classic syntax takes `{lenient}`");
        }
    }

    #[test]
    fn a_missing_label_is_the_empty_string() {
        let labels = Labels::from_pairs([("job", "api")]);
        let cases = [
            ("job=api", true),
            ("job=~a", false),
            ("job=~a.+", true),
            ("team=\"\"", true),
            ("team!=x", true),
            ("team!~x", true),
            ("team=~.+", false),
            ("job!~\"api|web\"", false),
        ];
        for (text, want) in cases {
            assert_eq!(Matchers::parse(text).map(|matchers| matchers.matches(&labels)), Ok(want), "of {text}");
        }
    }
}
