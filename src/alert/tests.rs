//! Timelines: what is pushed when, and which notification must come when.

use std::path::Path;

use super::Dispatcher;
use super::config::{Config, load};
use super::decision::Reason;
use super::dispatcher::Notification;
use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;
use crate::model::time::Millis;
use crate::yaml::Problems;

/// Seconds since the beginning of the story.
#[derive(Clone, Copy)]
struct At(f64);

/// The seconds between which something must happen.
struct Between(f64, f64);

const START: Millis = 1_800_000_000_000;

fn millis(seconds: f64) -> Millis {
    #[expect(clippy::cast_possible_truncation, reason = "stories are short")]
    let offset = (seconds * 1000.0).round() as Millis;
    START + offset
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Fire(&'a str),
    Resolve(&'a str),
    Pend(&'a str),
    /// Every attempt fails from now on, or none.
    Failing(bool),
    /// Attempts take so many seconds from now on.
    Taking(f64),
    Reload(&'a str),
    /// The process dies and comes back.
    Restart,
    Reconcile(&'a [&'a str]),
}

/// `name` or `name/job`.
fn labels(name: &str) -> Labels {
    let (name, job) = name.split_once('/').unwrap_or((name, "shop"));
    Labels::from_pairs([("alertname", name), ("job", job)])
}

fn alert(name: &str, at: Millis, state: AlertState) -> Alert {
    Alert {
        labels: labels(name),
        annotations: Labels::default(),
        group: "g".into(),
        expr: "up == 0".into(),
        state,
        value: f64::NAN,
        active_at: at,
        fired_at: Some(at),
        resolved_at: (state == AlertState::Resolved).then_some(at),
        keep_firing_since: None,
        received_at: Some(at - 3),
    }
}

fn config(text: &str) -> Config {
    let mut problems = Problems::new();
    let config = load(text, Path::new("/"), &mut problems);
    config.unwrap_or_else(|| panic!("{}", problems.print("config")))
}

fn one_route(options: &str) -> String {
    format!("route: {{receiver: r, {options}}}\nreceivers: [{{name: r, webhook_configs: [{{url: 'http://h/'}}]}}]")
}

struct Story {
    dispatcher: Dispatcher,
    steps: Vec<(Millis, Step<'static>)>,
    wanted: Vec<(Millis, Millis, String)>,
}

impl Story {
    fn new(options: &str) -> Self {
        Self::with(&one_route(options))
    }

    fn with(text: &str) -> Self {
        Self { dispatcher: Dispatcher::new(config(text)), steps: Vec::new(), wanted: Vec::new() }
    }

    fn push(mut self, at: At, step: Step<'static>) -> Self {
        self.steps.push((millis(at.0), step));
        self
    }

    /// `reason: +fires -resolved`, in the order of the payload.
    fn want(mut self, between: Between, told: &str) -> Self {
        self.wanted.push((millis(between.0), millis(between.1), told.to_owned()));
        self
    }

    fn apply(&mut self, step: Step<'_>, now: Millis, network: &mut Network) {
        match step {
            Step::Fire(name) => self.dispatcher.on_alert(&alert(name, now, AlertState::Firing), now),
            Step::Resolve(name) => self.dispatcher.on_alert(&alert(name, now, AlertState::Resolved), now),
            Step::Pend(name) => self.dispatcher.on_alert(&alert(name, now, AlertState::Pending), now),
            Step::Failing(failing) => network.failing = failing,
            Step::Taking(seconds) => network.takes = millis(seconds) - START,
            Step::Reload(options) => self.dispatcher.reload(config(&one_route(options)), now),
            Step::Restart => {
                let saved = serde_json::to_string(&self.dispatcher.state()).expect("state is JSON");
                network.under_way.clear();
                let config = config(&one_route("group_wait: 1s, group_interval: 10s, repeat_interval: 60s"));
                self.dispatcher = Dispatcher::new(config);
                self.dispatcher.restore(serde_json::from_str(&saved).expect("state is read back"), now);
            }
            Step::Reconcile(names) => {
                let active: Vec<Alert> = names.iter().map(|name| alert(name, now, AlertState::Firing)).collect();
                self.dispatcher.reconcile(&active, now);
            }
        }
    }

    /// Plays the story to `end` and compares.
    fn play(mut self, end: At) {
        let mut network = Network::default();
        let mut told: Vec<(Millis, String)> = Vec::new();
        let mut steps = std::mem::take(&mut self.steps).into_iter().peekable();
        loop {
            let step_at = steps.peek().map(|(at, _)| *at);
            let next = [step_at, self.dispatcher.next_due(), network.next()].into_iter().flatten().min();
            let Some(now) = next.filter(|at| *at <= millis(end.0)) else { break };
            while let Some((_, step)) = steps.next_if(|(at, _)| *at <= now) {
                self.apply(step, now, &mut network);
            }
            for (id, ok) in network.arrived(now) {
                self.dispatcher.sent(id, now, ok);
            }
            for notification in self.dispatcher.due(now) {
                told.push((now, print(&notification)));
                network.under_way.push((now + network.takes, notification.id, !network.failing));
            }
        }
        let shown = || told.iter().map(|(at, what)| format!("{:.3} {what}", seconds(*at))).collect::<Vec<_>>();
        assert_eq!(told.len(), self.wanted.len(), "told {:#?}", shown());
        for ((at, what), (from, to, want)) in told.iter().zip(&self.wanted) {
            assert!(what == want && (from..=to).contains(&at), "want {want}\nin {:#?}", shown());
        }
    }
}

fn seconds(at: Millis) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "stories are short")]
    let seconds = (at - START) as f64 / 1000.0;
    seconds
}

/// Notifications under way: when each ends, and how.
#[derive(Default)]
struct Network {
    failing: bool,
    takes: Millis,
    under_way: Vec<(Millis, u64, bool)>,
}

impl Network {
    fn next(&self) -> Option<Millis> {
        self.under_way.iter().map(|(at, _, _)| *at).min()
    }

    fn arrived(&mut self, now: Millis) -> Vec<(u64, bool)> {
        let (done, rest) = self.under_way.drain(..).partition(|(at, _, _)| *at <= now);
        self.under_way = rest;
        let done: Vec<(Millis, u64, bool)> = done;
        done.into_iter().map(|(_, id, ok)| (id, ok)).collect()
    }
}

fn print(notification: &Notification) -> String {
    let alerts = notification.alerts.iter().map(|alert| {
        let sign = if alert.state == AlertState::Resolved { '-' } else { '+' };
        format!(" {sign}{}", alert.labels.get("alertname"))
    });
    format!("{}:{}", notification.reason.name(), alerts.collect::<String>())
}

const QUICK: &str = "group_wait: 1s, group_interval: 10s, repeat_interval: 60s";

#[test]
fn a_group_waits_for_its_first_alerts_and_tells_them_once() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(1.5), Step::Fire("b"))
        .push(At(3.0), Step::Fire("a"))
        .want(Between(2.0, 2.0), "first notification: +a +b")
        .play(At(60.0));
}

#[test]
fn no_wait_means_at_once() {
    Story::new("group_wait: 0s, group_interval: 10s")
        .push(At(1.0), Step::Fire("a"))
        .want(Between(1.0, 1.0), "first notification: +a")
        .play(At(60.0));
}

#[test]
fn later_alerts_wait_for_the_group_interval() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(3.0), Step::Fire("b"))
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(12.0, 12.0), "new alerts in group: +a +b")
        .play(At(60.0));
}

#[test]
fn unchanged_it_is_repeated_after_the_repeat_interval() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(62.0, 62.0), "repeat interval elapsed: +a")
        .want(Between(122.0, 122.0), "repeat interval elapsed: +a")
        .play(At(125.0));
}

#[test]
fn resolved_is_told_once_and_forgotten() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(1.0), Step::Fire("b"))
        .push(At(5.0), Step::Resolve("a"))
        .push(At(25.0), Step::Resolve("b"))
        .push(At(40.0), Step::Resolve("b"))
        .push(At(50.0), Step::Fire("b"))
        .want(Between(2.0, 2.0), "first notification: +a +b")
        .want(Between(12.0, 12.0), "new resolved alerts: -a +b")
        .want(Between(32.0, 32.0), "all alerts resolved: -b")
        .want(Between(51.0, 51.0), "first notification: +b")
        .play(At(100.0));
}

#[test]
fn what_fires_and_ends_within_the_wait_is_not_told() {
    Story::new(QUICK).push(At(1.0), Step::Fire("a")).push(At(1.5), Step::Resolve("a")).play(At(100.0));
    Story::new(QUICK).push(At(1.0), Step::Resolve("a")).push(At(2.0), Step::Pend("b")).play(At(100.0));
}

#[test]
fn back_to_pending_is_resolved() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(5.0), Step::Pend("a"))
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(12.0, 12.0), "all alerts resolved: -a")
        .play(At(100.0));
}

#[test]
fn a_flapping_alert_within_the_interval_is_no_news() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(5.0), Step::Resolve("a"))
        .push(At(6.0), Step::Fire("a"))
        .want(Between(2.0, 2.0), "first notification: +a")
        .play(At(60.0));
}

#[test]
fn what_failed_is_told_at_the_next_interval() {
    Story::new(QUICK)
        .push(At(0.0), Step::Failing(true))
        .push(At(1.0), Step::Fire("a"))
        .push(At(13.0), Step::Failing(false))
        .push(At(30.0), Step::Resolve("a"))
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(12.0, 12.0), "first notification: +a")
        .want(Between(22.0, 22.0), "first notification: +a")
        .want(Between(32.0, 32.0), "all alerts resolved: -a")
        .play(At(60.0));
}

#[test]
fn a_resolution_that_failed_is_told_again_and_then_forgotten() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(5.0), Step::Failing(true))
        .push(At(6.0), Step::Resolve("a"))
        .push(At(15.0), Step::Failing(false))
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(12.0, 12.0), "all alerts resolved: -a")
        .want(Between(22.0, 22.0), "all alerts resolved: -a")
        .play(At(100.0));
}

#[test]
fn a_slow_target_hears_in_order_and_nothing_twice() {
    Story::new(QUICK)
        .push(At(0.0), Step::Taking(25.0))
        .push(At(1.0), Step::Fire("a"))
        .push(At(5.0), Step::Fire("b"))
        .push(At(20.0), Step::Taking(0.0))
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(27.0, 27.0), "new alerts in group: +a +b")
        .play(At(60.0));
}

#[test]
fn an_alert_that_fires_again_while_its_end_is_told_stays() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(3.0), Step::Resolve("a"))
        .push(At(4.0), Step::Taking(3.0))
        .push(At(13.0), Step::Fire("a"))
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(12.0, 12.0), "all alerts resolved: -a")
        .want(Between(22.0, 22.0), "first notification: +a")
        .play(At(60.0));
}

#[test]
fn a_restart_repeats_nothing_and_loses_nothing() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(5.0), Step::Restart)
        .push(At(5.0), Step::Reconcile(&["a"]))
        .push(At(6.0), Step::Resolve("a"))
        .push(At(7.0), Step::Restart)
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(12.0, 12.0), "all alerts resolved: -a")
        .play(At(100.0));
}

#[test]
fn what_was_under_way_at_a_crash_is_tried_again() {
    Story::new(QUICK)
        .push(At(0.0), Step::Taking(5.0))
        .push(At(1.0), Step::Fire("a"))
        .push(At(3.0), Step::Restart)
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(3.0, 3.0), "first notification: +a")
        .play(At(50.0));
}

#[test]
fn an_alert_whose_rule_went_while_we_were_down_is_resolved() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(1.0), Step::Fire("b"))
        .push(At(5.0), Step::Restart)
        .push(At(5.0), Step::Reconcile(&["b"]))
        .want(Between(2.0, 2.0), "first notification: +a +b")
        .want(Between(12.0, 12.0), "new resolved alerts: -a +b")
        .play(At(60.0));
}

#[test]
fn a_reload_keeps_what_was_said_and_regroups_the_rest() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(5.0), Step::Reload(QUICK))
        .push(At(6.0), Step::Resolve("a"))
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(12.0, 12.0), "all alerts resolved: -a")
        .play(At(60.0));
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(5.0), Step::Reload("group_by: [alertname], group_wait: 1s, group_interval: 10s"))
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(5.0, 5.0), "first notification: +a")
        .play(At(60.0));
}

#[test]
fn groups_are_told_apart_by_their_labels() {
    Story::new("group_by: [job], group_wait: 0s, group_interval: 10s")
        .push(At(1.0), Step::Fire("a/one"))
        .push(At(2.0), Step::Fire("b/two"))
        .push(At(3.0), Step::Fire("c/one"))
        .want(Between(1.0, 1.0), "first notification: +a")
        .want(Between(2.0, 2.0), "first notification: +b")
        .want(Between(11.0, 11.0), "new alerts in group: +a +c")
        .play(At(60.0));
}

#[test]
fn who_does_not_want_resolved_alerts_hears_of_firing_ones_only() {
    let text = format!(
        "route: {{receiver: r, {QUICK}}}\nreceivers: [{{name: r, webhook_configs: [{{url: 'http://h/', send_resolved: false}}]}}]"
    );
    Story::with(&text)
        .push(At(1.0), Step::Fire("a"))
        .push(At(1.0), Step::Fire("b"))
        .push(At(5.0), Step::Resolve("a"))
        .push(At(13.0), Step::Fire("c"))
        .push(At(25.0), Step::Resolve("b"))
        .push(At(25.0), Step::Resolve("c"))
        .push(At(50.0), Step::Fire("a"))
        .want(Between(2.0, 2.0), "first notification: +a +b")
        .want(Between(22.0, 22.0), "new alerts in group: +b +c")
        .want(Between(51.0, 51.0), "first notification: +a")
        .play(At(60.0));
}

#[test]
fn a_target_that_failed_does_not_make_another_hear_twice() {
    let hooks = "[{url: 'http://one/'}, {url: 'http://two/'}]";
    let mut dispatcher = Dispatcher::new(config(&format!(
        "route: {{receiver: r, {QUICK}}}\nreceivers: [{{name: r, webhook_configs: {hooks}}}]"
    )));
    dispatcher.on_alert(&alert("a", millis(0.0), AlertState::Firing), millis(0.0));
    let first = dispatcher.due(millis(1.0));
    assert_eq!(first.iter().map(|n| n.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(first[0].received_at, Some(millis(0.0) - 3));
    dispatcher.sent(first[0].id, millis(1.0), true);
    dispatcher.sent(first[1].id, millis(5.0), false);
    dispatcher.on_alert(&alert("a", millis(6.0), AlertState::Resolved), millis(6.0));
    let second = dispatcher.due(millis(11.0));
    let told: Vec<(usize, Reason)> = second.iter().map(|n| (n.index, n.reason)).collect();
    assert_eq!(told, [(0, Reason::AllAlertsResolved)], "the second never heard that it fired");
    dispatcher.sent(second[0].id, millis(11.0), true);
    assert_eq!((dispatcher.groups(), dispatcher.next_due()), (0, None));
    assert_eq!(dispatcher.state().log.len(), 0);
}

#[test]
fn the_group_key_is_alertmanagers() {
    let text = "route: {receiver: r, group_by: [alertname, job], routes: [{matchers: ['alertname=~\"a|b\"', job!=\"\"]}]}\n\
                receivers: [{name: r, webhook_configs: [{url: 'http://h/'}]}]";
    let mut dispatcher = Dispatcher::new(config(text));
    dispatcher.on_alert(&alert("a", millis(0.0), AlertState::Firing), millis(0.0));
    let told = dispatcher.due(millis(30.0));
    assert_eq!(&*told[0].group_key, r#"{}/{alertname=~"a|b",job!=""}:{alertname="a", job="shop"}"#);
}

#[test]
fn a_reload_or_crash_while_a_notification_is_under_way_loses_no_resolution() {
    for (step, at) in [(Step::Reload(QUICK), 12.0), (Step::Restart, 5.0)] {
        Story::new(QUICK)
            .push(At(0.0), Step::Taking(7.0))
            .push(At(1.0), Step::Fire("a"))
            .push(At(4.0), Step::Resolve("a"))
            .push(At(5.0), step)
            .want(Between(2.0, 2.0), "first notification: +a")
            .want(Between(at, at), "all alerts resolved: -a")
            .play(At(60.0));
    }
}

#[test]
fn an_alert_that_fires_again_after_a_crash_hid_its_end_is_told() {
    Story::new(QUICK)
        .push(At(1.0), Step::Fire("a"))
        .push(At(3.0), Step::Resolve("a"))
        .push(At(4.0), Step::Taking(5.0))
        .push(At(13.0), Step::Restart)
        .push(At(13.0), Step::Fire("a"))
        .want(Between(2.0, 2.0), "first notification: +a")
        .want(Between(12.0, 12.0), "all alerts resolved: -a")
        .want(Between(13.0, 13.0), "first notification: +a")
        .play(At(60.0));
}
