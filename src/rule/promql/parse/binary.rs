//! Operators between two operands, with their precedence and modifiers.

use super::super::check;
use super::super::eval::JOINS_MAX;
use super::super::expr::ExprError;
use super::super::lex::Kind;
use super::super::tree::{BinaryOp, Cardinality, Matching, Node};
use super::{Parsed, Parser};

/// How strongly `^` binds; the only operator that groups from the right.
pub(super) const POWER: u8 = 6;

/// An operator that has been taken from the text.
pub(super) struct Operator {
    pub(super) at: usize,
    op: BinaryOp,
    precedence: u8,
}

fn by_symbol(symbol: &str) -> Option<(BinaryOp, u8)> {
    Some(match symbol {
        "==" => (BinaryOp::Equal, 3),
        "!=" => (BinaryOp::NotEqual, 3),
        ">" => (BinaryOp::Greater, 3),
        "<" => (BinaryOp::Less, 3),
        ">=" => (BinaryOp::GreaterEqual, 3),
        "<=" => (BinaryOp::LessEqual, 3),
        "+" => (BinaryOp::Add, 4),
        "-" => (BinaryOp::Sub, 4),
        "*" => (BinaryOp::Mul, 5),
        "/" => (BinaryOp::Div, 5),
        "%" => (BinaryOp::Mod, 5),
        "^" => (BinaryOp::Pow, POWER),
        _ => return None,
    })
}

fn by_word(word: &str) -> Option<(BinaryOp, u8)> {
    Some(match word {
        "or" => (BinaryOp::Or, 1),
        "and" => (BinaryOp::And, 2),
        "unless" => (BinaryOp::Unless, 2),
        "atan2" => (BinaryOp::Atan2, 5),
        _ => return None,
    })
}

impl Parser {
    /// Takes the next operator if it binds at least as strongly as `least`.
    pub(super) fn operator(&mut self, least: u8) -> Result<Option<Operator>, ExprError> {
        let at = self.at();
        let found = match self.peek() {
            Kind::Symbol(symbol @ ("</" | ">/")) => {
                let message = format!("operator `{symbol}` is for native histograms, which are not supported yet");
                return Err(ExprError { at, message });
            }
            Kind::Symbol("=") => {
                let message = "unexpected `=`, write `==` to compare".to_owned();
                return Err(ExprError { at, message });
            }
            Kind::Symbol(symbol) => by_symbol(symbol),
            Kind::Word(word) => by_word(&word.to_ascii_lowercase()),
            _ => None,
        };
        let Some((op, precedence)) = found.filter(|(_, precedence)| *precedence >= least) else {
            return Ok(None);
        };
        self.take();
        Ok(Some(Operator { at, op, precedence }))
    }

    /// The modifiers and the right operand of an operator.
    pub(super) fn binary(&mut self, left: Parsed, operator: Operator) -> Result<Parsed, ExprError> {
        let returns_bool = self.accept_keyword("bool");
        let matching = self.matching()?;
        let right = self.expression(if operator.op == BinaryOp::Pow { POWER } else { operator.precedence + 1 })?;
        let (at, depth) = (left.at, left.depth.max(right.depth));
        let mut node = check::binary(operator.at, operator.op, returns_bool, matching, left, right)?;
        if let Node::Binary(binary) = &mut node
            && binary.matching.is_some()
            && !binary.op.is_set()
        {
            binary.join = self.joins.min(JOINS_MAX - 1);
            self.joins += 1;
        }
        Self::above(at, depth, node)
    }

    fn matching(&mut self) -> Result<Option<Matching>, ExprError> {
        let keyword = self.keyword();
        let matching = match keyword.as_deref() {
            Some("on" | "ignoring") => {
                self.take();
                let mut labels = self.labels()?;
                labels.sort();
                labels.dedup();
                let (cardinality, include) = self.group_side()?;
                Some(Matching { on: keyword.as_deref() == Some("on"), labels, cardinality, include })
            }
            Some("group_left" | "group_right") => {
                let message = "group_left and group_right need `on (…)` or `ignoring (…)` before them".to_owned();
                return Err(ExprError { at: self.at(), message });
            }
            _ => None,
        };
        let fill = self.keyword().filter(|word| ["fill", "fill_left", "fill_right"].contains(&word.as_str()));
        match fill {
            Some(word) if matches!(self.peek_after(), Kind::Symbol("(")) => {
                let message = format!("`{word}` is not supported yet, write `… or …` for elements without a partner");
                Err(ExprError { at: self.at(), message })
            }
            _ => Ok(matching),
        }
    }

    fn group_side(&mut self) -> Result<(Cardinality, Vec<String>), ExprError> {
        let cardinality = match self.keyword().as_deref() {
            Some("group_left") => Cardinality::ManyToOne,
            Some("group_right") => Cardinality::OneToMany,
            _ => return Ok((Cardinality::OneToOne, Vec::new())),
        };
        self.take();
        let include = if self.is("(") { self.labels()? } else { Vec::new() };
        Ok((cardinality, include))
    }
}
