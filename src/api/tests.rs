//! Requests and the exact bodies they get.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;
use crate::rule::engine::{Evaluations, Health, RuleKind, RuleState, RuleView, Selection};
use crate::rule::promql::Dialect;

const NOW: i64 = 1_700_000_000_250;

fn alert(channel: &str, state: AlertState) -> Alert {
    Alert {
        labels: Labels::from_pairs([("alertname", "Slow"), ("channel", channel)]),
        annotations: Labels::from_pairs([("summary", "slow")]),
        group: "shop".into(),
        expr: "x > 1".into(),
        state,
        value: 1.5,
        active_at: NOW,
        fired_at: None,
        resolved_at: None,
        keep_firing_since: None,
        received_at: None,
    }
}

fn alerting(state: RuleState, alerts: Vec<Alert>) -> RuleKind {
    RuleKind::Alerting { hold: 120_000, keep_firing: 0, annotations: Labels::default(), state, alerts }
}

fn rule(name: &str, kind: RuleKind) -> RuleView {
    RuleView {
        kind,
        name: name.into(),
        query: "x > 1".into(),
        labels: Labels::from_pairs([("severity", "page"), ("team", "{{ $labels.team }}")]),
        health: Health::Ok,
        last_error: None,
        evaluation_time: 0.0005,
        last_evaluation: Some(NOW),
        evaluations: Evaluations::default(),
        partitions: 1,
    }
}

fn group(name: &str, rules: Vec<RuleView>) -> GroupView {
    GroupView {
        name: name.into(),
        file: "rules.yaml".into(),
        interval: 15_000,
        limit: 0,
        evaluation_time: 0.001,
        last_evaluation: None,
        rules,
    }
}

fn groups() -> Vec<GroupView> {
    let alerts = vec![alert("card", AlertState::Firing), alert("cash", AlertState::Pending)];
    let recorded = RuleView { last_error: Some("broken".into()), ..rule("a:b", RuleKind::Recording) };
    vec![
        group("shop", vec![rule("Slow", alerting(RuleState::Firing, alerts)), recorded]),
        group("quiet", vec![rule("Quiet", alerting(RuleState::Inactive, vec![]))]),
    ]
}

fn querier() -> Querier {
    Querier::new(
        Arc::new(|_, _| Box::pin(async { Some(Selection::default()) })),
        Arc::new(|_, _| Box::pin(async { vec![Labels::from_pairs([("__name__", "up"), ("job", "a")])] })),
        Dialect::default(),
    )
}

fn state() -> State {
    State {
        groups: Arc::new(|| Box::pin(async { groups() })),
        metrics: Arc::new(|| "# EOF\n".into()),
        ready: Arc::new(|| Err("reading the journal".into())),
        reload: Arc::new(|| Box::pin(async { Err("a.yaml:1:1: wrong".into()) })),
        pipeline: Arc::new(|| json!({"accepted": 1})),
        querier: querier(),
        letters: Arc::new(|ask| Box::pin(async move { Ok(json!({ "asked": format!("{ask:?}") })) })),
        allowed: Arc::new(Allowed::new("http://gate:9480")),
    }
}

async fn ask(request: Request<Body>) -> (StatusCode, String) {
    let answer = router(state()).oneshot(request).await.expect("an answer");
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

async fn get(path: &str) -> (StatusCode, String) {
    ask(Request::get(path).header("host", "localhost:9480").body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn alerts_are_prometheus_byte_for_byte() {
    let want = concat!(
        r#"{"status":"success","data":{"alerts":["#,
        r#"{"labels":{"alertname":"Slow","channel":"card"},"annotations":{"summary":"slow"},"#,
        r#""state":"firing","activeAt":"2023-11-14T22:13:20.25Z","value":"1.5e+00"},"#,
        r#"{"labels":{"alertname":"Slow","channel":"cash"},"annotations":{"summary":"slow"},"#,
        r#""state":"pending","activeAt":"2023-11-14T22:13:20.25Z","value":"1.5e+00"}]}}"#,
    );
    assert_eq!(get("/api/v1/alerts").await, (StatusCode::OK, want.to_owned()));
}

#[tokio::test]
async fn rules_are_prometheus_byte_for_byte() {
    let want = concat!(
        r#"{"status":"success","data":{"groups":[{"name":"shop","file":"rules.yaml","rules":["#,
        r#"{"state":"firing","name":"Slow","query":"x > 1","duration":120,"keepFiringFor":0,"#,
        r#""labels":{"severity":"page","team":"{{ $labels.team }}"},"annotations":{},"alerts":null,"health":"ok","#,
        r#""evaluationTime":0.0005,"lastEvaluation":"2023-11-14T22:13:20.25Z","type":"alerting"},"#,
        r#"{"name":"a:b","query":"x > 1","labels":{"severity":"page","team":"{{ $labels.team }}"},"health":"ok","#,
        r#""lastError":"broken","evaluationTime":0.0005,"lastEvaluation":"2023-11-14T22:13:20.25Z","type":"recording"}],"#,
        r#""interval":15,"limit":0,"evaluationTime":0.001,"lastEvaluation":"0001-01-01T00:00:00Z"}]}}"#,
    );
    let got = get("/api/v1/rules?rule_group[]=shop&exclude_alerts=true").await;
    assert_eq!(got, (StatusCode::OK, want.to_owned()));
}

#[tokio::test]
async fn queries_are_prometheus_byte_for_byte() {
    let cases = [
        (
            "query?query=1%2B1&time=5.5",
            200,
            r#"{"status":"success","data":{"resultType":"scalar","result":[5.500,"2"]}}"#,
        ),
        (
            "query_range?query=time()&start=1&end=2.5&step=1s",
            200,
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[2,"2"]]}]}}"#,
        ),
        (
            "query?query=up&time=1",
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["only series that rules want are kept: none that this query selects"]}"#,
        ),
        (
            "query?query=1%20%2B&time=1",
            400,
            r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:4: parse error: unexpected end of expression, expected a metric, a function, a number or `(`"}"#,
        ),
        ("label/job/values", 200, r#"{"status":"success","data":["a"]}"#),
        ("series?match[]=up", 200, r#"{"status":"success","data":[{"__name__":"up","job":"a"}]}"#),
        (
            "labels?limit=1",
            200,
            r#"{"status":"success","data":["__name__"],"warnings":["results truncated due to limit"]}"#,
        ),
    ];
    for (path, status, want) in cases {
        let (code, body) = get(&format!("/api/v1/{path}")).await;
        assert_eq!((code.as_u16(), body.as_str()), (status, want), "{path}");
    }
}

/// The names of the rules that a query shows, by group.
async fn names(query: &str) -> String {
    let (status, body) = get(&format!("/api/v1/rules?{query}")).await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    if status != StatusCode::OK {
        return format!("{} {}", status.as_u16(), body["error"].as_str().unwrap_or_default());
    }
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let groups = list(&body["data"]["groups"]).into_iter().map(|group| {
        let rules = list(&group["rules"]).into_iter().map(|rule| rule["name"].as_str().unwrap_or_default().to_owned());
        format!("{}: {}", group["name"].as_str().unwrap_or_default(), rules.collect::<Vec<_>>().join(" "))
    });
    groups.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn rules_are_filtered() {
    let cases = [
        ("", "shop: Slow a:b, quiet: Quiet"),
        ("type=alert", "shop: Slow, quiet: Quiet"),
        ("type=RECORD", "shop: a:b"),
        ("type=x", r#"400 invalid parameter "type": not supported value "x""#),
        ("rule_name[]=Slow&rule_name[]=Quiet", "shop: Slow, quiet: Quiet"),
        ("rule_group%5B%5D=quiet", "quiet: Quiet"),
        ("file[]=other.yaml", ""),
        ("match[]={severity=%22page%22}", "shop: Slow a:b, quiet: Quiet"),
        ("match[]={severity=%22x%22}&match[]={severity=~%22p.*%22}", "shop: Slow a:b, quiet: Quiet"),
        ("match[]={team!=%22%22}", ""),
        ("match[]=up", "400 invalid parameter \"match[]\": `up` is not of the form {a=\"b\"}"),
        (
            "exclude_alerts=maybe",
            "400 invalid parameter \"exclude_alerts\": `maybe` is not a boolean, write true or false",
        ),
        ("group_limit=1", "shop: Slow a:b"),
        ("group_limit=0", "400 invalid parameter \"group_limit\": `0` is not a positive number"),
        (
            "group_next_token=x",
            "400 invalid parameter \"group_limit\": group_limit needs to be set in order to paginate over the groups",
        ),
    ];
    for (query, want) in cases {
        assert_eq!(names(query).await, want, "of {query}");
    }
    let (_, body) = get("/api/v1/rules?group_limit=1").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let token = body["data"]["groupNextToken"].as_str().expect("a token").to_owned();
    assert_eq!(names(&format!("group_limit=1&group_next_token={token}")).await, "quiet: Quiet");
}

#[tokio::test]
async fn the_rest_answers_as_its_callers_expect() {
    let (status, body) = get("/api/v1/rules/test/test").await;
    assert!(status == StatusCode::NOT_FOUND && body.contains("page not found"));
    let (status, body) = get("/nothing").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(body, r#"{"status":"error","errorType":"not_found","error":"page not found: /nothing"}"#);
    let (status, body) = get("/api/v1/status/buildinfo").await;
    assert!(status == StatusCode::OK && body.contains(r#""version":"3."#));
    assert_eq!(get("/metrics").await, (StatusCode::OK, "# EOF\n".into()));
    assert_eq!(get("/-/healthy").await.0, StatusCode::OK);
    let unready = "not ready: reading the journal\n".to_owned();
    assert_eq!(get("/-/ready").await, (StatusCode::SERVICE_UNAVAILABLE, unready));
    assert_eq!(get("/api/watchgate/v1/pipeline").await, (StatusCode::OK, r#"{"accepted":1}"#.into()));
    assert_eq!(get("/-/reload").await.0, StatusCode::METHOD_NOT_ALLOWED);
    let post = Request::post("/-/reload").header("host", "localhost").body(Body::empty()).expect("a request");
    let (status, body) = ask(post).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(body.ends_with("a.yaml:1:1: wrong\n"), "{body}");
}

#[tokio::test]
async fn strangers_are_refused() {
    let rebound = Request::get("/-/healthy").header("host", "evil.example").body(Body::empty()).expect("a request");
    assert_eq!(ask(rebound).await.0, StatusCode::FORBIDDEN);
    let page = Request::post("/-/reload").header("host", "localhost").header("origin", "http://evil.example");
    assert_eq!(ask(page.body(Body::empty()).expect("a request")).await.0, StatusCode::FORBIDDEN);
    let external = Request::get("/-/healthy").header("host", "gate:9480").header("origin", "http://gate:9480");
    assert_eq!(ask(external.body(Body::empty()).expect("a request")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn dead_letters_are_named_before_they_are_sent_or_deleted() {
    let request = |method: &str, path: &str| {
        let uri = format!("/api/watchgate/v1/dead-letters{path}");
        Request::builder().method(method).uri(uri).header("host", "localhost").body(Body::empty()).expect("a request")
    };
    for (method, path, status, part) in [
        ("GET", "", 200, "limit: 100"),
        ("GET", "?exporter=a&signal=logs&limit=7", 200, "limit: 7"),
        ("GET", "?limit=0", 400, "limit"),
        ("GET", "?signal=blogs", 400, "metrics, logs, traces"),
        ("GET", "/logs-0000000000000001-64", 200, "Show"),
        ("GET", "/7", 400, "names no dead letter"),
        ("POST", "/replay", 400, "all=true"),
        ("POST", "/replay?all=true", 200, "Replay"),
        ("DELETE", "", 400, "all=true"),
        ("DELETE", "?id=logs-0000000000000001-64,logs-0000000000000001-128", 200, "offset: 128"),
        ("DELETE", "?all=true&exporter=a", 200, "Purge"),
    ] {
        let (code, body) = ask(request(method, path)).await;
        assert!(code.as_u16() == status && body.contains(part), "{method} {path}: {code} {body}");
    }
}
