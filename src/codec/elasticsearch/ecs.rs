//! OpenTelemetry's attribute names as fields of the Elastic Common Schema.
//!
//! Follows the `ecs` mapping mode of OpenTelemetry Collector's Elasticsearch exporter: what it names,
//! we name the same. Where ECS or the semantic conventions have moved on we take the current name too:
//! `deployment.environment.name`, `error.stack_trace`, `log.logger` for the scope's name.

use crate::codec::any_value::{AnyValue, Attributes};

/// The ECS field of a resource attribute, or its own name. `host.name` also stays what it is; what
/// says which SDK sent it becomes `agent.*` ([`agent_name`], [`agent_version`]) and answers `None`.
pub(super) fn resource_field(name: &str) -> Option<&str> {
    Some(match name {
        "service.instance.id" => "service.node.name",
        "deployment.environment" | "deployment.environment.name" => "service.environment",
        "telemetry.sdk.name"
        | "telemetry.sdk.language"
        | "telemetry.sdk.version"
        | "telemetry.distro.name"
        | "telemetry.distro.version" => return None,
        "cloud.platform" => "cloud.service.name",
        "container.image.tags" => "container.image.tag",
        "host.arch" => "host.architecture",
        "process.executable.path" => "process.executable",
        "process.runtime.name" => "service.runtime.name",
        "process.runtime.version" => "service.runtime.version",
        "os.name" => "host.os.name",
        "os.type" => "host.os.platform",
        "os.description" => "host.os.full",
        "os.version" => "host.os.version",
        "k8s.deployment.name" => "kubernetes.deployment.name",
        "k8s.namespace.name" => "kubernetes.namespace",
        "k8s.node.name" => "kubernetes.node.name",
        "k8s.pod.name" => "kubernetes.pod.name",
        "k8s.pod.uid" => "kubernetes.pod.uid",
        "k8s.job.name" => "kubernetes.job.name",
        "k8s.cronjob.name" => "kubernetes.cronjob.name",
        "k8s.statefulset.name" => "kubernetes.statefulset.name",
        "k8s.replicaset.name" => "kubernetes.replicaset.name",
        "k8s.daemonset.name" => "kubernetes.daemonset.name",
        "k8s.container.name" => "kubernetes.container.name",
        "k8s.cluster.name" => "orchestrator.cluster.name",
        other => other,
    })
}

/// The ECS field of a log record's attribute, or its own name.
pub(super) fn record_field(name: &str) -> &str {
    match name {
        "event.name" => "event.action",
        "exception.message" => "error.message",
        "exception.stacktrace" => "error.stack_trace",
        "exception.type" => "error.type",
        "exception.escaped" => "event.error.exception.handled",
        other => other,
    }
}

/// `agent.name`: SDK, language and distribution, as `opentelemetry/java/elastic`; `otlp` if unknown.
pub(super) fn agent_name(resource: Attributes<'_>) -> String {
    let sdk = resource.text("telemetry.sdk.name").unwrap_or("otlp");
    let language = resource.text("telemetry.sdk.language").filter(|language| !language.is_empty());
    match (resource.text("telemetry.distro.name"), language) {
        (Some(distribution), language) => format!("{sdk}/{}/{distribution}", language.unwrap_or("unknown")),
        (None, Some(language)) => format!("{sdk}/{language}"),
        (None, None) => sdk.to_owned(),
    }
}

/// `agent.version`: the distribution's, else the SDK's.
pub(super) fn agent_version(resource: Attributes<'_>) -> Option<AnyValue<'_>> {
    resource.get("telemetry.distro.version").or_else(|| resource.get("telemetry.sdk.version"))
}

/// `host.os.type`, if it is one that ECS knows.
pub(super) fn os_type(resource: Attributes<'_>) -> Option<&'static str> {
    match (resource.text("os.name"), resource.text("os.type")) {
        (Some("Android"), _) => Some("android"),
        (Some("iOS"), _) => Some("ios"),
        (_, Some("linux")) => Some("linux"),
        (_, Some("windows")) => Some("windows"),
        (_, Some("darwin")) => Some("macos"),
        (_, Some("aix" | "hpux" | "solaris")) => Some("unix"),
        _ => None,
    }
}

/// `log.level` of a record that has a severity number only: the range's name (logs data model).
pub(super) const fn level(severity_number: i32) -> &'static str {
    match severity_number {
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        21..=24 => "FATAL",
        _ => "",
    }
}

/// Fields that Elasticsearch keeps for itself and refuses in a document.
const METADATA: [&str; 16] = [
    "_id",
    "_index",
    "_source",
    "_routing",
    "_field_names",
    "_ignored",
    "_seq_no",
    "_primary_term",
    "_version",
    "_doc_count",
    "_nested_path",
    "_size",
    "_tier",
    "_tsid",
    "_type",
    "_ignored_source",
];

/// Whether a document may not have this field at its root.
pub(super) fn is_metadata(field: &str) -> bool {
    let root = field.split('.').next().unwrap_or_default();
    root.starts_with('_') && METADATA.contains(&root)
}
