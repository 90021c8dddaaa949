//! Selectors: name and matchers.

use super::super::expr::ExprError;
use super::super::lex::Kind;
use super::super::matcher::{MatchOp, Matcher, Selector};
use super::super::reach::Reach;
use super::super::tree::Node;
use super::{Parsed, Parser};
use crate::model::labels::METRIC_NAME;

impl Parser {
    /// A selector; `name` is the metric before its braces, already taken, and where it stands.
    pub(super) fn selector(&mut self, name: Option<(usize, String)>) -> Result<Parsed, ExprError> {
        let at = name.as_ref().map_or(self.at(), |(at, _)| *at);
        let mut matchers = if self.is("{") { self.matchers()? } else { Vec::new() };
        if let Some((_, name)) = name {
            if let Some(twice) = matchers.iter().find(|matcher| matcher.name == METRIC_NAME) {
                let message = format!("metric name set twice, as `{name}` and as {:?}, keep one", twice.value);
                return Err(ExprError { at, message });
            }
            matchers.push(equal(METRIC_NAME, &name));
        } else if matchers.iter().all(|matcher| matcher.matches("")) {
            let message = "a selector needs a metric name or a matcher that does not match the empty string, \
                           or it would select every series";
            return Err(ExprError { at, message: message.to_owned() });
        }
        let number = self.selectors.len();
        self.selectors.push(Selector { matchers, range_ms: None, offset_ms: 0, at: None, reach: Reach::default() });
        Ok(Parsed::leaf(at, Node::Instant(number)))
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>, ExprError> {
        self.expect("{")?;
        let mut matchers = Vec::new();
        while !self.accept("}") {
            let at = self.at();
            let (name, quoted) = match self.peek().clone() {
                Kind::Word(name) if !name.contains(':') => (name, false),
                Kind::Text(name) if !name.is_empty() => (name, true),
                _ => return Err(self.unexpected("a label name or `}`")),
            };
            self.take();
            let op = match self.peek() {
                Kind::Symbol("=") => MatchOp::Equal,
                Kind::Symbol("!=") => MatchOp::NotEqual,
                Kind::Symbol("=~") => MatchOp::Regex,
                Kind::Symbol("!~") => MatchOp::NotRegex,
                _ if quoted => {
                    matchers.push(equal(METRIC_NAME, &name));
                    self.end_of_item("}")?;
                    continue;
                }
                _ => return Err(self.unexpected("`=`, `!=`, `=~` or `!~`")),
            };
            self.take();
            let Kind::Text(value) = self.peek().clone() else {
                return Err(self.unexpected("a quoted value"));
            };
            let value_at = self.at();
            self.take();
            let matcher = Matcher::new(name, op, value)
                .map_err(|message| ExprError { at: if op == MatchOp::Equal { at } else { value_at }, message })?;
            matchers.push(matcher);
            self.end_of_item("}")?;
        }
        Ok(matchers)
    }

    fn end_of_item(&mut self, close: &'static str) -> Result<(), ExprError> {
        if self.is(close) || self.accept(",") { Ok(()) } else { Err(self.unexpected(&format!("`,` or `{close}`"))) }
    }
}

fn equal(name: &str, value: &str) -> Matcher {
    Matcher::equal(name, value)
}
