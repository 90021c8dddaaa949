//! Text to tree: events of the YAML parser assembled with aliases resolved, keys merged, and
//! depth and size bounded whatever the text claims.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::{Node, Place, Problem, Value, scalar};

/// Nested collections in one another, aliases included; readers recurse.
const DEPTH_MAX: usize = 64;

/// Bytes of one file: ten thousand rules are a few MiB.
const TEXT_BYTES_MAX: usize = 64 << 20;

/// What aliases may add to a tree, in bytes of text and [`NODE_COST`] a node: stops "billion laughs".
const ALIASED_BYTES_MAX: usize = 16 << 20;

/// What a node counts beside its text.
const NODE_COST: usize = 64;

/// Reads the one document of `text`; an empty one is null.
///
/// # Errors
/// The first thing that is not YAML, or crosses a bound. Duplicate keys are left in the tree:
/// [`Node::map`] reports them, so that they do not hide what else is wrong.
pub fn parse(text: &str) -> Result<Node, Problem> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("larger than {} MiB, split it into several files", TEXT_BYTES_MAX >> 20);
        return Err(Problem::error(Place::NOWHERE, message));
    }
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| syntax(&error))?;
        builder.take(event, place(span.start))?;
    }
    Ok(builder.root.map_or(Node { place: Place { line: 1, column: 1 }, value: Value::Null }, |built| built.node))
}

fn place(marker: Marker) -> Place {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Place { line: number(marker.line()), column: number(marker.col() + 1) }
}

fn syntax(error: &ScanError) -> Problem {
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return too_deep(place(*error.marker()));
    }
    let what = error.info();
    let hint = if what.contains("tab") { ", indent with spaces" } else { "" };
    Problem::error(place(*error.marker()), format!("not valid yaml: {what}{hint}"))
}

/// A finished node with what an alias to it would cost.
#[derive(Clone)]
struct Built {
    node: Node,
    cost: usize,
    height: usize,
    /// A plain `<<`: as a key it merges.
    merge: bool,
}

/// A collection that has begun and not ended.
struct Open {
    place: Place,
    anchor: usize,
    mapping: bool,
    cost: usize,
    height: usize,
    items: Vec<Built>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    aliased: usize,
    root: Option<Built>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Place) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let merge = style == ScalarStyle::Plain && text == "<<";
                let value = scalar_value(text.into_owned(), style, tag.as_deref());
                let cost = NODE_COST + if let Value::Scalar { text, .. } = &value { text.len() } else { 0 };
                self.add(Built { node: Node { place: at, value }, cost, height: 0, merge }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(at, anchor, false),
            Event::MappingStart(_, anchor, _) => self.begin(at, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => self.alias(id, at),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, mapping: bool) -> Result<(), Problem> {
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep(place));
        }
        self.open.push(Open { place, anchor, mapping, cost: NODE_COST, height: 0, items: Vec::new() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = if open.mapping {
            Value::Mapping(pairs(open.items)?)
        } else {
            Value::Sequence(open.items.into_iter().map(|item| item.node).collect())
        };
        let node = Node { place: open.place, value };
        self.add(Built { node, cost: open.cost, height: open.height + 1, merge: false }, open.anchor)
    }

    fn alias(&mut self, id: usize, at: Place) -> Result<(), Problem> {
        let Some(target) = self.anchors.get(&id) else {
            return Err(Problem::error(at, "alias stands inside its own anchor, write the value out"));
        };
        self.aliased += target.cost;
        if self.aliased > ALIASED_BYTES_MAX {
            let message = format!("aliases expand to more than {} MiB, write the values out", ALIASED_BYTES_MAX >> 20);
            return Err(Problem::error(at, message));
        }
        if self.open.len() + target.height > DEPTH_MAX {
            return Err(too_deep(at));
        }
        let built = target.clone();
        self.add(built, 0)
    }

    fn add(&mut self, built: Built, anchor: usize) -> Result<(), Problem> {
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        if let Some(open) = self.open.last_mut() {
            open.cost += built.cost;
            open.height = open.height.max(built.height);
            open.items.push(built);
        } else if self.root.is_none() {
            self.root = Some(built);
        } else if !built.node.is_null() {
            let message = "a second document begins here, only one is read: put it into a file of its own";
            return Err(Problem::error(built.node.place, message));
        }
        Ok(())
    }
}

fn too_deep(place: Place) -> Problem {
    Problem::error(place, format!("nested deeper than {DEPTH_MAX} levels, flatten it"))
}

fn scalar_value(text: String, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let mut plain = style == ScalarStyle::Plain;
    if let Some(tag) = tag.filter(|tag| tag.handle() == "tag:yaml.org,2002:") {
        match tag.suffix() {
            "null" => return Value::Null,
            "str" | "binary" => return Value::Scalar { text, plain: false },
            "int" | "float" | "bool" => plain = true,
            _ => {}
        }
    }
    if plain && scalar::is_null(&text) { Value::Null } else { Value::Scalar { text, plain } }
}

/// Keys with their values; what `<<` names comes after, unless the mapping has the key itself.
fn pairs(items: Vec<Built>) -> Result<Vec<(Node, Node)>, Problem> {
    let mut pairs: Vec<(Node, Node)> = Vec::with_capacity(items.len() / 2);
    let mut merged: Option<Vec<(Node, Node)>> = None;
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        if !key.merge {
            pairs.push((key.node, value.node));
        } else if merged.is_some() {
            return Err(Problem::error(
                key.node.place,
                "second `<<` in one mapping, write one with a list: <<: [*a, *b]",
            ));
        } else {
            merged = Some(mergeable(value.node)?);
        }
    }
    let own = pairs.len();
    for (key, value) in merged.into_iter().flatten() {
        let same = |(other, _): &(Node, Node)| other.value == key.value || same_text(&other.value, &key.value);
        if !pairs[..own].iter().any(same) && !pairs[own..].iter().any(same) {
            pairs.push((key, value));
        }
    }
    Ok(pairs)
}

fn same_text(a: &Value, b: &Value) -> bool {
    matches!((a, b), (Value::Scalar { text: a, .. }, Value::Scalar { text: b, .. }) if a == b)
}

/// The pairs that a `<<` brings: those of one mapping, or of several, the first of a key winning.
fn mergeable(value: Node) -> Result<Vec<(Node, Node)>, Problem> {
    let refuse =
        |place| Err(Problem::error(place, "`<<` takes a mapping or a list of mappings, such as <<: *defaults"));
    match value.value {
        Value::Mapping(pairs) => Ok(pairs),
        Value::Sequence(items) => items.into_iter().try_fold(Vec::new(), |mut all, item| match item.value {
            Value::Mapping(pairs) => {
                all.extend(pairs);
                Ok(all)
            }
            _ => refuse(item.place),
        }),
        _ => refuse(value.place),
    }
}
