//! What may follow an operand: ranges, subqueries, `offset` and `@`, in any order.

use super::super::expr::ExprError;
use super::super::lex::Kind;
use super::super::reach::At;
use super::super::tree::{Node, Subquery, Type};
use super::{Parsed, Parser};
use crate::limits::SUBQUERY_STEPS_MAX;

fn fail<T>(at: usize, message: impl Into<String>) -> Result<T, ExprError> {
    Err(ExprError { at, message: message.into() })
}

impl Parser {
    /// An operand with everything that follows it.
    pub(super) fn modifiers(&mut self, mut operand: Parsed) -> Result<Parsed, ExprError> {
        loop {
            let at = self.at();
            if self.accept("[") {
                operand = self.brackets(at, operand)?;
            } else if self.accept_keyword("offset") {
                let offset = self.offset()?;
                let Some((known, _)) = self.modified(&mut operand) else {
                    return fail(
                        at,
                        "an offset is only allowed directly after a selector or a subquery, write `metric offset 5m`",
                    );
                };
                if *known != 0 {
                    return fail(at, "offset is set twice, keep one");
                }
                *known = offset;
            } else if self.accept("@") {
                let pinned = self.pinned(at)?;
                let Some((_, known)) = self.modified(&mut operand) else {
                    return fail(
                        at,
                        "`@` is only allowed directly after a selector or a subquery, write `metric @ end()`",
                    );
                };
                if known.is_some() {
                    return fail(at, "`@` is set twice, keep one");
                }
                *known = Some(pinned);
            } else if self.keyword().is_some_and(|word| matches!(word.as_str(), "anchored" | "smoothed")) {
                return fail(
                    at,
                    "anchored and smoothed are experimental in Prometheus (behind a feature flag) and not \
                     supported yet, leave them out",
                );
            } else {
                return Ok(operand);
            }
        }
    }

    /// The offset and the `@` of an operand that may have them.
    fn modified<'a>(&'a mut self, operand: &'a mut Parsed) -> Option<(&'a mut i64, &'a mut Option<At>)> {
        match &mut operand.node {
            _ if operand.closed => None,
            Node::Instant(number) | Node::Window(number) => {
                let selector = self.selectors.get_mut(*number)?;
                Some((&mut selector.offset_ms, &mut selector.at))
            }
            Node::Subquery(subquery) => Some((&mut subquery.offset_ms, &mut subquery.at)),
            _ => None,
        }
    }

    /// `[5m]`, `[5m:1m]` or `[5m:]`; the bracket at `opened` is taken.
    fn brackets(&mut self, opened: usize, operand: Parsed) -> Result<Parsed, ExprError> {
        let range_ms = self.length("a range must be longer than 0, write one like `[5m]`")?;
        if !self.accept(":") {
            if !self.accept("]") {
                return Err(self.refuse_duration());
            }
            return self.window(opened, operand, range_ms);
        }
        let mut step_ms = self.dialect.step_ms.max(1);
        let step_at = self.at();
        if !self.is("]") {
            step_ms = self.length("a step must be longer than 0, write one like `[5m:1m]`")?;
        }
        if !self.accept("]") {
            return Err(self.refuse_duration());
        }
        if operand.node.kind() != Type::Vector {
            let message =
                format!("a subquery is only allowed after an instant vector, this is a {}", operand.node.kind().name());
            return fail(opened, message);
        }
        if range_ms / step_ms > SUBQUERY_STEPS_MAX {
            let steps = range_ms / step_ms;
            return fail(
                step_at,
                format!("a subquery of {steps} steps, at most {SUBQUERY_STEPS_MAX} are allowed, write a longer step"),
            );
        }
        let number = self.subqueries;
        self.subqueries += 1;
        let subquery = Subquery { number, body: operand.node, range_ms, step_ms, offset_ms: 0, at: None };
        Self::above(operand.at, operand.depth, Node::Subquery(Box::new(subquery)))
    }

    fn window(&mut self, opened: usize, operand: Parsed, range_ms: i64) -> Result<Parsed, ExprError> {
        let number = match operand.node {
            Node::Instant(number) if !operand.closed => number,
            Node::Window(_) | Node::Subquery(_) => {
                return fail(opened, "a range stands once, directly after the selector, and before its offset");
            }
            _ => return fail(opened, "a range is only allowed directly after a selector, write `metric[5m]`"),
        };
        let selector = &mut self.selectors[number];
        if selector.offset_ms != 0 || matches!(selector.at, Some(At::Time(_))) {
            return fail(opened, "a range stands once, directly after the selector, and before its offset and `@`");
        }
        selector.range_ms = Some(range_ms);
        Ok(Parsed { node: Node::Window(number), ..operand })
    }

    /// A length of time, in milliseconds.
    fn length(&mut self, too_short: &str) -> Result<i64, ExprError> {
        let at = self.at();
        let Kind::Number(seconds) = *self.peek() else {
            return Err(self.refuse_duration());
        };
        self.take();
        let millis = millis(at, seconds)?;
        if millis <= 0 { fail(at, too_short) } else { Ok(millis) }
    }

    fn offset(&mut self) -> Result<i64, ExprError> {
        let at = self.at();
        let minus = self.signed();
        let Kind::Number(seconds) = *self.peek() else {
            return Err(self.refuse_duration());
        };
        self.take();
        let millis = millis(at, seconds)?;
        Ok(if minus { -millis } else { millis })
    }

    /// Takes a sign; whether it is a minus.
    fn signed(&mut self) -> bool {
        let minus = self.accept("-");
        if !minus {
            self.accept("+");
        }
        minus
    }

    /// What follows an `@`, which stands at `mark`.
    fn pinned(&mut self, mark: usize) -> Result<At, ExprError> {
        let at = self.at();
        let preprocessor = match self.keyword().as_deref() {
            Some("start") => Some(At::Start),
            Some("end") => Some(At::End),
            _ => None,
        };
        if let Some(found) = preprocessor {
            self.take();
            self.expect("(")?;
            self.expect(")")?;
            return Ok(found);
        }
        let minus = self.signed();
        let Kind::Number(seconds) = *self.peek() else {
            return Err(self.unexpected("seconds since 1970, `start()` or `end()`"));
        };
        self.take();
        let seconds = if minus { -seconds } else { seconds };
        if !seconds.is_finite() || seconds.abs() >= i64::MAX as f64 {
            return fail(at, "a time out of bounds, write seconds since 1970");
        }
        self.fixed_at = self.fixed_at.or(Some(mark));
        Ok(At::Time((seconds * 1000.0).round() as i64))
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
