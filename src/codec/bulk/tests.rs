//! Stories of `_bulk` requests: what is taken, refused, answered, and handed on.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer::{Context, answer, error};
use super::filter::FilterPath;
use super::json::Scanner;
use super::*;
use crate::codec::elasticsearch::id::FrameId;

const FRAME: FrameId = FrameId { segment_id: 7, offset: 64 };

fn walked(body: &str) -> BulkWalked {
    walk(body.as_bytes(), Some("logs-app-default"), &Limits::default()).expect("a request that is taken")
}

fn answered(body: &str, filter: &str) -> Value {
    let found = walked(body);
    let context = Context {
        body: body.as_bytes(),
        default_index: Some("logs-app-default"),
        frame: Some(FRAME),
        took_ms: 3,
        filter: Some(&FilterPath::parse(filter)),
    };
    serde_json::from_slice(&answer(&found, &context)).expect("valid JSON")
}

fn id(ordinal: u32) -> String {
    let mut out = Vec::new();
    FRAME.write_id(ordinal, 0, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn every_item_is_answered_in_order_under_its_own_key() {
    let body = concat!(
        "{\"index\":{}}\n{\"@timestamp\":\"1970-01-01T00:00:02Z\"}\n",
        "\n",
        "{\"create\":{\"_index\":\"other\",\"_id\":\"a\\u0062\",\"_type\":\"_doc\",\"pipeline\":\"p\"}}\r\n{\"a\":[1,{}]}\r\n",
        "{\"delete\":{\"_index\":\"other\",\"_id\":\"1\"}}\n",
        "{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n",
        "{\"create\":{\"_index\":\"Bad\"}}\n{}\n",
        "{\"create\":{}}\n{\"a\":\n",
        "{\"create\":{\"_id\":17}}\n{\"@timestamp\":1000}",
    );
    let found = walked(body);
    assert_eq!((found.walked.items, found.walked.rejected), (3, 4));
    assert_eq!((found.walked.time_min_ms, found.walked.time_max_ms), (1000, 2000));
    assert!(found.walked.first_rejection.as_deref().is_some_and(|why| why.starts_with("item 2: [delete]")));
    let kept = String::from_utf8(found.walked.kept.unwrap()).unwrap();
    assert_eq!(
        kept,
        concat!(
            "{\"index\":{}}\n{\"@timestamp\":\"1970-01-01T00:00:02Z\"}\n\n",
            "{\"create\":{\"_index\":\"other\",\"_id\":\"a\\u0062\",\"_type\":\"_doc\",\"pipeline\":\"p\"}}\r\n{\"a\":[1,{}]}\r\n",
            "{\"create\":{\"_id\":17}}\n{\"@timestamp\":1000}",
        )
    );
    let answer = answered(body, "errors,took,items.*._index,items.*._id,items.*.status,items.*.error.type");
    let refused = |kind: &str| json!({"type": kind});
    assert_eq!(
        answer,
        json!({"errors": true, "took": 3, "items": [
            {"index": {"_index": "logs-app-default", "_id": id(0), "status": 201}},
            {"create": {"_index": "other", "_id": "ab", "status": 201}},
            {"delete": {"_index": "other", "_id": "1", "status": 400, "error": refused("illegal_argument_exception")}},
            {"update": {"_index": "logs-app-default", "_id": "1", "status": 400, "error": refused("illegal_argument_exception")}},
            {"create": {"_index": "Bad", "_id": null, "status": 400, "error": refused("invalid_index_name_exception")}},
            {"create": {"_index": "logs-app-default", "_id": null, "status": 400, "error": refused("document_parsing_exception")}},
            {"create": {"_index": "logs-app-default", "_id": "17", "status": 201}},
        ]})
    );
}

#[test]
fn the_synthesised_id_is_that_of_the_kept_frame() {
    let body = "{\"create\":{}}\n[]\n{\"create\":{}}\n{}\n";
    assert_eq!(answered(body, "items.*._id")["items"][1]["create"]["_id"], json!(id(0)));
}

#[test]
fn a_filter_leaves_what_it_names() {
    let body = "{\"index\":{}}\n{}\n{\"create\":{}}\n{}\n";
    let full = answered(body, "");
    assert_eq!(
        full["items"][1]["create"],
        json!({"_index": "logs-app-default", "_id": id(1), "_version": 1, "result": "created",
            "_shards": {"total": 1, "successful": 1, "failed": 0}, "_seq_no": 0, "_primary_term": 1, "status": 201})
    );
    assert_eq!(answered(body, "errors,items.*.error"), json!({"errors": false}));
    assert_eq!(answered(body, "took"), json!({"took": 3}));
    assert_eq!(answered(body, "nothing"), json!({}));
    assert_eq!(
        answered(body, "items.create.status,items.*._shards.failed"),
        json!({"items": [{"index": {"_shards": {"failed": 0}}}, {"create": {"_shards": {"failed": 0}, "status": 201}}]})
    );
}

#[test]
fn a_request_that_cannot_be_taken_is_refused_in_elasticsearchs_words() {
    let many = "[".repeat(60);
    let deep = format!("{{\"create\":{{\"dynamic_templates\":{many}}}}}\n");
    let cases = [
        ("", "Validation Failed: 1: no requests added;"),
        ("\n\n", "Validation Failed: 1: no requests added;"),
        ("[1]\n{}\n", "Malformed action/metadata line [1], expected START_OBJECT but found [START_ARRAY]"),
        ("{}\n{}\n", "Malformed action/metadata line [1], expected FIELD_NAME but found [END_OBJECT]"),
        ("{\"create\":[]}\n", "Malformed action/metadata line [1], expected START_OBJECT but found [START_ARRAY]"),
        (
            "{\"create\":{\"_index\":\"a\"}}\n{}\n{\"upsert\":{}}\n",
            "Malformed action/metadata line [3], expected field [create], [delete], [index] or [update] but found [upsert]",
        ),
        ("{\"create\":{\"foo\":1}}\n{}\n", "Action/metadata line [1] contains an unknown parameter [foo]"),
        (
            "{\"create\":{\"_id\":[1]}}\n{}\n",
            "Malformed action/metadata line [1], expected a simple value for field [_id] but found [START_ARRAY]",
        ),
        (
            "{\"create\":{}, \"index\":{}}\n",
            "Malformed action/metadata line [1], expected END_OBJECT but found [FIELD_NAME]",
        ),
        ("{\"create\":{}}\n{}\n", "Validation Failed: 1: index is missing;"),
        (&deep, "Malformed action/metadata line [1], nested too deep at byte 61"),
    ];
    for (body, wanted) in cases {
        let refused = walk(body.as_bytes(), None, &Limits::default()).expect_err(body);
        assert_eq!(refused.what, wanted, "{body}");
        let body: Value = serde_json::from_slice(&error(&refused)).unwrap();
        assert_eq!((&body["status"], &body["error"]["root_cause"][0]["reason"]), (&json!(400), &json!(wanted)));
    }
}

#[test]
fn one_bad_document_is_refused_alone() {
    let deep = format!("{}{}", "{\"a\":".repeat(33), "}".repeat(33));
    let long_id = format!("{{\"_id\":\"{}\"}}", "x".repeat(513));
    let cases = [
        ("{}", "", "the request ends where"),
        ("{}", "\n", "unexpected end of line"),
        ("{}", "[1]\n", "unexpected character"),
        ("{}", "{\"a\":01}\n", "[1:8] failed to parse"),
        ("{}", "{\"a\":1} x\n", "unexpected character"),
        ("{}", "{\"a\":\"\t\"}\n", "control character"),
        ("{}", "{\"a\":\"\\x\"}\n", "invalid escape"),
        ("{}", "{\"a\":NaN}\n", "unexpected character"),
        ("{}", &deep, "nested too deep"),
        ("{\"_id\":\"\"}", "{}\n", "must not be empty"),
        (&long_id, "{}\n", "too long"),
        ("{\"version\":1}", "{}\n", "versioning"),
        ("{\"_index\":\"a,b\"}", "{}\n", "must not contain"),
    ];
    for (parameters, source, why) in cases {
        let found = walked(&format!("{{\"create\":{parameters}}}\n{source}"));
        let reason = &found.items[0].refusal.as_ref().expect(source).reason;
        assert!(reason.contains(why), "{reason} for {source}");
        assert_eq!((found.walked.items, found.walked.kept.as_deref()), (0, Some(&b""[..])));
    }
    let found =
        walk(b"{\"create\":{}}\n{\"a\":\"\xff\"}\n{\"create\":{}}\n{}\n", Some("a"), &Limits::default()).unwrap();
    assert_eq!((found.walked.items, found.walked.kept.as_deref()), (1, Some(&b"{\"create\":{}}\n{}\n"[..])));
}

#[test]
fn defaults_survive_the_journal() {
    for defaults in [
        Defaults::default(),
        Defaults { index: Some("logs"), ..Defaults::default() },
        Defaults { index: None, pipeline: Some("p"), routing: None },
        Defaults { index: Some("a"), pipeline: None, routing: Some("r") },
    ] {
        assert_eq!(Defaults::decode(&defaults.encode()), defaults);
    }
    assert_eq!(Defaults::decode(b"plain-index").index, Some("plain-index"));
}

/// JSON, nearly JSON, and bytes that look like neither.
fn texts() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        any::<f64>().prop_map(|number| Value::from(number).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
        "(true|false|null|nul|tru|\"\\\\u[0-9a-f]{0,5}\"|\"\\\\[a-z]\")",
    ];
    let nested = leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(" ,"))),
            prop::collection::vec((any::<String>(), inner), 0..5).prop_map(|members| {
                let members: Vec<_> =
                    members.into_iter().map(|(key, value)| format!("{}: {value}", Value::from(key))).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    (nested, any::<prop::sample::Index>(), "[\\]\\[{}\",:0-9a\\\\ ]?", any::<bool>()).prop_map(
        |(text, at, piece, mutate)| {
            let mut chars: Vec<char> = text.chars().collect();
            if mutate && !chars.is_empty() {
                let at = at.index(chars.len());
                chars.splice(at..=at, piece.chars());
            }
            chars.into_iter().collect()
        },
    )
}

proptest! {
    #[test]
    fn the_scanner_accepts_exactly_what_serde_json_does(text in texts().prop_filter("one line", |text| !text.contains('\n'))) {
        let mut scanner = Scanner::new(text.as_bytes(), 1024);
        let ours = scanner.value(0).is_ok() && scanner.peek().is_none();
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(ours, theirs, "{}", text);
    }

    #[test]
    fn garbage_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), tail in ".{0,80}") {
        let _ = walk(&bytes, Some("a"), &Limits::default());
        let mut almost = b"{\"create\":{".to_vec();
        almost.extend_from_slice(tail.as_bytes());
        let _ = walk(&almost, None, &Limits::default());
        items(&bytes).chain(items(&almost)).for_each(drop);
    }

    #[test]
    fn accepted_documents_come_out_as_they_went_in(
        documents in prop::collection::vec(prop::collection::btree_map(any::<String>(), any::<i64>(), 0..4), 1..8),
        ids in prop::collection::vec(prop::option::of("\\PC{1,9}"), 8),
    ) {
        let mut body = Vec::new();
        for (document, id) in documents.iter().zip(&ids) {
            let parameters = id.as_ref().map_or(json!({}), |id| json!({"_id": id}));
            body.extend(format!("{}\n{}\n", json!({"create": parameters}), json!(document)).into_bytes());
        }
        let found = walk(&body, Some("a"), &Limits::default()).unwrap();
        prop_assert_eq!((found.walked.items as usize, found.walked.kept), (documents.len(), None));
        for (item, (document, id)) in items(&body).zip(documents.iter().zip(&ids)) {
            prop_assert_eq!(item.action.id.map(|token| token.text().into_owned()), id.clone());
            prop_assert_eq!(serde_json::from_slice::<Value>(item.source).unwrap(), json!(document));
        }
    }
}
