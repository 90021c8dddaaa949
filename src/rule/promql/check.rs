//! Types and arguments: what parses but means nothing is refused here.

use super::expr::ExprError;
use super::function::{Function, Signature};
use super::parse::Parsed;
use super::tree::{
    Aggregate, AggregateOp, Binary, BinaryOp, Cardinality, LabelJoin, LabelReplace, Matching, Node, Type,
};

fn fail<T>(at: usize, message: impl Into<String>) -> Result<T, ExprError> {
    Err(ExprError { at, message: message.into() })
}

/// A rule's expression yields numbers.
pub(super) fn root(root: &Parsed) -> Result<(), ExprError> {
    match root.node.kind() {
        Type::Scalar | Type::Vector => Ok(()),
        Type::Range => fail(root.at, "a range has no value at one instant, wrap it in a function like rate(…)"),
        Type::Text => fail(root.at, "a string is no result, write an expression that yields numbers"),
    }
}

pub(super) fn unary(operand: &Parsed) -> Result<(), ExprError> {
    match operand.node.kind() {
        Type::Scalar | Type::Vector => Ok(()),
        other => fail(
            operand.at,
            format!("a sign is only allowed before a scalar or an instant vector, not a {}", other.name()),
        ),
    }
}

pub(super) fn binary(
    at: usize,
    op: BinaryOp,
    returns_bool: bool,
    matching: Option<Matching>,
    left: Parsed,
    right: Parsed,
) -> Result<Node, ExprError> {
    for side in [&left, &right] {
        if !matches!(side.node.kind(), Type::Scalar | Type::Vector) {
            let message = format!(
                "operators take scalars and instant vectors, this is a {}, wrap a range in a function like rate(…)",
                side.node.kind().name()
            );
            return fail(side.at, message);
        }
    }
    let scalars = [&left, &right].into_iter().filter(|side| side.node.kind() == Type::Scalar).count();
    if returns_bool && !op.is_comparison() {
        return fail(at, "`bool` is only allowed after a comparison, remove it");
    }
    if op.is_comparison() && scalars == 2 && !returns_bool {
        return fail(at, "a comparison of two scalars needs `bool`, write for example `1 == bool 1`");
    }
    if op.is_set() && scalars > 0 {
        return fail(at, "`and`, `or` and `unless` take instant vectors, write vector(…) round a scalar");
    }
    if let Some(matching) = &matching {
        if matching.on
            && let Some(twice) = matching.labels.iter().find(|label| matching.include.contains(label))
        {
            return fail(at, format!("label `{twice}` stands in both `on` and `group_left/group_right`, remove one"));
        }
        if scalars > 0 && !matching.labels.is_empty() {
            return fail(at, "`on` and `ignoring` are only allowed between instant vectors, remove them");
        }
        if op.is_set() && matching.cardinality != Cardinality::OneToOne {
            return fail(at, "`and`, `or` and `unless` take no group_left or group_right, remove it");
        }
    }
    let default =
        || Matching { on: false, labels: Vec::new(), cardinality: Cardinality::OneToOne, include: Vec::new() };
    let matching = (scalars == 0).then(|| matching.unwrap_or_else(default));
    Ok(Node::Binary(Box::new(Binary { op, returns_bool, matching, join: 0, left: left.node, right: right.node })))
}

pub(super) fn aggregate(
    at: usize,
    op: AggregateOp,
    grouping: Option<(bool, Vec<String>)>,
    mut arguments: Vec<Parsed>,
) -> Result<Node, ExprError> {
    let wanted = if op.parameter().is_some() { 2 } else { 1 };
    if arguments.len() != wanted {
        return fail(at, format!("this aggregation takes {wanted} argument(s), got {}", arguments.len()));
    }
    let Some(body) = arguments.pop() else {
        return fail(at, "an aggregation needs an instant vector");
    };
    expect_type(&body, Type::Vector, "an aggregation")?;
    let parameter = arguments.pop();
    if let (Some(kind), Some(parameter)) = (op.parameter(), &parameter) {
        expect_type(parameter, kind, "the parameter of an aggregation")?;
        if op == AggregateOp::CountValues && matches!(&parameter.node, Node::Text(label) if label.is_empty()) {
            return fail(parameter.at, "the label of count_values is empty, name one");
        }
    }
    let (without, labels) = grouping.unwrap_or_default();
    let parameter = parameter.map(|parameter| parameter.node);
    Ok(Node::Aggregate(Box::new(Aggregate { op, without, labels, parameter, body: body.node })))
}

fn expect_type(argument: &Parsed, wanted: Type, context: &str) -> Result<(), ExprError> {
    let found = argument.node.kind();
    if found == wanted {
        return Ok(());
    }
    let hint = match (wanted, found) {
        (Type::Range, Type::Vector) => ", append a range like [5m] to a selector",
        (Type::Vector, Type::Range) => ", wrap the range in a function like rate(…)",
        (Type::Vector, Type::Scalar) => ", write vector(…) round it",
        (Type::Scalar, Type::Vector) => ", write scalar(…) round it",
        _ => "",
    };
    fail(argument.at, format!("expected a {} in {context}, got a {}{hint}", wanted.name(), found.name()))
}

pub(super) fn call(at: usize, name: &str, signature: &Signature, arguments: Vec<Parsed>) -> Result<Node, ExprError> {
    let (count, named) = (arguments.len(), signature.takes.len());
    let least = if signature.variadic == 0 { named } else { named - 1 };
    let most = match signature.variadic {
        0 => Some(named),
        extra => usize::try_from(extra).ok().map(|extra| named - 1 + extra),
    };
    if count < least || most.is_some_and(|most| count > most) {
        let wanted = match most {
            Some(most) if most == least => least.to_string(),
            Some(most) => format!("{least} to {most}"),
            None => format!("at least {least}"),
        };
        return fail(at, format!("function `{name}` takes {wanted} argument(s), got {count}"));
    }
    for (argument, index) in arguments.iter().zip(0..) {
        let wanted = signature.takes[index.min(named - 1)];
        expect_type(argument, wanted, &format!("the call of `{name}`"))?;
    }
    match signature.function {
        Function::LabelReplace => label_replace(arguments),
        Function::LabelJoin => label_join(arguments),
        function => Ok(Node::Call(function, arguments.into_iter().map(|argument| argument.node).collect())),
    }
}

/// The position and text of a string argument.
fn text(argument: Parsed) -> (usize, String) {
    match argument.node {
        Node::Text(text) => (argument.at, text.into()),
        _ => (argument.at, String::new()),
    }
}

fn label(argument: Parsed) -> Result<String, ExprError> {
    let (at, name) = text(argument);
    if name.is_empty() { fail(at, "an empty label name, write the name of a label") } else { Ok(name) }
}

fn label_replace(arguments: Vec<Parsed>) -> Result<Node, ExprError> {
    let mut arguments = arguments.into_iter();
    let mut next = || arguments.next().map_or_else(|| fail(0, "label_replace takes 5 arguments"), Ok);
    let body = next()?.node;
    let target = label(next()?)?;
    let (_, replacement) = text(next()?);
    let (_, source) = text(next()?);
    let (at, pattern) = text(next()?);
    let pattern = super::pattern::anchored(&pattern).map_err(|message| ExprError { at, message })?;
    Ok(Node::LabelReplace(Box::new(LabelReplace { body, target, replacement, source, pattern })))
}

fn label_join(arguments: Vec<Parsed>) -> Result<Node, ExprError> {
    let mut arguments = arguments.into_iter();
    let mut next = || arguments.next().map_or_else(|| fail(0, "label_join takes at least 3 arguments"), Ok);
    let body = next()?.node;
    let target = label(next()?)?;
    let (_, separator) = text(next()?);
    let sources = arguments.map(label).collect::<Result<_, _>>()?;
    Ok(Node::LabelJoin(Box::new(LabelJoin { body, target, separator, sources })))
}
