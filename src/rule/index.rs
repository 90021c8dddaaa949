//! Which selectors of which rules a new series belongs to, at a cost that does not grow with the
//! rules it does not belong to.
//!
//! Metric name first, then one equality matcher of the selector, and only on what is left the rest.
//! Selectors without a metric name have a tree of their own. Answers of regular expressions are
//! remembered per pattern and value.

use std::collections::HashMap;

use super::promql::{MatchOp, Matcher, Selector};
use crate::model::labels::{Labels, METRIC_NAME};

/// A selector of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Reader {
    pub(super) rule: u32,
    pub(super) selector: u16,
}

/// Answers remembered at most; beyond, the memory starts anew.
const MEMO_MAX: usize = 1 << 16;

/// Selectors by the value that their equality matcher wants.
type ByValue = HashMap<Box<str>, Vec<u32>>;

/// Selectors under one metric name, or under none.
#[derive(Debug, Default)]
struct Bucket {
    /// By an equality matcher on this label, then by its value.
    by_label: Vec<(Box<str>, ByValue)>,
    /// Those without an equality matcher.
    rest: Vec<u32>,
}

/// A distinct selector and everyone who reads it.
#[derive(Debug)]
struct Entry {
    /// Conditions that the way through the tree has not checked yet; a pattern's number comes along.
    conditions: Vec<(Matcher, Option<u32>)>,
    readers: Vec<Reader>,
}

/// The index over all selectors of all rules.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
    by_metric: HashMap<Box<str>, Bucket>,
    nameless: Bucket,
    memo: HashMap<(u32, Box<str>), bool>,
}

impl Index {
    /// Builds the index over `selectors`.
    pub(super) fn build<'a>(selectors: impl IntoIterator<Item = (Reader, &'a Selector)>) -> Self {
        let mut index = Self::default();
        let mut known: HashMap<String, u32> = HashMap::new();
        let mut patterns: HashMap<(MatchOp, String), u32> = HashMap::new();
        for (reader, selector) in selectors {
            let mut printed: Vec<String> = selector.matchers.iter().map(ToString::to_string).collect();
            printed.sort();
            let next = u32::try_from(index.entries.len()).unwrap_or(u32::MAX);
            let id = *known.entry(printed.join(",")).or_insert(next);
            if id == next {
                index.add(id, selector, &mut patterns);
            }
            index.entries[id as usize].readers.push(reader);
        }
        index
    }

    fn add(&mut self, id: u32, selector: &Selector, patterns: &mut HashMap<(MatchOp, String), u32>) {
        let equality = |matcher: &&Matcher| {
            matcher.op == MatchOp::Equal && !matcher.value.is_empty() && matcher.name != METRIC_NAME
        };
        let metric = selector.metric().filter(|metric| !metric.is_empty());
        let chosen = selector.matchers.iter().filter(equality).min_by(|a, b| a.name.cmp(&b.name));
        let by_tree = |matcher: &Matcher| {
            matcher.op == MatchOp::Equal
                && ((matcher.name == METRIC_NAME && Some(matcher.value.as_str()) == metric) || Some(matcher) == chosen)
        };
        let mut conditions: Vec<(Matcher, Option<u32>)> = Vec::new();
        for matcher in selector.matchers.iter().filter(|matcher| !by_tree(matcher)) {
            let pattern = matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex).then(|| {
                let next = u32::try_from(patterns.len()).unwrap_or(u32::MAX);
                *patterns.entry((matcher.op, matcher.value.clone())).or_insert(next)
            });
            conditions.push((matcher.clone(), pattern));
        }
        conditions.sort_by_key(|(_, pattern)| pattern.is_some());
        self.entries.push(Entry { conditions, readers: Vec::new() });
        let bucket = match metric {
            Some(metric) => self.by_metric.entry(metric.into()).or_default(),
            None => &mut self.nameless,
        };
        bucket.add(id, chosen);
    }

    /// Calls `found` for every selector that selects a series with these labels.
    pub(super) fn readers(&mut self, labels: &Labels, mut found: impl FnMut(Reader)) {
        let Self { entries, by_metric, nameless, memo } = self;
        for bucket in by_metric.get(labels.metric()).into_iter().chain([&*nameless]) {
            bucket.candidates(labels, &mut |id| {
                let entry = &entries[id as usize];
                if entry.conditions.iter().all(|(matcher, pattern)| holds(memo, matcher, *pattern, labels)) {
                    entry.readers.iter().for_each(|reader| found(*reader));
                }
            });
        }
    }

    /// Whether a series of this metric may have a reader at all.
    pub(super) fn may_read(&self, metric: &str) -> bool {
        self.by_metric.contains_key(metric) || !self.nameless.is_empty()
    }
}

fn holds(memo: &mut HashMap<(u32, Box<str>), bool>, matcher: &Matcher, pattern: Option<u32>, labels: &Labels) -> bool {
    let value = labels.get(&matcher.name);
    let Some(pattern) = pattern else { return matcher.matches(value) };
    let key = (pattern, Box::from(value));
    if let Some(answer) = memo.get(&key) {
        return *answer;
    }
    if memo.len() >= MEMO_MAX {
        memo.clear();
    }
    let answer = matcher.matches(value);
    memo.insert(key, answer);
    answer
}

impl Bucket {
    fn add(&mut self, id: u32, equality: Option<&Matcher>) {
        let Some(matcher) = equality else { return self.rest.push(id) };
        let at = self.by_label.iter().position(|(name, _)| **name == *matcher.name).unwrap_or_else(|| {
            self.by_label.push((matcher.name.as_str().into(), HashMap::new()));
            self.by_label.len() - 1
        });
        self.by_label[at].1.entry(matcher.value.as_str().into()).or_default().push(id);
    }

    fn candidates(&self, labels: &Labels, found: &mut impl FnMut(u32)) {
        for (name, by_value) in &self.by_label {
            let value = labels.get(name);
            if !value.is_empty() {
                by_value.get(value).into_iter().flatten().for_each(|id| found(*id));
            }
        }
        self.rest.iter().for_each(|id| found(*id));
    }

    fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.by_label.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::promql::compile;

    #[test]
    fn finds_exactly_the_selectors_that_match() {
        let texts = [
            "up",
            "up{job=\"a\"}",
            "up{job=~\"a|b\", zone!=\"x\"}",
            "up{zone=\"\"}",
            "{job=\"a\"}",
            "{__name__=~\"up|down\"}",
            "{__name__!=\"up\", job=\"a\"}",
            "up{job=\"a\", job!~\"a.*\"}",
            "other{job=\"a\"}",
        ];
        let exprs: Vec<_> = texts.iter().map(|text| compile(text).unwrap_or_else(|e| panic!("{text}: {e}"))).collect();
        let readers = (0..).zip(&exprs).map(|(rule, expr)| (Reader { rule, selector: 0 }, &expr.selectors[0]));
        let mut index = Index::build(readers);
        let cases: [&[(&str, &str)]; 6] = [
            &[("__name__", "up")],
            &[("__name__", "up"), ("job", "a")],
            &[("__name__", "up"), ("job", "b"), ("zone", "x")],
            &[("__name__", "down"), ("job", "a")],
            &[("__name__", "other"), ("job", "b")],
            &[("__name__", "none")],
        ];
        for pairs in cases {
            let labels = Labels::from_pairs(pairs.iter().copied());
            let mut found = Vec::new();
            index.readers(&labels, |reader| found.push(reader.rule));
            found.sort_unstable();
            let wanted = (0..).zip(&exprs).filter(|(_, expr)| expr.selectors[0].matches(&labels));
            assert_eq!(found, wanted.map(|(rule, _)| rule).collect::<Vec<u32>>(), "{labels}");
        }
        assert!(index.may_read("anything"), "selectors without a name");
    }
}
