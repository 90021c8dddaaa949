//! What is read, what is refused, in which words.

use std::path::Path;

use super::*;
use crate::alert::route::GroupBy;
use crate::model::labels::Labels;
use crate::yaml::Problems;

fn read(text: &str) -> (Option<Config>, String) {
    let mut problems = Problems::new();
    let config = load(text, Path::new("/etc/am"), &mut problems);
    (config, problems.print("am.yml"))
}

const FULL: &str = "
global:
  resolve_timeout: 5m
  smtp_smarthost: mail:25
route:
  receiver: all
  group_by: [alertname, cluster]
  group_wait: 0s
  routes:
    - matchers: [ 'severity=\"critical\"', 'team=~pay|shop' ]
      receiver: pager
      group_by: ['...']
      repeat_interval: 1d
      continue: true
      routes:
        - match: { env: dev }
          match_re: { job: 'a|b' }
          group_by: []
    - receiver: 'null'
      matchers: [ '{kind=business}' ]
receivers:
  - name: all
    webhook_configs:
      - url: http://user:pw@127.0.0.1:5001/hook?token=x
        max_alerts: 3
        timeout: 5s
  - name: pager
    webhook_configs:
      - url_file: secret/url
        send_resolved: false
        http_config:
          follow_redirects: false
          authorization: { credentials_file: /run/token }
      - url: https://b/
        http_config: { basic_auth: { username: u, password: verysecret } }
  - name: 'null'
inhibit_rules: []
templates:
";

#[test]
fn reads_the_whole_of_it() {
    let (config, said) = read(FULL);
    assert_eq!(said, "am.yml:4:3: warning: `global.smtp_smarthost` has no effect, its notifier is not yet supported\n");
    let config = config.expect("a valid file");
    let route = &config.route;
    assert_eq!((&*route.key, route.options.group_wait, route.options.group_interval), ("{}", 0, 300_000));
    let pager = &route.routes[0];
    assert_eq!(&*pager.key, r#"{}/{severity="critical",team=~"pay|shop"}"#);
    assert_eq!((pager.options.group_wait, pager.options.repeat_interval), (0, 86_400_000));
    assert_eq!(pager.options.group_by, GroupBy::All);
    let dev = &pager.routes[0];
    assert_eq!(&*dev.key, r#"{}/{severity="critical",team=~"pay|shop"}/{env="dev",job=~"^(?:a|b)$"}"#);
    assert_eq!((&*dev.options.receiver, &dev.options.group_by), ("pager", &GroupBy::Labels([].into())));
    let hook = &config.receivers[0].webhooks[0];
    assert!(hook.send_resolved && hook.max_alerts == 3 && hook.timeout == Some(Duration::from_secs(5)));
    let hook = &config.receivers[1].webhooks[0];
    assert_eq!(hook.url, Source::File("/etc/am/secret/url".into()));
    assert!(!hook.send_resolved && !hook.http.follow_redirects);
}

#[test]
fn routes_as_alertmanager_does() {
    let config = read(FULL).0.expect("a valid file");
    let receivers = |pairs: &[(&str, &str)]| {
        let labels = Labels::from_pairs(pairs.iter().copied());
        let found = config.route.matching(&labels);
        found.iter().map(|route| format!("{} {}", route.options.receiver, route.key)).collect::<Vec<_>>()
    };
    assert_eq!(receivers(&[("x", "y")]), ["all {}"]);
    let critical = [("severity", "critical"), ("team", "shop"), ("kind", "business")];
    assert_eq!(
        receivers(&critical),
        [r#"pager {}/{severity="critical",team=~"pay|shop"}"#, r#"null {}/{kind="business"}"#]
    );
    let dev = [("severity", "critical"), ("team", "pay"), ("env", "dev"), ("job", "b")];
    assert_eq!(receivers(&dev).len(), 1);
    assert!(receivers(&dev)[0].contains("env="));
}

#[test]
fn no_secret_is_ever_printed() {
    let (config, _) = read(FULL);
    let printed = format!("{config:?}");
    for secret in ["token=x", "pw@", "verysecret"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    let (_, said) =
        read("route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'ftp://h/verysecret'}]}]");
    assert_eq!(said, "am.yml:2:47: the URL must begin with http:// or https://\n");
}

/// Wraps a piece of a receiver's webhook, or of the root route.
fn webhook(text: &str) -> String {
    format!("route: {{receiver: a}}\nreceivers:\n- name: a\n  webhook_configs:\n  - {text}\n")
}

fn route(text: &str) -> String {
    format!("receivers: [{{name: a}}]\nroute:\n  receiver: a\n  {text}\n")
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let cases = [
        (String::new(), "am.yml:1:1: the file is empty, write at least `route: {receiver: NAME}` and `receivers:`"),
        ("receivers: [{name: a}]".into(), "am.yml:1:1: `route` is missing, write `route: …`"),
        ("route: {}".into(), "am.yml:1:8: the root route must name a default receiver, write `receiver: NAME`"),
        (
            "route: {receiver: teem}\nreceivers: [{name: team}]".into(),
            "am.yml:1:19: receiver `teem` is not defined, did you mean `team`?",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]".into(),
            "am.yml:2:24: receiver name `a` is used twice, receivers need names of their own",
        ),
        (
            route("group_intervall: 5m"),
            "am.yml:4:3: unknown key `group_intervall` in `route`, did you mean `group_interval`?",
        ),
        (route("group_interval: 0s"), "am.yml:4:19: `group_interval` must be longer than 0, write for example 1s"),
        (route("matchers: [a=b]"), "am.yml:4:3: the root route takes every alert, move `matchers` into a child route"),
        (route("continue: true"), "am.yml:4:3: the root route has no siblings, remove `continue`"),
        (route("group_by: ['...', a]"), "am.yml:4:13: `...` groups by all labels, write it alone or write labels only"),
        (route("group_by: [a, a]"), "am.yml:4:17: label `a` stands twice in `group_by`, remove one"),
        (
            route("routes: [{matchers: ['a=~\"(\"']}]"),
            "am.yml:4:24: not a matcher: `(` is not a regular expression: unclosed group",
        ),
        (route("routes: [{match: {'a-b': c}}]"), "am.yml:4:21: `a-b` is not a label name"),
        (
            route("routes: [{mute_time_intervals: [night]}]"),
            "am.yml:4:13: `route.routes[0].mute_time_intervals` is not yet supported, remove it",
        ),
        (webhook("send_resolved: true"), "am.yml:5:5: a webhook needs `url` or `url_file`"),
        (
            webhook("url: 'http://a'\n    url_file: b"),
            "am.yml:5:10: a webhook takes `url` or `url_file`, not both: remove one",
        ),
        (webhook("url: http://"), "am.yml:5:10: the URL names no host, write http://HOST:PORT/PATH"),
        (
            webhook("url: http://a\n    http_config: {tls_config: {insecure_skip_verify: true}}"),
            "am.yml:6:19: `receivers[0].webhook_configs[0].http_config.tls_config` is not yet supported, remove it",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a, email_configs: [{to: b}]}]".into(),
            "am.yml:2:23: `receivers[0].email_configs` is not yet supported, remove it",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{}]".into(),
            "am.yml:3:1: `inhibit_rules` is not yet supported, remove it",
        ),
    ];
    for (text, want) in cases {
        let (config, said) = read(&text);
        assert!(config.is_none(), "{text}");
        assert_eq!(said.trim_end(), want, "of\n{text}");
    }
}

#[test]
fn all_mistakes_at_once() {
    let (_, said) = read("route:\n  group_wait: soon\n  routs: []\nreceivers:\n  - webhook_configs: [{}]\n");
    assert_eq!(said.lines().count(), 5, "{said}");
}
