//! What rules make and other rules read.

use super::support::{Story, at, group, stage};
use crate::model::alert::AlertState::{Firing, Resolved};
use crate::rule::{Outputs, Settings};

const CHAIN: &str = "
  - {record: 'job:errors:sum', expr: sum by (job) (errors)}
  - {record: 'job:errors:twice', expr: 2 * job:errors:sum}
  - {alert: Errors, expr: 'job:errors:twice > 10'}
";

#[test]
fn a_chain_of_rules_is_evaluated_between_ticks() {
    let mut story = Story::new(&group("interval: 1h", CHAIN));
    story.push(1.0, "errors{job=a,i=1} 2\nerrors{job=a,i=2} 2");
    story.push(5.0, "errors{job=a,i=1} 5");
    story.until(6.0);
    assert_eq!(story.told(), [(6.0, Firing, r#"Errors{job="a"}"#.to_owned())]);
    assert_eq!(story.told[0].1.received_at, Some(at(5.0)), "the request that caused it all the way up");
    assert_eq!(story.told[0].1.value, 14.0);
    story.push(8.0, "errors{job=a,i=1} 0");
    story.want(9.0, Resolved, &[r#"Errors{job="a"}"#]);
}

#[test]
fn only_ticks_enter_history() {
    let rules = "
  - {record: copy, expr: temp}
  - {alert: Many, expr: 'count_over_time(copy[1h]) > 3'}
";
    let mut story = Story::new(&group("interval: 15s", rules));
    for second in 1..=8 {
        story.push(f64::from(second), &format!("temp {second}"));
    }
    story.want(8.5, Firing, &[]);
    story.want(120.0, Firing, &["Many"]);
}

#[test]
fn an_output_that_is_gone_is_stale_at_the_next_tick() {
    let rules = "
  - {record: hot, expr: temp > 90}
  - {alert: Hot, expr: hot}
  - {alert: Was, expr: 'count_over_time(hot[1m])'}
";
    let mut story = Story::new(&group("interval: 15s", rules));
    story.push(1.0, "temp 95");
    story.want(1.0, Firing, &["Hot", "Was"]);
    story.push(20.0, "temp 10");
    story.want(20.0, Resolved, &["Hot"]);
    story.want(40.0, Firing, &["Was"]);
    story.want(120.0, Firing, &[]);
}

#[test]
fn alerts_are_series_at_ticks() {
    let rules = "
  - {alert: Hot, expr: temp > 90, for: 30s}
  - {alert: Meta, expr: 'ALERTS{alertname=\"Hot\", alertstate=\"firing\"}'}
  - {alert: Since, expr: 'ALERTS_FOR_STATE{alertname=\"Hot\"} > 0'}
";
    let mut story = Story::new(&group("interval: 15s", rules));
    story.push(1.0, "temp{host=a} 95");
    story.want(20.0, Firing, &[r#"Since{host="a"}"#]);
    story.want(60.0, Firing, &[r#"Hot{host="a"}"#, r#"Meta{alertstate="firing", host="a"}"#, r#"Since{host="a"}"#]);
    story.push(61.0, "temp{host=a} 1");
    story.want(61.0, Firing, &[r#"Meta{alertstate="firing", host="a"}"#, r#"Since{host="a"}"#]);
    story.want(76.0, Firing, &[]);
}

#[test]
fn a_rule_that_reads_itself_or_a_later_one_sees_the_last_tick() {
    let rules = "
  - {record: count, expr: count + 1 or vector(1)}
  - {record: early, expr: late}
  - {record: late, expr: temp}
  - {alert: Counted, expr: count >= 4}
  - {alert: Early, expr: early > 90}
";
    let mut story = Story::new(&group("interval: 15s", rules));
    story.push(0.5, "temp 95");
    story.want(15.0, Firing, &[]);
    story.want(30.0, Firing, &["Early"]);
    story.want(44.0, Firing, &["Early"]);
    story.want(60.0, Firing, &["Counted", "Early"]);
}

#[test]
fn recorded_labels_and_duplicates_follow_prometheus() {
    let rules = "
  - {record: out, expr: temp, labels: {tier: gold, host: ''}}
  - {alert: Out, expr: out > 0}
";
    let mut story = Story::new(&group("interval: 15s", rules));
    story.push(1.0, "temp{host=a,zone=x} 95");
    story.want(1.0, Firing, &[r#"Out{tier="gold", zone="x"}"#]);
    story.push(2.0, "temp{host=b,zone=x} 95");
    story.want(16.0, Firing, &[r#"Out{tier="gold", zone="x"}"#]);
    let error = story.engine.groups()[0].rules[0].last_error.clone();
    assert!(error.is_some_and(|error| error.contains("same labelset after applying rule labels")));
}

#[test]
fn what_rules_read_is_kept_for_the_next_start_and_what_is_asked_for_forwarded() {
    let rules = "
  - {record: copy, expr: temp}
  - {record: unread, expr: temp}
  - {alert: Many, expr: 'count_over_time(copy[1h]) > 2'}
";
    let settings = Settings { outputs: Outputs::Wanted, ..Settings::default() };
    let mut story = Story::with(&group("interval: 15s", rules), settings.clone());
    for second in 1..=40 {
        story.push(f64::from(second), &format!("temp {second}"));
    }
    let made = story.engine.take_made();
    assert!(made.iter().all(|made| made.labels.metric() == "copy" && made.read && !made.forward), "{made:?}");
    assert!(made.len() >= 2, "two or three ticks within 40 s, wherever they fall: {made:?}");
    assert_eq!(story.engine.take_made(), [], "taken once");

    let mut next = Story::with(&group("interval: 15s", rules), settings.clone());
    let samples: Vec<_> = made.into_iter().map(|made| (made.labels, made.sample)).collect();
    let (staged, known) = stage(&samples);
    next.engine.replay(at(40.0), &staged, &mut |series| known[series.offset as usize].clone());
    next.push(41.0, "temp 41");
    next.want(56.0, Firing, &["Many"]);

    let mut sent = Story::with(&group("interval: 15s\n  forward: true", rules), settings);
    sent.push(1.0, "temp 1");
    sent.until(31.0);
    let made = sent.engine.take_made();
    let forwarded = |name| made.iter().filter(|made| made.forward && made.labels.metric() == name).count();
    assert_eq!((forwarded("copy"), forwarded("unread")), (2, 2), "{made:?}");
    assert_eq!(made.iter().filter(|made| made.read).count(), 2);
}
