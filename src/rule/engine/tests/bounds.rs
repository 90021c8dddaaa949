//! What is kept, and for how long.

use super::support::{Story, group};
use crate::model::alert::AlertState::Firing;
use crate::rule::Settings;

const RULES: &str = "  - {alert: Hot, expr: temp > 90}\n";

#[test]
fn series_without_readers_cost_no_window_and_silent_ones_are_forgotten() {
    let mut story = Story::new(&group("", RULES));
    for host in 0..100 {
        story.push(1.0, &format!("load{{host={host}}} 1\ntemp{{host={host}}} 1"));
    }
    let stats = story.engine.stats();
    assert_eq!((stats.series, stats.series_read, stats.partitions), (200, 100, 100));
    for minute in 1..60 {
        story.push(f64::from(minute) * 60.0, "temp{host=0} 1");
    }
    let stats = story.engine.stats();
    assert_eq!((stats.series, stats.series_read, stats.partitions), (1, 1, 1));
}

#[test]
fn a_series_too_many_is_counted_and_the_known_go_on() {
    let settings = Settings { series_max: 2, ..Settings::default() };
    let mut story = Story::with(&group("", RULES), settings);
    story.push(1.0, "temp{host=a} 95\ntemp{host=b} 1\ntemp{host=c} 95");
    story.want(1.0, Firing, &[r#"Hot{host="a"}"#]);
    assert_eq!(story.engine.stats().dropped_series_max, 1);
    story.push(2.0, "temp{host=b} 95");
    story.want(2.0, Firing, &[r#"Hot{host="a"}"#, r#"Hot{host="b"}"#]);
}

#[test]
fn windows_keep_within_their_bytes_by_giving_up_the_oldest() {
    let settings = Settings { window_bytes_max: 1024, ..Settings::default() };
    let mut story = Story::with(&group("", "  - {alert: Many, expr: 'count_over_time(temp[1h]) > 60'}\n"), settings);
    for second in 1..=100 {
        story.push(f64::from(second), "temp 1");
    }
    let stats = story.engine.stats();
    assert!(stats.window_bytes <= 1024, "{}", stats.window_bytes);
    assert!(stats.dropped_window_bytes > 0);
    story.want(100.0, Firing, &[]);
}

#[test]
fn late_and_repeated_samples_are_counted_by_reason() {
    let mut story = Story::new(&group("", RULES));
    story.push(600.0, "temp 95");
    story.push(601.0, "temp 1 @600\ntemp 95 @600\ntemp 1 @400\ntemp 1 @299\ntemp 1 @-1000");
    story.want(601.0, Firing, &["Hot"]);
    let stats = story.engine.stats();
    assert_eq!((stats.dropped_duplicate, stats.dropped_too_old, stats.samples_kept), (1, 0, 2));
}

#[test]
fn an_expensive_evaluation_is_repeated_no_sooner_than_twenty_times_its_duration() {
    let mut story = Story::new(&group("interval: 1h", RULES));
    let mut nanos = 0;
    let mut slow = || {
        nanos += 100_000_000;
        nanos
    };
    let at = super::support::at;
    let labels = [super::support::labels("temp")];
    for second in 1..=8 {
        let sample = crate::model::sample::Sample { timestamp_ms: at(f64::from(second)), value: 95.0 };
        let (staged, known) = super::support::stage(&[(labels[0].clone(), sample)]);
        let now = at(f64::from(second));
        story.engine.observe(now, now, &staged, &mut |_| known[0].clone());
        story.engine.run(now, &mut slow, &mut Vec::new());
    }
    // Each takes 100 ms, so that two seconds lie between them: at 1, 3, 5 and 7.
    assert_eq!(story.engine.stats().evaluations.data, 4);
}
