//! Tokens into a checked tree, by operator precedence; selectors are numbered on the way.

mod binary;
mod modifier;
mod selector;

use super::check;
use super::eval::JOINS_MAX;
use super::expr::{Dialect, Expr, ExprError};
use super::function;
use super::lex::{self, Kind, Token};
use super::matcher::Selector;
use super::reach;
use super::tree::{AggregateOp, Node};
use crate::limits::{EXPR_DEPTH_MAX, EXPR_NESTING_MAX};

/// Every aggregation by name.
pub(super) const AGGREGATIONS: [(&str, AggregateOp); 14] = [
    ("sum", AggregateOp::Sum),
    ("avg", AggregateOp::Avg),
    ("min", AggregateOp::Min),
    ("max", AggregateOp::Max),
    ("count", AggregateOp::Count),
    ("group", AggregateOp::Group),
    ("stddev", AggregateOp::Stddev),
    ("stdvar", AggregateOp::Stdvar),
    ("topk", AggregateOp::Topk),
    ("bottomk", AggregateOp::Bottomk),
    ("quantile", AggregateOp::Quantile),
    ("count_values", AggregateOp::CountValues),
    ("limitk", AggregateOp::Limitk),
    ("limit_ratio", AggregateOp::LimitRatio),
];

/// Words that can never be a metric's name.
const RESERVED: [&str; 6] = ["bool", "on", "ignoring", "group_left", "group_right", "atan2"];

/// A node, where it starts, and how deep the tree below it is.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) node: Node,
    /// In parentheses: no modifier belongs to what is in them.
    pub(super) closed: bool,
}

impl Parsed {
    fn leaf(at: usize, node: Node) -> Self {
        Self { at, depth: 1, node, closed: false }
    }
}

/// Parses and checks a whole expression.
pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Expr, ExprError> {
    let tokens = lex::tokens(text)?;
    let mut parser =
        Parser { tokens, next: 0, selectors: Vec::new(), subqueries: 0, joins: 0, nesting: 0, dialect, fixed_at: None };
    if parser.peek() == &Kind::End {
        return Err(ExprError { at: 0, message: "the expression is empty, write one like `up == 0`".to_owned() });
    }
    let root = parser.expression(0)?;
    if parser.peek() != &Kind::End {
        return Err(parser.unexpected("an operator or the end of the expression"));
    }
    check::root(&root)?;
    let Parser { mut selectors, joins, fixed_at, .. } = parser;
    reach::measure(&root.node, &mut selectors);
    Ok(Expr { selectors, root: root.node, joins: joins.min(JOINS_MAX), fixed_at })
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    selectors: Vec<Selector>,
    subqueries: usize,
    joins: usize,
    nesting: usize,
    dialect: Dialect,
    /// Where the first `@` with a fixed time stands.
    fixed_at: Option<usize>,
}

impl Parser {
    fn peek(&self) -> &Kind {
        &self.tokens[self.next].kind
    }

    fn peek_after(&self) -> &Kind {
        &self.tokens[(self.next + 1).min(self.tokens.len() - 1)].kind
    }

    fn at(&self) -> usize {
        self.tokens[self.next].at
    }

    /// Takes the next token; the last one, the end, is never passed.
    fn take(&mut self) -> Kind {
        let kind = self.peek().clone();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        kind
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Kind::Symbol(found) if *found == symbol)
    }

    /// Takes `symbol` if it comes next.
    fn accept(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.take();
        }
        found
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), ExprError> {
        if self.accept(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    /// The next token as a keyword: lower case, as Prometheus' keywords know no case.
    fn keyword(&self) -> Option<String> {
        match self.peek() {
            Kind::Word(word) => Some(word.to_ascii_lowercase()),
            _ => None,
        }
    }

    fn accept_keyword(&mut self, wanted: &str) -> bool {
        let found = self.keyword().is_some_and(|word| word == wanted);
        if found {
            self.take();
        }
        found
    }

    fn unexpected(&self, wanted: &str) -> ExprError {
        ExprError { at: self.at(), message: format!("unexpected {}, expected {wanted}", self.peek().describe()) }
    }

    fn too_deep(at: usize, most: usize) -> ExprError {
        let message = format!("the expression nests deeper than {most} levels, split it into recording rules");
        ExprError { at, message }
    }

    fn above(at: usize, depth: usize, node: Node) -> Result<Parsed, ExprError> {
        if depth >= EXPR_DEPTH_MAX {
            Err(Self::too_deep(at, EXPR_DEPTH_MAX))
        } else {
            Ok(Parsed { at, depth: depth + 1, node, closed: false })
        }
    }

    /// An expression of operators that bind at least as strongly as `least`.
    fn expression(&mut self, least: u8) -> Result<Parsed, ExprError> {
        self.nesting += 1;
        if self.nesting > EXPR_NESTING_MAX {
            return Err(Self::too_deep(self.at(), EXPR_NESTING_MAX));
        }
        let mut left = self.unary()?;
        while let Some(operator) = self.operator(least)? {
            left = self.binary(left, operator)?;
        }
        self.nesting -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Parsed, ExprError> {
        let at = self.at();
        let minus = self.is("-");
        if !minus && !self.is("+") {
            let primary = self.primary()?;
            return self.modifiers(primary);
        }
        self.take();
        // Binds like `*`, so that `-a ^ b` is `-(a ^ b)`.
        let operand = self.expression(binary::POWER)?;
        check::unary(&operand)?;
        let node = match operand.node {
            node if !minus => node,
            Node::Number(number) => Node::Number(-number),
            node => Node::Negate(Box::new(node)),
        };
        Self::above(at, operand.depth, node)
    }

    fn primary(&mut self) -> Result<Parsed, ExprError> {
        let at = self.at();
        let leaf = |node| Ok(Parsed::leaf(at, node));
        match self.peek().clone() {
            Kind::Number(number) => {
                self.take();
                leaf(Node::Number(number))
            }
            Kind::Text(text) => {
                self.take();
                leaf(Node::Text(text.into()))
            }
            Kind::Symbol("(") => {
                self.take();
                let inner = self.expression(0)?;
                self.expect(")")?;
                Ok(Parsed { at, closed: true, ..inner })
            }
            Kind::Symbol("{") => self.selector(None),
            Kind::Word(word) => self.named(at, &word),
            _ => Err(self.unexpected("a metric, a function, a number or `(`")),
        }
    }

    /// A word at the start of an operand: number, aggregation, function or metric.
    fn named(&mut self, at: usize, word: &str) -> Result<Parsed, ExprError> {
        let lower = word.to_ascii_lowercase();
        let number = match lower.as_str() {
            "inf" => Some(f64::INFINITY),
            "nan" => Some(f64::NAN),
            _ => None,
        };
        if let Some(number) = number {
            self.take();
            return Ok(Parsed::leaf(at, Node::Number(number)));
        }
        let called = matches!(self.peek_after(), Kind::Symbol("("));
        let grouped =
            matches!(self.peek_after(), Kind::Word(next) if ["by", "without"].contains(&&*next.to_ascii_lowercase()));
        if let Some((_, op)) = AGGREGATIONS.into_iter().find(|(name, _)| *name == lower)
            && (called || grouped)
        {
            if op.is_experimental() && !self.dialect.experimental {
                let message = format!(
                    "`{lower}` is experimental in Prometheus (behind a feature flag), \
                     write `rules: {{ experimental: true }}` into the configuration to use it"
                );
                return Err(ExprError { at, message });
            }
            return self.aggregate(at, op);
        }
        if RESERVED.contains(&&*lower) {
            return Err(self.unexpected("a metric, a function, a number or `(`"));
        }
        if called {
            return self.call(at, word);
        }
        self.take();
        self.selector(Some((at, word.to_owned())))
    }

    fn aggregate(&mut self, at: usize, op: AggregateOp) -> Result<Parsed, ExprError> {
        self.take();
        let mut grouping = self.grouping()?;
        let arguments = self.arguments()?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let depth = arguments.iter().map(|argument| argument.depth).max().unwrap_or(0);
        let node = check::aggregate(at, op, grouping, arguments)?;
        Self::above(at, depth, node)
    }

    /// `by (…)` or `without (…)`: whether it is `without`, and its labels.
    fn grouping(&mut self) -> Result<Option<(bool, Vec<String>)>, ExprError> {
        let without = match self.keyword().as_deref() {
            Some("by") => false,
            Some("without") => true,
            _ => return Ok(None),
        };
        self.take();
        let mut labels = self.labels()?;
        labels.sort();
        labels.dedup();
        Ok(Some((without, labels)))
    }

    /// `(a, b)`
    fn labels(&mut self) -> Result<Vec<String>, ExprError> {
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.accept(")") {
            match self.peek().clone() {
                Kind::Word(label) => labels.push(label),
                Kind::Text(label) if !label.is_empty() => labels.push(label),
                _ => return Err(self.unexpected("a label name or `)`")),
            }
            self.take();
            if !self.is(")") {
                self.expect(",")?;
            }
        }
        Ok(labels)
    }

    fn call(&mut self, at: usize, name: &str) -> Result<Parsed, ExprError> {
        let signature =
            function::lookup(name, self.dialect.experimental).map_err(|message| ExprError { at, message })?;
        self.take();
        let arguments = self.arguments()?;
        let depth = arguments.iter().map(|argument| argument.depth).max().unwrap_or(0);
        let node = check::call(at, name, &signature, arguments)?;
        Self::above(at, depth, node)
    }

    fn arguments(&mut self) -> Result<Vec<Parsed>, ExprError> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        if self.accept(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression(0)?);
            if self.accept(")") {
                return Ok(arguments);
            }
            if !self.accept(",") {
                return Err(self.unexpected("`,` or `)`"));
            }
            if self.is(")") {
                return Err(self.unexpected("another argument: a trailing comma is not allowed here"));
            }
        }
    }
}
