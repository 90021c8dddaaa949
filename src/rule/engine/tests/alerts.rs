//! One alert's life, from the sample that starts it to the end of its retention.

use super::support::{START, Story, at, group};
use crate::model::alert::AlertState::{Firing, Pending, Resolved};

fn threshold(rest: &str) -> Story {
    Story::new(&group("interval: 15s", &format!("  - {{alert: Hot, expr: temp > 90{rest}}}\n")))
}

const A: &str = r#"Hot{host="a"}"#;
const B: &str = r#"Hot{host="b"}"#;

#[test]
fn a_threshold_fires_with_the_very_sample_and_resolves_with_the_next() {
    let mut story = threshold("");
    story.push(1.0, "temp{host=a} 50\ntemp{host=b} 95");
    assert_eq!(story.told(), [(1.0, Firing, B.to_owned())]);
    assert_eq!(story.told[0].1.received_at, Some(at(1.0)));
    story.push(2.5, "temp{host=b} 89");
    assert_eq!(story.told()[1..], [(2.5, Resolved, B.to_owned())]);
}

#[test]
fn for_ends_exactly_and_a_dip_starts_it_anew() {
    let mut story = threshold(", for: 10s");
    story.push(1.0, "temp{host=a} 95");
    story.want(10.999, Pending, &[A]);
    story.want(11.0, Firing, &[A]);
    assert_eq!(story.told[1].1.received_at, None, "no request made it fire");
    story.push(12.0, "temp{host=a} 10");
    story.push(13.0, "temp{host=a} 95");
    story.push(14.0, "temp{host=a} 10");
    story.push(15.0, "temp{host=a} 95");
    story.want(24.9, Firing, &[]);
    story.want(25.0, Firing, &[A]);
}

#[test]
fn keep_firing_for_bridges_a_gap_and_ends_exactly() {
    let mut story = threshold(", keep_firing_for: 10s");
    story.push(1.0, "temp{host=a} 95");
    story.push(2.0, "temp{host=a} 10");
    story.push(5.0, "temp{host=a} 95");
    story.push(6.0, "temp{host=a} 10");
    story.want(15.999, Firing, &[A]);
    story.want(16.0, Resolved, &[A]);
    assert_eq!(story.told().len(), 2);
}

#[test]
fn a_stale_marker_resolves_at_once_and_silence_after_the_lookback() {
    let mut story = threshold("");
    story.push(1.0, "temp{host=a} 95\ntemp{host=b} 95");
    story.push(2.0, "temp{host=a} stale");
    story.want(2.0, Resolved, &[A]);
    story.want(300.999, Firing, &[B]);
    story.want(301.0, Firing, &[]);
}

#[test]
fn a_resolved_alert_stays_15_minutes_and_firing_again_is_a_new_one() {
    let mut story = threshold("");
    story.push(1.0, "temp{host=a} 95\ntemp{host=b} 95");
    story.push(2.0, "temp{host=a} 1\ntemp{host=b} 1");
    story.push(60.0, "temp{host=a} 99");
    let again = &story.told.last().expect("told").1;
    assert_eq!((again.state, again.active_at, again.resolved_at), (Firing, at(60.0), None));
    story.want(880.0, Resolved, &[A, B]);
    story.want(920.0, Resolved, &[A]);
    story.want(1300.0, Resolved, &[]);
}

#[test]
fn samples_dated_ahead_wait_for_their_time() {
    let mut story = threshold("");
    story.push(1.0, "temp{host=a} 95 @7.5");
    story.want(7.499, Firing, &[]);
    story.want(7.5, Firing, &[A]);
    story.push(8.0, "temp{host=b} 95\ntemp{host=b} 1 @9");
    story.want(8.0, Firing, &[A, B]);
    story.want(9.0, Firing, &[A]);
}

#[test]
fn query_offset_and_offset_shift_the_instant() {
    let files =
        group("query_offset: 10s", "  - {alert: Hot, expr: temp > 90}\n  - {alert: Was, expr: temp offset 20s > 90}\n");
    let mut story = Story::new(&files);
    story.push(1.0, "temp 95");
    story.want(10.999, Firing, &[]);
    story.want(11.0, Firing, &["Hot"]);
    story.want(31.0, Firing, &["Hot", "Was"]);
}

#[test]
fn what_depends_on_several_series_settles_a_second() {
    let rules = "  - {alert: Few, expr: count(up) < 3}\n";
    let mut story = Story::new(&group("interval: 1h", rules));
    story.push(1.0, "up{i=a} 1\nup{i=b} 1");
    story.push(1.9, "up{i=c} 1");
    story.want(10.0, Firing, &[]);
    let rule = &story.engine.groups()[0].rules[0];
    assert_eq!((rule.evaluations.data, rule.partitions), (1, 1));
}

#[test]
fn absence_is_seen_exactly_when_the_last_sample_leaves() {
    let rules = "  - {alert: Silent, expr: 'absent_over_time(beat[15s])'}\n";
    let mut story = Story::new(&group("interval: 1h", rules));
    story.push(1.0, "beat 1");
    story.push(10.0, "beat 1");
    story.want(24.999, Firing, &[]);
    story.want(25.0, Firing, &["Silent"]);
    story.push(30.0, "beat 1");
    story.want(31.0, Firing, &[]);
}

#[test]
fn on_tick_is_prometheus_cadence_exactly() {
    let mut story = Story::new(&group("evaluate: on_tick", "  - {alert: Hot, expr: temp > 90}\n"));
    let tick = story.engine.next_due().expect("a tick");
    assert!(tick > START && tick <= at(15.0));
    story.push(0.0, "temp 95");
    story.until((tick - START - 1) as f64 / 1000.0);
    assert_eq!(story.told(), []);
    story.until(15.0);
    assert_eq!(story.told[0].0, tick);
    assert_eq!(story.engine.next_due(), Some(tick + 15_000));
}

#[test]
fn labels_are_expanded_and_an_empty_one_is_dropped() {
    let rules = r#"
  - alert: Hot
    expr: temp > 90
    labels: { where: '{{ $labels.rack }}', tier: '{{ $labels.host | toUpper }}', host: '' }
    annotations: { summary: '{{ $value }} at {{ $labels.host }}' }
"#;
    let mut story = Story::new(&group("labels: { team: ops }", rules));
    story.push(1.0, "temp{host=a} 95");
    let alert = &story.told[0].1;
    assert_eq!(alert.labels.to_string(), r#"{alertname="Hot", team="ops", tier="A"}"#);
    assert_eq!(alert.annotations.get("summary"), "95 at a");
}

#[test]
fn alerts_with_the_same_labels_are_an_error_that_keeps_what_was() {
    let rules = "  - {alert: Hot, expr: temp > 90, labels: {host: one}}\n";
    let mut story = Story::new(&group("", rules));
    story.push(1.0, "temp{host=a,zone=x} 95\ntemp{host=a,zone=y} 95");
    story.want(2.0, Firing, &[r#"Hot{host="one", zone="x"}"#, r#"Hot{host="one", zone="y"}"#]);
    story.push(3.0, "temp{host=b,zone=x} 95");
    story.want(4.0, Firing, &[r#"Hot{host="one", zone="x"}"#, r#"Hot{host="one", zone="y"}"#]);
    let rule = &story.engine.groups()[0].rules[0];
    assert_eq!(rule.health.name(), "err");
    assert!(
        rule.last_error.as_deref().is_some_and(|error| error.contains("same labelset after applying alert labels"))
    );
    story.push(5.0, "temp{host=b,zone=x} 1\ntemp{host=a,zone=y} 1");
    story.want(6.0, Firing, &[r#"Hot{host="one", zone="x"}"#]);
}

#[test]
fn duplicates_on_one_side_are_an_error_when_the_other_side_is_elsewhere() {
    let rules = "  - {alert: Both, expr: temp * on (host) max_temp > 90}\n";
    let mut story = Story::new(&group("interval: 5s", rules));
    story.push(1.0, "max_temp{host=b,zone=x} 2\nmax_temp{host=b,zone=y} 2");
    story.until(11.0);
    let health = |story: &Story| story.engine.groups()[0].rules[0].health.name();
    assert_eq!(health(&story), "ok", "nothing stands on the other side");
    story.push(12.0, "temp{host=a} 95\nmax_temp{host=a} 1");
    story.want(22.0, Firing, &[r#"Both{host="a"}"#]);
    assert_eq!(health(&story), "err");
    let error = story.engine.groups()[0].rules[0].last_error.clone().unwrap_or_default();
    assert!(error.starts_with("found duplicate series for the match group {host=\"b\"}"), "{error}");
    story.push(23.0, "temp{host=a} stale");
    story.until(33.0);
    assert_eq!(health(&story), "ok");
}

#[test]
fn more_than_the_limit_drops_all_without_a_word() {
    let mut story = Story::new(&group("limit: 1", "  - {alert: Hot, expr: temp > 90}\n"));
    story.push(1.0, "temp{host=a} 95");
    story.push(2.0, "temp{host=b} 95");
    story.want(2.0, Firing, &[]);
    assert_eq!(story.told().len(), 1);
    assert_eq!(story.engine.groups()[0].rules[0].last_error.as_deref(), Some("exceeded limit of 1 with 2 alerts"));
    story.push(3.0, "temp{host=a} 1");
    story.want(3.0, Firing, &[B]);
}

#[test]
fn an_expression_without_series_holds_from_load_on() {
    let mut story =
        Story::new(&group("", "  - {alert: Always, expr: vector(1)}\n  - {alert: Gone, expr: absent(beat)}\n"));
    story.want(15.0, Firing, &["Always", "Gone"]);
    story.push(16.0, "beat 1");
    story.want(17.0, Firing, &["Always"]);
}
