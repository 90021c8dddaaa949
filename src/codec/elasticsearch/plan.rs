//! Which field each attribute of a log record becomes, decided once for each shape of record.
//!
//! Records of one program repeat a few sets of attribute names over and over. What is decided from
//! names alone (ECS field, a name given twice, a scalar that is also a parent) is decided once and
//! remembered under the shape's signature; with it, a record is written without looking at its
//! names again, and without an allocation.

use std::ops::Range;

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::ecs;
use super::json::write_escaped;
use super::prefix::Prefix;
use super::value::{before_children, is_below, tidy};
use crate::codec::any_value::{AnyValue, Attributes};

/// Shapes remembered at most, and bytes of their names; when full all are forgotten.
const PLANS_MAX: usize = 512;
const PLAN_BYTES_MAX: usize = 1 << 20;

/// Fields that a record itself may fill, by their bit in a signature's first byte.
pub(super) mod own {
    pub(in super::super) const MESSAGE: u8 = 1;
    pub(in super::super) const BODY: u8 = 1 << 1;
    pub(in super::super) const LEVEL: u8 = 1 << 2;
    pub(in super::super) const TRACE: u8 = 1 << 3;
    pub(in super::super) const SPAN: u8 = 1 << 4;
    pub(in super::super) const SEVERITY: u8 = 1 << 5;
    pub(in super::super) const EVENT: u8 = 1 << 6;

    /// Their names.
    pub(super) const NAMES: [(u8, &str); 7] = [
        (MESSAGE, "message"),
        (BODY, "body.structured"),
        (LEVEL, "log.level"),
        (TRACE, "trace.id"),
        (SPAN, "span.id"),
        (SEVERITY, "event.severity"),
        (EVENT, "event.action"),
    ];
}

/// How records of one shape are written.
#[derive(Debug)]
pub(super) struct Plan {
    signature: Box<[u8]>,
    /// `,"name":` fragments.
    text: Vec<u8>,
    /// For each of the prefix' fields its fragment, `None` to leave it out; no list at all if the
    /// whole prefix is copied as it is.
    pub(super) prefix: Option<Vec<Option<Range<usize>>>>,
    /// For each attribute its fragment, `None` to leave it out.
    pub(super) attributes: Vec<Option<Range<usize>>>,
}

impl Plan {
    pub(super) fn fragment(&self, range: &Range<usize>) -> &[u8] {
        &self.text[range.clone()]
    }
}

/// The plans of the shapes seen so far.
#[derive(Debug, Default)]
pub(super) struct Plans {
    known: HashMap<u64, Plan, foldhash::fast::FixedState>,
    bytes: usize,
    /// The signature that came last, and its hash: most records have the shape of the one before.
    last: (Vec<u8>, u64),
}

impl Plans {
    /// The plan for a record with this signature.
    pub(super) fn of(&mut self, signature: &[u8], prefix: &Prefix, attributes: &Pairs<'_>) -> &Plan {
        if self.last.0 != signature || signature.is_empty() {
            self.last.0.clear();
            self.last.0.extend_from_slice(signature);
            self.last.1 = xxh3_64(signature);
        }
        let hash = self.last.1;
        if self.known.get(&hash).is_none_or(|plan| *plan.signature != *signature) {
            if self.known.len() >= PLANS_MAX || self.bytes + signature.len() > PLAN_BYTES_MAX {
                self.known.clear();
                self.bytes = 0;
            }
            self.bytes += signature.len();
            self.known.remove(&hash);
        }
        self.known.entry(hash).or_insert_with(|| build(signature, prefix, attributes))
    }
}

/// A record's attributes, read once.
pub(super) type Pairs<'a> = Vec<(&'a str, AnyValue<'a>)>;

/// Reads `attributes` into `pairs`, and into `signature` what a plan depends on; answers
/// `data_stream.dataset` and `.namespace`.
pub(super) fn sign<'a>(
    own: u8,
    prefix: &Prefix,
    attributes: Attributes<'a>,
    pairs: &mut Pairs<'a>,
    signature: &mut Vec<u8>,
) -> (Option<&'a str>, Option<&'a str>) {
    let (mut dataset, mut namespace) = (None, None);
    pairs.clear();
    signature.clear();
    signature.push(own);
    signature.extend_from_slice(&prefix.names_hash().to_le_bytes());
    for (name, value) in attributes.iter() {
        // Kind and length in one number: a name is shorter than a request.
        let head = (name.len() as u32) << 1 | u32::from(matches!(value, AnyValue::Map(_)));
        signature.extend_from_slice(&head.to_le_bytes());
        signature.extend_from_slice(name.as_bytes());
        if let (Some(part), AnyValue::Text(text)) = (name.strip_prefix("data_stream."), value) {
            match part {
                "dataset" => dataset = Some(text),
                "namespace" => namespace = Some(text),
                _ => {}
            }
        }
        pairs.push((name, value));
    }
    (dataset, namespace)
}

/// A field that wants to be in the document. Of one name the last stays.
struct Candidate {
    name: String,
    is_map: bool,
    /// Its place: prefix fields first, then attributes. Own fields have none, and always stay.
    place: Option<usize>,
}

fn build(signature: &[u8], prefix: &Prefix, attributes: &Pairs<'_>) -> Plan {
    let flags = signature[0];
    let own_names: Vec<&str> = std::iter::once("@timestamp")
        .chain(own::NAMES.into_iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| name))
        .collect();
    let mut candidates: Vec<Candidate> =
        own_names.iter().map(|name| Candidate { name: (*name).to_owned(), is_map: false, place: None }).collect();
    let mut place = 0;
    for field in prefix.fields() {
        candidates.push(Candidate { name: clear(&field.name, &own_names), is_map: field.is_map, place: Some(place) });
        place += 1;
    }
    let prefix_len = place;
    let mut skipped = Vec::new();
    for &(name, value) in attributes {
        let is_map = matches!(value, AnyValue::Map(_));
        if prefix.routes() && is_routing(name) {
            skipped.push(place);
        } else {
            candidates.push(Candidate { name: clear(ecs::record_field(name), &own_names), is_map, place: Some(place) });
        }
        place += 1;
    }
    let names = settle(candidates, place);

    let mut plan = Plan { signature: signature.into(), text: Vec::new(), prefix: None, attributes: Vec::new() };
    let as_it_is = prefix.fields().iter().zip(&names).all(|(field, name)| name.as_deref() == Some(&field.name));
    let fragments: Vec<Option<Range<usize>>> = names
        .iter()
        .map(|name| {
            let start = plan.text.len();
            plan.text.extend_from_slice(b",\"");
            write_escaped(name.as_ref()?.as_bytes(), &mut plan.text);
            plan.text.extend_from_slice(b"\":");
            Some(start..plan.text.len())
        })
        .collect();
    plan.prefix = (!as_it_is).then(|| fragments[..prefix_len].to_vec());
    plan.attributes = fragments[prefix_len..].to_vec();
    plan
}

/// Whether the attribute says where a record goes, not what it is.
pub(super) fn is_routing(name: &str) -> bool {
    matches!(name, "data_stream.type" | "data_stream.dataset" | "data_stream.namespace")
}

/// A field's name, moved below `attributes.` where the document's own field or Elasticsearch itself
/// has the name: nothing that was sent is lost to a name.
fn clear(name: &str, own_names: &[&str]) -> String {
    let name = tidy(name);
    let name = &*name;
    let taken = own_names.iter().any(|own| name == *own || is_below(name, own)) || ecs::is_metadata(name);
    if taken { format!("attributes.{name}") } else { name.to_owned() }
}

/// The name of each place: `None` for one that a later field of the same name replaces; `name.value`
/// for a scalar that is also the parent of another field.
fn settle(mut candidates: Vec<Candidate>, places: usize) -> Vec<Option<String>> {
    candidates.sort_by(|a, b| (&a.name, a.place).cmp(&(&b.name, b.place)));
    let mut names = vec![None; places];
    let taken: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
    let is_parent = |name: &str| {
        let below = taken.partition_point(|other| before_children(other, name));
        taken.get(below).is_some_and(|other| is_below(other, name))
    };
    for (at, candidate) in candidates.iter().enumerate() {
        let is_replaced = candidates.get(at + 1).is_some_and(|next| next.name == candidate.name);
        let Some(place) = candidate.place.filter(|_| !is_replaced) else { continue };
        let mut name = candidate.name.clone();
        if !candidate.is_map && is_parent(&name) {
            name.push_str(".value");
            while taken.binary_search(&name.as_str()).is_ok() || is_parent(&name) {
                name.push('_');
            }
        }
        names[place] = Some(name);
    }
    names
}
