//! What a resource and an instrumentation scope add to every series: job, instance, promoted attributes.

use super::settings::Settings;
use super::{label, text};
use crate::codec::any_value::{AnyValue, Attributes};

/// The attributes that job and instance are made of.
pub(super) const IDENTIFYING: [&str; 3] = ["service.namespace", "service.name", "service.instance.id"];

type Pair = (Vec<u8>, Vec<u8>);

/// Labels beside a point's own.
#[derive(Debug, Default)]
pub(super) struct Context {
    promoted: Vec<Pair>,
    identity: Vec<Pair>,
    scope: Vec<Pair>,
}

impl Context {
    /// Labels that give way to a point's own.
    pub(super) fn defaults(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.promoted.iter().map(|(name, value)| (&name[..], &value[..]))
    }

    /// Labels that replace a point's own; an empty value removes them.
    pub(super) fn overrides(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.identity.iter().chain(&self.scope).map(|(name, value)| (&name[..], &value[..]))
    }

    /// Job and instance alone, for `target_info`.
    pub(super) fn identity_only(&self) -> Self {
        Self { identity: self.identity.clone(), ..Self::default() }
    }

    /// Becomes what `resource` adds; there is no scope yet.
    ///
    /// # Errors
    /// If a promoted attribute's key leaves no label name.
    pub(super) fn of_resource(resource: Attributes<'_>, settings: &Settings) -> Result<Self, String> {
        let mut context = Self::default();
        let text = |key: &str| resource.get(key).map(value_text);
        if let Some(service) = text("service.name") {
            let job = match text("service.namespace") {
                Some(mut namespace) => {
                    namespace.push(b'/');
                    namespace.extend(service);
                    namespace
                }
                None => service,
            };
            context.identity.push((b"job".to_vec(), job));
        }
        if let Some(instance) = text("service.instance.id") {
            context.identity.push((b"instance".to_vec(), instance));
        }
        // an absent identity leaves a point's own labels of that name alone
        context.identity.retain(|(_, value)| !value.is_empty());
        let promotes = |key: &str| settings.promote_resource_attributes.iter().any(|promoted| promoted == key);
        for (key, value) in resource.iter().filter(|(key, _)| promotes(key)) {
            let mut name = Vec::new();
            label::write(key, settings, &mut name)?;
            context.promoted.retain(|(other, _)| *other != name);
            context.promoted.push((name, value_text(value)));
        }
        context.promoted.retain(|(_, value)| !value.is_empty());
        Ok(context)
    }

    /// Replaces the scope's labels by those of this scope; one without a name has none.
    ///
    /// # Errors
    /// If an attribute's key leaves no label name.
    pub(super) fn set_scope(
        &mut self,
        [name, version, schema_url]: [&str; 3],
        attributes: Attributes<'_>,
        settings: &Settings,
    ) -> Result<(), String> {
        self.scope.clear();
        if name.is_empty() {
            return Ok(());
        }
        for (key, value) in attributes.iter() {
            let mut name = Vec::new();
            label::write(&format!("otel_scope_{key}"), settings, &mut name)?;
            let value = value_text(value);
            self.scope.retain(|(other, _)| *other != name);
            if !value.is_empty() {
                self.scope.push((name, value));
            }
        }
        for (label, value) in
            [("otel_scope_name", name), ("otel_scope_version", version), ("otel_scope_schema_url", schema_url)]
        {
            self.scope.push((label.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        Ok(())
    }
}

fn value_text(value: AnyValue<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    text::write(value, &mut out);
    out
}
