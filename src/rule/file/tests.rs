//! Rule files that load, those that do not, and the shipped ones.

use super::*;

fn load(text: &str) -> Result<RuleSet, Vec<String>> {
    let files = [("r.yml".to_owned(), text.to_owned())];
    load_rules(&files).map_err(|problems| problems.iter().map(|(file, problem)| problem.line(file)).collect())
}

#[test]
fn a_fixed_time_in_a_rule_is_refused_by_name() {
    let rule = |expr: &str| format!("groups:\n- name: g\n  rules:\n  - {{record: r, expr: '{expr}'}}\n");
    for expr in ["x @ 1609746000", "max_over_time((x @ 5)[1h:1m])"] {
        let problems = load(&rule(expr)).expect_err("refused");
        assert!(problems[0].contains("rules.backfill"), "{expr}: {problems:?}");
    }
    for expr in ["x @ end()", "max_over_time(x[1h:1m] @ start() offset 5m)"] {
        assert!(load(&rule(expr)).is_ok(), "{expr}");
    }
}

#[test]
fn reads_a_prometheus_rule_file() {
    let text = r#"
groups:
- name: payments
  interval: 30s
  query_offset: 5s
  limit: 10
  labels: { team: pay, severity: none }
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: { tier: one }
  - alert: Down
    expr: |
      job:up:sum
        == 0
    for: 1m30s
    keep_firing_for: 5m
    labels: { severity: critical }
    annotations: { summary: '{{ $labels.job }} is down' }
- name: empty
  rules:
"#;
    let set = load(text).expect("loads");
    assert_eq!(set.len(), (2, 2));
    let group = &set.groups[0];
    assert_eq!((group.interval, group.query_offset, group.limit), (Some(30_000), 5_000, 10));
    let down = &group.rules[1];
    assert_eq!(down.what, What::Alert { hold: 90_000, keep_firing: 300_000 });
    let labels: Vec<(&str, &str)> = down.labels.iter().map(|(name, value)| (name.as_str(), value.source())).collect();
    assert_eq!(labels, [("severity", "critical"), ("team", "pay")]);
    assert_eq!(load("").expect("an empty file is one without groups").len(), (0, 0));
}

#[test]
fn prints_every_problem_of_a_file_with_its_place() {
    let text = r#"groups:
- name: a
  intervall: 5s
  rules:
  - alert: A
    expr: up ==
  - alert: B
    record: b
    expr: up
  - expr: up
  - alert: C
  - record: d
    expr: up
    for: 5m
    annotations: { x: y }
  - alert: E
    expr: sum(rate(http_requests_total))
    annotations: { summary: '{{ query "up" }}' }
    labels: { __name__: x }
- name: a
  metrics: []
"#;
    let problems = load(text).expect_err("refused");
    let wanted = [
        ("r.yml:3:3:", "unknown key `intervall`"),
        ("r.yml:6:", "could not parse expression"),
        ("r.yml:7:5:", "only one of 'record' and 'alert' must be set"),
        ("r.yml:10:5:", "one of 'record' or 'alert' must be set"),
        ("r.yml:11:5:", "field 'expr' must be set in rule"),
        ("r.yml:14:5:", "invalid field 'for' in recording rule"),
        ("r.yml:15:5:", "invalid field 'annotations' in recording rule"),
        ("r.yml:17:20:", "could not parse expression"),
        ("r.yml:18:29:", "template function \"query\" is not yet supported"),
        ("r.yml:19:15:", "invalid label name"),
        ("r.yml:20:9:", "groupname: \"a\" is repeated in the same file"),
        ("r.yml:21:3:", "`metrics` is not yet supported"),
    ];
    assert_eq!(problems.len(), wanted.len(), "{problems:#?}");
    for (problem, (place, part)) in problems.iter().zip(wanted) {
        assert!(problem.starts_with(place) && problem.contains(part), "{problem}\nwants {place} {part}");
    }
}

#[test]
fn points_into_block_and_quoted_expressions() {
    let cases = [
        ("    expr: |\n      up\n        + nope(x)\n", "r.yml:6:11:"),
        ("    expr: 'up + nope(x)'\n", "r.yml:4:17:"),
        ("    expr: \"up + nope(x)\"\n", "r.yml:4:17:"),
        ("    expr: up + nope(x)\n", "r.yml:4:16:"),
    ];
    for (expr, place) in cases {
        let problems =
            load(&format!("groups:\n- name: a\n  rules:\n{}", expr.replacen("    ", "  - ", 1) + "    alert: A\n"))
                .expect_err("refused");
        assert!(problems[0].starts_with(place), "{expr}: {problems:?}");
    }
}

#[test]
fn a_rule_written_twice_is_a_warning() {
    let rule = "  - { alert: A, expr: up }\n";
    let set = load(&format!("groups:\n- name: a\n  rules:\n{rule}{rule}")).expect("loads");
    assert_eq!(set.warnings.len(), 1);
    assert!(set.warnings[0].1.warning);
}

#[test]
fn the_shipped_rules_load_and_say_what_they_are() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("alert-rules");
    let mut files = Vec::new();
    for kind in ["system", "business"] {
        for entry in std::fs::read_dir(root.join(kind)).expect("a folder").flatten() {
            let path = entry.path();
            files.push((format!("{kind}/{}", path.display()), std::fs::read_to_string(&path).expect("a rule file")));
        }
    }
    let set = load_rules(&files).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(set.warnings, []);
    assert!(set.len().1 >= 35, "{:?}", set.len());
    for group in &set.groups {
        for rule in group.rules.iter().filter(|rule| rule.what != What::Record) {
            for label in ["kind", "severity"] {
                assert!(rule.labels.iter().any(|(name, _)| name == label), "{} lacks {label}", rule.name);
            }
            for annotation in ["summary", "summary_zh"] {
                assert!(
                    rule.annotations.iter().any(|(name, _)| name == annotation),
                    "{} lacks {annotation}",
                    rule.name
                );
            }
            let kind = rule.labels.iter().find(|(name, _)| name == "kind").map(|(_, kind)| kind.source());
            assert!(kind.is_some_and(|kind| group.file.starts_with(kind)), "{} in {}", rule.name, group.file);
        }
    }
}
