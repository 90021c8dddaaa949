//! Selectors: name, matchers, range and offset.

use super::super::expr::ExprError;
use super::super::lex::Kind;
use super::super::matcher::{MatchOp, Matcher, Selector};
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
        let mut selector = Selector { matchers, range_ms: None, offset_ms: 0 };
        if self.is("[") {
            selector.range_ms = Some(self.range()?);
        }
        if self.accept_keyword("offset") {
            selector.offset_ms = self.offset()?;
        }
        self.refuse_modifier()?;
        let number = self.selectors.len();
        let node = if selector.range_ms.is_some() { Node::Window(number) } else { Node::Instant(number) };
        self.selectors.push(selector);
        Ok(Parsed { at, depth: 1, node })
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

    /// `[5m]`, in milliseconds.
    fn range(&mut self) -> Result<i64, ExprError> {
        let opened = self.at();
        self.expect("[")?;
        let at = self.at();
        let Kind::Number(seconds) = *self.peek() else {
            return Err(self.refuse_duration());
        };
        self.take();
        if self.is(":") {
            return Err(subquery(opened));
        }
        if !self.is("]") {
            return Err(self.refuse_duration());
        }
        self.take();
        let millis = millis(at, seconds)?;
        if millis <= 0 {
            return Err(ExprError { at, message: "a range must be longer than 0, write one like `[5m]`".to_owned() });
        }
        Ok(millis)
    }

    fn offset(&mut self) -> Result<i64, ExprError> {
        let at = self.at();
        let minus = self.accept("-");
        if !minus {
            self.accept("+");
        }
        let Kind::Number(seconds) = *self.peek() else {
            return Err(self.refuse_duration());
        };
        self.take();
        let millis = millis(at, seconds)?;
        Ok(if minus { -millis } else { millis })
    }

    fn refuse_duration(&self) -> ExprError {
        match self.peek() {
            Kind::Word(_) | Kind::Symbol("+" | "-" | "*" | "/" | "%" | "^" | "(") => ExprError {
                at: self.at(),
                message: "calculating with durations is experimental in Prometheus (behind a feature flag) \
                          and not supported yet, write the duration out, like 5m"
                    .to_owned(),
            },
            _ => self.unexpected("a duration like 5m"),
        }
    }

    /// What may follow a selector in Prometheus, but not here, or not twice, or not in this order.
    fn refuse_modifier(&self) -> Result<(), ExprError> {
        let fail = |message: &str| Err(ExprError { at: self.at(), message: message.to_owned() });
        match self.keyword().as_deref() {
            Some("offset") => return fail("offset is set twice, keep one"),
            Some("anchored" | "smoothed") => {
                return fail(
                    "anchored and smoothed are experimental in Prometheus (behind a feature flag) and not \
                             supported yet, leave them out",
                );
            }
            _ => {}
        }
        match self.peek() {
            Kind::Symbol("[") if self.opens_subquery() => Err(subquery(self.at())),
            Kind::Symbol("[") => fail("a range stands once, directly after the selector, and before its offset"),
            Kind::Symbol("@") => fail(AT_MODIFIER),
            _ => Ok(()),
        }
    }

    /// Ranges and modifiers belong to selectors; behind any other operand they are refused.
    pub(super) fn refuse_suffix(&self, operand: Parsed) -> Result<Parsed, ExprError> {
        let fail = |message: &str| Err(ExprError { at: self.at(), message: message.to_owned() });
        let is_offset = self.keyword().is_some_and(|word| word == "offset");
        match self.peek() {
            Kind::Symbol("[") if self.opens_subquery() => Err(subquery(self.at())),
            Kind::Symbol("[") => fail("a range is only allowed directly after a selector, write `metric[5m]`"),
            Kind::Symbol("@") => fail(AT_MODIFIER),
            _ if is_offset => fail("an offset is only allowed directly after a selector, write `metric offset 5m`"),
            _ => Ok(operand),
        }
    }

    fn opens_subquery(&self) -> bool {
        let inside = self.tokens[self.next..].iter().take_while(|token| token.kind != Kind::Symbol("]"));
        inside.into_iter().any(|token| token.kind == Kind::Symbol(":"))
    }
}

const AT_MODIFIER: &str = "the `@` modifier is not supported yet, use offset";

fn subquery(at: usize) -> ExprError {
    let message = "subqueries are not supported yet, record the inner expression with a recording rule \
                   and use a range of the recorded metric";
    ExprError { at, message: message.to_owned() }
}

fn equal(name: &str, value: &str) -> Matcher {
    Matcher::equal(name, value)
}

/// Seconds as whole milliseconds, within what Prometheus accepts.
fn millis(at: usize, seconds: f64) -> Result<i64, ExprError> {
    let nanos = (seconds * 1e9).round();
    if nanos.abs() >= i64::MAX as f64 || nanos.is_nan() {
        let message = "duration out of range, Prometheus' longest is 292 years".to_owned();
        return Err(ExprError { at, message });
    }
    Ok((nanos / 1e6) as i64)
}
