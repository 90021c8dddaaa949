//! The part of Elasticsearch's API that clients call before and beside `_bulk`: what they ask, what
//! they are told. Pure; the server wires it to paths.
//!
//! | call | who makes it, and why |
//! |---|---|
//! | `GET`/`HEAD /` | every Beat and Logstash on connecting, official clients' `info()` and `ping()`: version and product |
//! | `GET /_license`, `GET /_xpack` | Beats and Logstash: which features they may use |
//! | `HEAD`/`GET`/`PUT /_ilm/policy/*` | Beats' and Logstash's lifecycle set-up |
//! | `HEAD`/`GET`/`PUT`/`POST /_index_template/*`, `/_component_template/*`, `/_template/*` | template set-up of Beats, Logstash, Fluent Bit, Serilog and others |
//! | `GET`/`PUT /_ingest/pipeline/*` | Filebeat's modules |
//! | `GET`/`PUT`/`POST /_data_stream/*` | Beats 8: whether the stream is there |
//! | `GET /_nodes*` | sniffing clients, Logstash's pool |
//! | `GET /_cluster/*`, `/_cat/*` | health checks of deployments |
//! | `GET`/`PUT /_logstash*` | Logstash's central pipeline management |
//! | `HEAD`/`GET`/`PUT /_alias/*`, `/_aliases` | older set-ups make an alias for their write index |
//!
//! Set-up calls are told that all went well: templates and policies belong to the store behind the
//! gateway, and a client that is refused here sends nothing at all. A `GET` or `HEAD` that asks whether
//! something exists is answered with 200, so that clients do not try to make it.
//!
//! Every answer carries [`PRODUCT_HEADER`]: official clients and Logstash refuse to go on without.

/// Name and value of the header on every answer, errors too.
pub const PRODUCT_HEADER: (&str, &str) = ("x-elastic-product", "Elasticsearch");

/// The version to report unless configured otherwise: Beats refuse a store older than themselves.
pub const VERSION: &str = "9.2.0";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Content type, in kind with the request's `Accept`.
    pub content_type: String,
    /// JSON, also for `HEAD` (whose body the server leaves out).
    pub body: Vec<u8>,
}

/// Answers a call that is no `_bulk` and no document; `None` if the path is none of ours.
#[must_use]
pub fn answer(method: &str, path: &str, accept: Option<&str>, version: &str) -> Option<Reply> {
    let path = path.trim_end_matches('/');
    let mut parts = path.trim_start_matches('/').split('/');
    let is_read = matches!(method, "GET" | "HEAD");
    let is_write = matches!(method, "PUT" | "POST");
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let body = match first {
        "" if is_read => root(version),
        "_license" if is_read => license(),
        "_xpack" if is_read => xpack(),
        "_cluster" if is_read => cluster(second),
        "_nodes" if is_read => nodes(version),
        "_cat" if is_read => "[]".to_owned(),
        _ if is_write && is_set_up(first) => r#"{"acknowledged":true}"#.to_owned(),
        _ if is_read && is_set_up(first) => existing(first, second),
        _ => return None,
    };
    Some(Reply { status: 200, content_type: content_type(accept), body: body.into_bytes() })
}

/// The content type for JSON: what `accept` asks for if it is Elasticsearch's own, with its
/// compatibility version, else plain JSON.
#[must_use]
pub fn content_type(accept: Option<&str>) -> String {
    let vendor = accept.unwrap_or_default().split(',').map(str::trim).find(|kind| {
        kind.starts_with("application/vnd.elasticsearch+")
            && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/.+-=; ".contains(&byte))
    });
    let Some(vendor) = vendor else { return "application/json".to_owned() };
    match vendor.split_once("compatible-with=") {
        Some((_, version)) => {
            let digits = version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            format!("application/vnd.elasticsearch+json;compatible-with={digits}")
        }
        None => "application/vnd.elasticsearch+json".to_owned(),
    }
}

/// Whether the path belongs to a client's set-up of templates, policies, pipelines, streams or indices.
fn is_set_up(first: &str) -> bool {
    let known = [
        "_ilm",
        "_index_template",
        "_component_template",
        "_template",
        "_ingest",
        "_data_stream",
        "_alias",
        "_aliases",
        "_slm",
    ];
    known.contains(&first) || first.starts_with("_logstash")
}

/// What a client is told of something that it asks for by name: that it is there.
fn existing(first: &str, second: &str) -> String {
    match (first, second) {
        ("_data_stream", _) => r#"{"data_streams":[]}"#,
        ("_index_template", _) => r#"{"index_templates":[]}"#,
        ("_component_template", _) => r#"{"component_templates":[]}"#,
        _ => "{}",
    }
    .to_owned()
}

fn root(version: &str) -> String {
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(9);
    let (lucene, wire) = if major >= 9 { ("10.3.1", "8.19.0") } else { ("9.12.2", "7.17.0") };
    let index = format!("{}.0.0", major.saturating_sub(1));
    serde_json::json!({
        "name": "watchgate",
        "cluster_name": "watchgate",
        "cluster_uuid": "d2F0Y2hnYXRlLWdhdGV3YQ",
        "version": {
            "number": version,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "0000000000000000000000000000000000000000",
            "build_date": "2026-01-01T00:00:00.000000000Z",
            "build_snapshot": false,
            "lucene_version": lucene,
            "minimum_wire_compatibility_version": wire,
            "minimum_index_compatibility_version": index,
        },
        "tagline": "You Know, for Search",
    })
    .to_string()
}

fn license() -> String {
    serde_json::json!({"license": {
        "status": "active",
        "uid": "00000000-0000-0000-0000-000000000000",
        "type": "basic",
        "issue_date": "2026-01-01T00:00:00.000Z",
        "issue_date_in_millis": 1_767_225_600_000_i64,
        "max_nodes": 1000,
        "max_resource_units": null,
        "issued_to": "watchgate",
        "issuer": "elasticsearch",
        "start_date_in_millis": -1,
    }})
    .to_string()
}

fn xpack() -> String {
    let feature = |enabled: bool| serde_json::json!({"available": enabled, "enabled": enabled});
    serde_json::json!({
        "build": {"hash": "0000000000000000000000000000000000000000", "date": "2026-01-01T00:00:00.000Z"},
        "license": {"uid": "00000000-0000-0000-0000-000000000000", "type": "basic", "mode": "basic", "status": "active"},
        "features": {"ilm": feature(true), "monitoring": feature(false), "security": feature(false)},
        "tagline": "You know, for X",
    })
    .to_string()
}

fn cluster(what: &str) -> String {
    if what != "health" {
        return r#"{"cluster_name":"watchgate","persistent":{},"transient":{}}"#.to_owned();
    }
    serde_json::json!({
        "cluster_name": "watchgate",
        "status": "green",
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 1,
        "active_shards": 1,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "active_shards_percent_as_number": 100.0,
    })
    .to_string()
}

/// One node without an address: a client that sniffs keeps the one it knows.
fn nodes(version: &str) -> String {
    serde_json::json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": "watchgate",
        "nodes": {"watchgate": {"name": "watchgate", "version": version, "build_flavor": "default",
            "roles": ["data", "ingest", "master"]}},
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(method: &str, path: &str) -> serde_json::Value {
        let reply = answer(method, path, None, "9.2.0").unwrap_or_else(|| panic!("no answer to {method} {path}"));
        assert_eq!((reply.status, &*reply.content_type), (200, "application/json"));
        serde_json::from_slice(&reply.body).expect("JSON")
    }

    #[test]
    fn what_clients_call_before_they_send_is_answered() {
        assert_eq!(json("GET", "/")["version"]["number"], "9.2.0");
        assert_eq!(json("HEAD", "/")["tagline"], "You Know, for Search");
        assert_eq!(json("GET", "/_license")["license"]["status"], "active");
        assert_eq!(json("GET", "/_xpack")["features"]["ilm"]["enabled"], true);
        assert_eq!(json("GET", "/_cluster/health")["status"], "green");
        assert_eq!(json("GET", "/_nodes/http")["_nodes"]["total"], 1);
        assert_eq!(json("GET", "/_cat/indices/"), serde_json::json!([]));
        for path in [
            "/_ilm/policy/filebeat",
            "/_index_template/filebeat-9.2.0",
            "/_component_template/logs@custom",
            "/_template/logstash",
            "/_ingest/pipeline/filebeat-9.2.0-nginx-access",
            "/_data_stream/filebeat-9.2.0",
            "/_logstash/pipeline",
        ] {
            assert_eq!(json("PUT", path)["acknowledged"], true);
            assert!(json("GET", path).is_object() && json("HEAD", path).is_object());
        }
    }

    #[test]
    fn what_is_not_ours_is_left_to_others() {
        for (method, path) in [("POST", "/_bulk"), ("GET", "/_search"), ("DELETE", "/_template/x"), ("POST", "/")] {
            assert_eq!(answer(method, path, None, VERSION), None, "{method} {path}");
        }
    }

    #[test]
    fn answers_are_in_kind_with_what_is_accepted() {
        for (accept, wanted) in [
            (None, "application/json"),
            (Some("*/*"), "application/json"),
            (
                Some("application/vnd.elasticsearch+json; compatible-with=8"),
                "application/vnd.elasticsearch+json;compatible-with=8",
            ),
            (
                Some("text/plain, application/vnd.elasticsearch+x-ndjson;compatible-with=9,x"),
                "application/vnd.elasticsearch+json;compatible-with=9",
            ),
            (Some("application/vnd.elasticsearch+json\r\nX: y"), "application/json"),
        ] {
            assert_eq!(content_type(accept), wanted);
        }
    }
}
