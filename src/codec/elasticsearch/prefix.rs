//! What all records of one resource and scope have in common, as JSON: written once, copied for each.

use std::ops::Range;

use xxhash_rust::xxh3::Xxh3Default;

use super::ecs;
use super::json::write_escaped;
use super::plan::is_routing;
use super::value::{tidy, write_value};
use crate::codec::any_value::AnyValue;
use crate::codec::otlp_logs::{ResourceRef, ScopeRef};

/// A field of the prefix.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) is_map: bool,
    value: Range<usize>,
}

/// The fields of a resource and a scope.
#[derive(Debug, Default)]
pub(super) struct Prefix {
    /// `,"name":value` for each field.
    text: Vec<u8>,
    fields: Vec<Field>,
    names_hash: u64,
    routes: bool,
    pub(super) dataset: Option<String>,
    pub(super) namespace: Option<String>,
}

impl Prefix {
    /// Makes the prefix anew. With `routes` the attributes `data_stream.*` say where records go.
    pub(super) fn fill(&mut self, resource: &ResourceRef<'_>, scope: &ScopeRef<'_>, routes: bool) {
        self.text.clear();
        self.fields.clear();
        self.routes = routes;
        (self.dataset, self.namespace) = (None, None);
        for (name, value) in resource.attributes.iter() {
            if name == "host.name" {
                self.add("host.hostname", value);
            }
            if let Some(field) = ecs::resource_field(name) {
                self.add_or_route(field, value);
            }
        }
        self.add("agent.name", AnyValue::Text(&ecs::agent_name(resource.attributes)));
        if let Some(version) = ecs::agent_version(resource.attributes) {
            self.add("agent.version", version);
        }
        if let Some(os_type) = ecs::os_type(resource.attributes) {
            self.add("host.os.type", AnyValue::Text(os_type));
        }
        if !scope.name.is_empty() {
            self.add("log.logger", AnyValue::Text(scope.name));
        }
        for (name, value) in scope.attributes.iter() {
            self.add_or_route(name, value);
        }
        let mut hasher = Xxh3Default::new();
        for field in &self.fields {
            hasher.update(&(field.name.len() as u32).to_le_bytes());
            hasher.update(field.name.as_bytes());
            hasher.update(&[u8::from(field.is_map)]);
        }
        hasher.update(&[u8::from(routes)]);
        self.names_hash = hasher.digest();
    }

    fn add_or_route(&mut self, name: &str, value: AnyValue<'_>) {
        if !self.routes || !is_routing(name) {
            return self.add(name, value);
        }
        match (name, value) {
            ("data_stream.dataset", AnyValue::Text(text)) => self.dataset = Some(text.to_owned()),
            ("data_stream.namespace", AnyValue::Text(text)) => self.namespace = Some(text.to_owned()),
            _ => {}
        }
    }

    fn add(&mut self, name: &str, value: AnyValue<'_>) {
        let name = tidy(name);
        self.text.extend_from_slice(b",\"");
        write_escaped(name.as_bytes(), &mut self.text);
        self.text.extend_from_slice(b"\":");
        let start = self.text.len();
        write_value(value, 0, &mut self.text);
        let is_map = matches!(value, AnyValue::Map(_));
        self.fields.push(Field { name: name.into_owned(), is_map, value: start..self.text.len() });
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// All fields as they are.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(super) fn value(&self, field: &Field) -> &[u8] {
        &self.text[field.value.clone()]
    }

    /// A hash of all that a plan needs to know of the prefix.
    pub(super) const fn names_hash(&self) -> u64 {
        self.names_hash
    }

    pub(super) const fn routes(&self) -> bool {
        self.routes
    }
}
