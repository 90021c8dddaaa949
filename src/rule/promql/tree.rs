//! The tree that is evaluated: typed, checked, with selectors by number.

use regex::Regex;

use super::function::Function;
use super::reach::At;

/// What a node yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rule) enum Type {
    /// One number.
    Scalar,
    /// An instant vector.
    Vector,
    /// A range vector: range selectors and subqueries are, and only functions take one.
    Range,
    /// A string literal.
    Text,
}

impl Type {
    /// The name Prometheus' documentation uses.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Range => "range vector",
            Self::Text => "string",
        }
    }
}

/// A node of a compiled expression.
#[derive(Clone, Debug)]
pub(in crate::rule) enum Node {
    /// A number literal.
    Number(f64),
    /// A string literal.
    Text(Box<str>),
    /// An instant selector, by number.
    Instant(usize),
    /// A range selector, by number.
    Window(usize),
    /// An expression evaluated at every step of a range.
    Subquery(Box<Subquery>),
    /// Unary minus.
    Negate(Box<Node>),
    /// An operator between two operands.
    Binary(Box<Binary>),
    /// An aggregation.
    Aggregate(Box<Aggregate>),
    /// A function.
    Call(Function, Vec<Node>),
    /// `label_replace`
    LabelReplace(Box<LabelReplace>),
    /// `label_join`
    LabelJoin(Box<LabelJoin>),
}

/// `body[range:step] @ at offset offset`
#[derive(Clone, Debug)]
pub(in crate::rule) struct Subquery {
    /// Which one of the expression.
    pub(in crate::rule) number: usize,
    pub(in crate::rule) body: Node,
    pub(in crate::rule) range_ms: i64,
    pub(in crate::rule) step_ms: i64,
    pub(in crate::rule) offset_ms: i64,
    pub(in crate::rule) at: Option<At>,
}

/// An operator between two operands.
#[derive(Clone, Debug)]
pub(in crate::rule) struct Binary {
    pub(in crate::rule) op: BinaryOp,
    /// `bool`: a comparison yields 0 or 1 instead of filtering.
    pub(in crate::rule) returns_bool: bool,
    /// How elements meet; only between two vectors.
    pub(in crate::rule) matching: Option<Matching>,
    /// Which of the expression's matches of one side with many or one; 63 at most.
    pub(in crate::rule) join: usize,
    pub(in crate::rule) left: Node,
    pub(in crate::rule) right: Node,
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rule) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    And,
    Or,
    Unless,
}

impl BinaryOp {
    pub(in crate::rule) const fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    pub(in crate::rule) const fn is_comparison(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::Greater | Self::Less | Self::GreaterEqual | Self::LessEqual)
    }

    /// Whether a result means something else than its operand, and so loses its name.
    pub(in crate::rule) const fn renames(self) -> bool {
        !self.is_set() && !self.is_comparison()
    }
}

/// Which elements of two vectors meet.
#[derive(Clone, Debug)]
pub(in crate::rule) struct Matching {
    /// `on (labels)`, else `ignoring (labels)`.
    pub(in crate::rule) on: bool,
    /// Sorted.
    pub(in crate::rule) labels: Vec<String>,
    pub(in crate::rule) cardinality: Cardinality,
    /// Labels that `group_left` or `group_right` takes from the one side.
    pub(in crate::rule) include: Vec<String>,
}

/// How many elements of each side may meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rule) enum Cardinality {
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
}

/// An aggregation.
#[derive(Clone, Debug)]
pub(in crate::rule) struct Aggregate {
    pub(in crate::rule) op: AggregateOp,
    /// `without (labels)`, else `by (labels)`.
    pub(in crate::rule) without: bool,
    /// Sorted.
    pub(in crate::rule) labels: Vec<String>,
    /// The k of `topk`, the φ of `quantile`, the label of `count_values`.
    pub(in crate::rule) parameter: Option<Node>,
    pub(in crate::rule) body: Node,
}

/// An aggregation operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rule) enum AggregateOp {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    Quantile,
    CountValues,
    Limitk,
    LimitRatio,
}

impl AggregateOp {
    /// Whether Prometheus has it behind a feature flag.
    pub(super) const fn is_experimental(self) -> bool {
        matches!(self, Self::Limitk | Self::LimitRatio)
    }

    /// The type of the parameter, where there is one.
    pub(super) const fn parameter(self) -> Option<Type> {
        match self {
            Self::Topk | Self::Bottomk | Self::Quantile | Self::Limitk | Self::LimitRatio => Some(Type::Scalar),
            Self::CountValues => Some(Type::Text),
            _ => None,
        }
    }
}

/// `label_replace(body, target, replacement, source, pattern)`
#[derive(Clone, Debug)]
pub(in crate::rule) struct LabelReplace {
    pub(in crate::rule) body: Node,
    pub(in crate::rule) target: String,
    pub(in crate::rule) replacement: String,
    pub(in crate::rule) source: String,
    pub(in crate::rule) pattern: Regex,
}

/// `label_join(body, target, separator, sources…)`
#[derive(Clone, Debug)]
pub(in crate::rule) struct LabelJoin {
    pub(in crate::rule) body: Node,
    pub(in crate::rule) target: String,
    pub(in crate::rule) separator: String,
    pub(in crate::rule) sources: Vec<String>,
}

impl Node {
    /// What this node yields.
    pub(in crate::rule) fn kind(&self) -> Type {
        match self {
            Self::Number(_) => Type::Scalar,
            Self::Text(_) => Type::Text,
            Self::Window(_) | Self::Subquery(_) => Type::Range,
            Self::Negate(body) => body.kind(),
            Self::Binary(binary) => match (binary.left.kind(), binary.right.kind()) {
                (Type::Scalar, Type::Scalar) => Type::Scalar,
                _ => Type::Vector,
            },
            Self::Call(function, _) => function.yields(),
            Self::Instant(_) | Self::Aggregate(_) | Self::LabelReplace(_) | Self::LabelJoin(_) => Type::Vector,
        }
    }

    /// The operands, in order of appearance.
    pub(in crate::rule) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Number(_) | Self::Text(_) | Self::Instant(_) | Self::Window(_) => Vec::new(),
            Self::Negate(body) => vec![body],
            Self::Subquery(subquery) => vec![&subquery.body],
            Self::Binary(binary) => vec![&binary.left, &binary.right],
            Self::Aggregate(aggregate) => aggregate.parameter.iter().chain([&aggregate.body]).collect(),
            Self::Call(_, arguments) => arguments.iter().collect(),
            Self::LabelReplace(replace) => vec![&replace.body],
            Self::LabelJoin(join) => vec![&join.body],
        }
    }

    /// Whether any selector stands below.
    pub(in crate::rule) fn reads_series(&self) -> bool {
        matches!(self, Self::Instant(_) | Self::Window(_)) || self.children().into_iter().any(Self::reads_series)
    }

    /// See [`Expr::always_yields`](super::Expr::always_yields).
    pub(super) fn always_yields(&self) -> bool {
        match self {
            Self::Number(_) | Self::Text(_) => true,
            Self::Instant(_) | Self::Window(_) => false,
            Self::Negate(body) => body.always_yields(),
            Self::Subquery(subquery) => subquery.body.always_yields(),
            Self::LabelReplace(replace) => replace.body.always_yields(),
            Self::LabelJoin(join) => join.body.always_yields(),
            Self::Aggregate(aggregate) => aggregate.body.always_yields(),
            Self::Binary(binary) => {
                let (left, right) = (binary.left.always_yields(), binary.right.always_yields());
                match binary.op {
                    BinaryOp::Or => left || right,
                    BinaryOp::Unless => left,
                    _ => left && right,
                }
            }
            Self::Call(function, arguments) => function.always_yields(arguments),
        }
    }

    /// See [`Expr::single_series`](super::Expr::single_series).
    pub(super) fn single_series(&self) -> bool {
        match self {
            Self::Number(_) | Self::Text(_) | Self::Instant(_) | Self::Window(_) => true,
            Self::Aggregate(_) => false,
            Self::Negate(body) => body.single_series(),
            Self::Subquery(subquery) => subquery.body.single_series(),
            Self::LabelReplace(replace) => replace.body.single_series(),
            Self::LabelJoin(join) => join.body.single_series(),
            Self::Binary(binary) => {
                let (left, right) = (binary.left.reads_series(), binary.right.reads_series());
                let alone = match binary.op {
                    BinaryOp::And | BinaryOp::Unless => !right,
                    // What the right side adds depends on everything the left side has.
                    BinaryOp::Or => !left,
                    _ => !(left && right),
                };
                alone && binary.left.single_series() && binary.right.single_series()
            }
            Self::Call(function, arguments) => {
                let joins = function.joins_series() && self.reads_series();
                !joins && arguments.iter().all(Self::single_series)
            }
        }
    }
}
