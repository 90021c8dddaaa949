//! State over reloads and restarts.

use super::support::{Story, at, group};
use crate::model::alert::AlertState::{Firing, Pending, Resolved};
use crate::rule::load_rules;

const A: &str = r#"Hot{host="a"}"#;

fn rules(text: &str) -> Vec<(String, String)> {
    group("interval: 15s", text)
}

impl Story {
    fn reload(&mut self, seconds: f64, files: &[(String, String)]) {
        self.until(seconds);
        self.engine.load(load_rules(files).expect("loads"), at(seconds));
        self.until(seconds);
    }

    /// A new engine with the saved state, `down` seconds later.
    fn restart(&mut self, seconds: f64, down: f64, files: &[(String, String)]) -> Self {
        self.until(seconds);
        let saved = self.engine.state();
        let json = serde_json::to_string(&saved).expect("serializes");
        let mut story = Self::new(files);
        story.until(seconds + down - 0.001);
        story.told.clear();
        story.engine.restore(serde_json::from_str(&json).expect("reads back"), at(seconds + down));
        story
    }
}

#[test]
fn a_reload_keeps_the_state_of_what_did_not_change() {
    let mut story = Story::new(&rules("  - {alert: Hot, expr: temp > 90, for: 10s}\n"));
    story.push(1.0, "temp{host=a} 95");
    story.reload(5.0, &rules("  - {alert: Other, expr: x}\n  - {alert: Hot, expr: temp > 91, for: 10s}\n"));
    story.want(10.999, Pending, &[A]);
    story.want(11.0, Firing, &[A]);
    story.reload(12.0, &rules("  - {alert: Hot, expr: temp > 91, for: 20s}\n"));
    story.push(13.0, "temp{host=a} 95");
    story.want(13.0, Pending, &[A]);
    story.want(21.0, Firing, &[A]);
    story.reload(22.0, &rules("  - {alert: Hot, expr: temp > 91, labels: {new: x}}\n"));
    story.want(22.0, Firing, &[]);
    assert_eq!(story.told().last(), Some(&(22.0, Resolved, A.to_owned())));
    story.push(23.0, "temp{host=a} 95");
    story.want(23.0, Firing, &[r#"Hot{host="a", new="x"}"#]);
}

#[test]
fn a_reload_makes_series_wanted_that_were_not() {
    let mut story = Story::new(&rules("  - {alert: Hot, expr: temp > 90}\n"));
    story.push(1.0, "load 5\ntemp{host=a} 95");
    story.reload(2.0, &rules("  - {alert: Busy, expr: load > 3}\n"));
    story.push(3.0, "load 5\ntemp{host=a} 95");
    story.want(3.0, Firing, &["Busy"]);
}

#[test]
fn a_recorded_series_whose_rule_is_gone_ends() {
    let with = "  - {record: copy, expr: temp}\n  - {alert: Copy, expr: copy > 0}\n";
    let mut story = Story::new(&rules(with));
    story.push(1.0, "temp 95");
    story.want(20.0, Firing, &["Copy"]);
    story.reload(21.0, &rules("  - {alert: Copy, expr: copy > 0}\n"));
    story.want(36.0, Firing, &[]);
}

#[test]
fn a_restart_goes_on_and_time_down_does_not_count() {
    let files = rules("  - {alert: Hot, expr: temp > 90, for: 60s}\n");
    let mut story = Story::new(&files);
    story.push(1.0, "temp{host=a} 95");
    let mut after = story.restart(31.0, 100.0, &files);
    after.push(131.0, "temp{host=a} 95");
    after.want(160.9, Pending, &[A]);
    after.want(161.0, Firing, &[A]);
    let mut later = after.restart(170.0, 5.0, &files);
    later.push(175.0, "temp{host=a} 95");
    later.want(175.0, Firing, &[A]);
    assert_eq!(later.told(), [], "it was told before");
    later.push(176.0, "temp{host=a} 1");
    later.want(176.0, Resolved, &[A]);
}

#[test]
fn a_firing_alert_waits_for_its_senders_after_an_outage() {
    let files = rules("  - {alert: Hot, expr: temp > 90}\n");
    let mut story = Story::new(&files);
    story.push(1.0, "temp{host=a} 95");
    let mut after = story.restart(2.0, 1000.0, &files);
    after.want(1031.0, Firing, &[A]);
    after.want(1033.0, Resolved, &[A]);
    let long = story.restart(2.0, 7200.0, &rules("  - {alert: Hot, expr: temp > 90, for: 60s}\n"));
    assert_eq!(long.engine.alerts().len(), 1, "a firing alert is never forgotten silently");
}

#[test]
fn pending_alerts_are_given_up_after_an_hour() {
    let files = rules("  - {alert: Hot, expr: temp > 90, for: 60s}\n");
    let mut story = Story::new(&files);
    story.push(1.0, "temp{host=a} 95");
    assert_eq!(story.restart(31.0, 3600.0, &files).engine.alerts().len(), 1);
    assert_eq!(story.restart(31.0, 3601.0, &files).engine.alerts().len(), 0);
}
