//! Test files that pass, fail and are refused; verdicts beside promtool's are in `tests/it`.

use super::*;
use crate::rule::load_rules;
use crate::yaml::Problems;

const RULES: &str = r#"
groups:
- name: g
  rules:
  - { record: 'job:up:sum', expr: sum by (job) (up) }
  - { alert: Down, expr: 'up == 0', for: 2m, annotations: { summary: 'down: {{ $labels.instance }}', empty: '' } }
  - { alert: Twice, expr: 'label_replace(up, "instance", "", "", "") > 1' }
"#;

fn outcome(tests: &str) -> Vec<Failure> {
    let rules = load_rules(&[("r.yml".to_owned(), RULES.to_owned())]).map_err(|_| vec!["rules".to_owned()]);
    let mut problems = Problems::new();
    let text = format!("evaluation_interval: 1m\ntests:\n{tests}");
    let file = TestFile::read(&text, &mut problems).unwrap_or_else(|| panic!("{}", problems.print("t.yml")));
    run(&file, &rules, &|_| true)
}

#[test]
fn passes_when_everything_is_as_wanted() {
    let tests = r#"
- interval: 30s
  input_series:
  - { series: 'up{job="a", instance="i"}', values: '1 0x20' }
  alert_rule_test:
  - { eval_time: 2m, alertname: Down }
  - eval_time: 3m
    alertname: Down
    exp_alerts: [{ exp_labels: { job: a, instance: i }, exp_annotations: { summary: 'down: i', empty: '' } }]
  promql_expr_test:
  - { expr: job:up:sum, eval_time: 4m, exp_samples: [{ labels: 'job:up:sum{job="a"}', value: 0 }] }
  - { expr: 'ALERTS{alertstate="pending"}', eval_time: 90s, exp_samples: [{ labels: 'ALERTS{alertname="Down", alertstate="pending", instance="i", job="a"}', value: 1 }] }
  - { expr: '1 + 1', exp_samples: [{ labels: '{}', value: 2 }] }
"#;
    assert_eq!(outcome(tests), Vec::<String>::new());
}

#[test]
fn says_what_differs_in_promtools_words() {
    let tests = r#"
- name: one
  input_series: [{ series: 'up{job="a"}', values: '0x9' }]
  alert_rule_test: [{ eval_time: 2m, alertname: Down, exp_alerts: [{ exp_labels: { job: b } }] }]
  promql_expr_test: [{ expr: up, eval_time: 1m, exp_samples: [{ labels: up, value: 1 }] }]
"#;
    let wanted = [
        "    name: one,\n    alertname: Down, time: 2m, \n        exp:[\n            0:\n              \
         Labels:{alertname=\"Down\", job=\"b\"}\n              Annotations:{}\n            ], \n        got:[\n            \
         0:\n              Labels:{alertname=\"Down\", job=\"a\"}\n              Annotations:{empty=\"\", summary=\"down: \"}\
         \n            ]",
        "    expr: \"up\", time: 1m,\n        exp: {__name__=\"up\"} 1E+00\n        got: {__name__=\"up\", job=\"a\"} 0E+00",
    ];
    assert_eq!(outcome(tests), wanted);
}

#[test]
fn an_error_of_a_rule_ends_the_test() {
    let tests = r#"
- input_series:
  - { series: 'up{instance="i"}', values: '_ 2 2' }
  - { series: 'up{instance="j"}', values: '_ 2 2' }
  promql_expr_test: [{ expr: up, eval_time: 2m }]
"#;
    let failures = outcome(tests);
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(failures[0].starts_with("    rule: Twice, time: 1m0s, err: "), "{failures:?}");
}
