//! Random lives of alerts with failing targets, restarts and reloads: in the end every target knows
//! what is true, and none hears the same twice for no reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;

use super::Dispatcher;
use super::config::{Config, load};
use super::decision::Reason;
use crate::model::alert::{Alert, AlertState};
use crate::model::labels::Labels;
use crate::model::time::Millis;
use crate::yaml::Problems;

const START: Millis = 1_800_000_000_000;
const INTERVAL: Millis = 10_000;

#[derive(Clone, Debug)]
enum Step {
    Fire(u8),
    Resolve(u8),
    /// So many milliseconds pass.
    Pass(Millis),
    /// What is under way arrives, or fails.
    End(bool),
    /// The process dies; what was under way had arrived, or not.
    Restart(bool),
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8).prop_map(Step::Fire),
        4 => (0..6_u8).prop_map(Step::Resolve),
        6 => (1..15_000_i64).prop_map(Step::Pass),
        4 => any::<bool>().prop_map(Step::End),
        1 => any::<bool>().prop_map(Step::Restart),
        1 => Just(Step::Reload),
    ]
}

fn config() -> Config {
    let text = "route: {receiver: r, group_by: [job], group_wait: 1s, group_interval: 10s, repeat_interval: 1h}\n\
                receivers: [{name: r, webhook_configs: [{url: 'http://a/'}, {url: 'http://b/'}]}]";
    load(text, Path::new("/"), &mut Problems::new()).expect("a configuration")
}

/// Six alerts in two groups.
fn alert(number: u8, fired_at: Millis, resolved_at: Option<Millis>) -> Alert {
    Alert {
        labels: Labels::from_pairs([("alertname", number.to_string()), ("job", (number % 2).to_string())]),
        annotations: Labels::default(),
        group: String::new(),
        expr: String::new(),
        state: if resolved_at.is_some() { AlertState::Resolved } else { AlertState::Firing },
        value: 1.0,
        active_at: fired_at,
        fired_at: Some(fired_at),
        resolved_at,
        keep_firing_since: None,
        received_at: None,
    }
}

type Known = BTreeMap<(usize, String), BTreeSet<String>>;

struct World {
    dispatcher: Dispatcher,
    now: Millis,
    /// What fires, and since when.
    firing: BTreeMap<u8, Millis>,
    /// What each target believes to fire, by target and group.
    known: Known,
    /// Notifications under way: id, target, group, what they say fires.
    under_way: Vec<(u64, usize, String, BTreeSet<String>)>,
    /// Nothing failed and nothing was restarted so far.
    undisturbed: bool,
}

impl World {
    fn new() -> Self {
        Self {
            dispatcher: Dispatcher::new(config()),
            now: START,
            firing: BTreeMap::new(),
            known: Known::new(),
            under_way: Vec::new(),
            undisturbed: true,
        }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Fire(number) => {
                let since = *self.firing.entry(number).or_insert(self.now);
                self.dispatcher.on_alert(&alert(number, since, None), self.now);
            }
            Step::Resolve(number) => {
                if let Some(since) = self.firing.remove(&number) {
                    self.dispatcher.on_alert(&alert(number, since, Some(self.now)), self.now);
                }
            }
            Step::Pass(wait) => self.now += wait,
            Step::End(ok) => self.end(ok),
            Step::Restart(arrived) => {
                let saved = serde_json::to_string(&self.dispatcher.state()).expect("JSON");
                self.dispatcher = Dispatcher::new(config());
                self.dispatcher.restore(serde_json::from_str(&saved).expect("read back"), self.now);
                let active: Vec<Alert> =
                    self.firing.iter().map(|(number, since)| alert(*number, *since, None)).collect();
                self.dispatcher.reconcile(&active, self.now);
                for (_, target, group, fires) in self.under_way.drain(..).filter(|_| arrived) {
                    self.known.insert((target, group), fires);
                }
                self.undisturbed = false;
            }
            Step::Reload => self.dispatcher.reload(config(), self.now),
        }
        self.send()
    }

    fn send(&mut self) -> Result<(), TestCaseError> {
        for told in self.dispatcher.due(self.now) {
            let group = told.group_key.to_string();
            let busy = self.under_way.iter().any(|(_, target, other, _)| *target == told.index && *other == group);
            prop_assert!(!busy, "one at a time for a group and target");
            let fires = told.alerts.iter().filter(|alert| alert.state == AlertState::Firing);
            let fires: BTreeSet<String> = fires.map(|alert| alert.labels.get("alertname").to_owned()).collect();
            let believed = self.known.get(&(told.index, group.clone())).cloned().unwrap_or_default();
            if self.undisturbed && told.reason != Reason::RepeatIntervalElapsed {
                let news = fires != believed || told.alerts.iter().any(|alert| alert.state == AlertState::Resolved);
                prop_assert!(news, "told {fires:?} for no reason");
            }
            self.under_way.push((told.id, told.index, group, fires));
        }
        Ok(())
    }

    fn end(&mut self, ok: bool) {
        for (id, target, group, fires) in std::mem::take(&mut self.under_way) {
            self.dispatcher.sent(id, self.now, ok);
            self.undisturbed &= ok;
            if ok {
                self.known.insert((target, group), fires);
            }
        }
    }

    /// Everything works again and time passes.
    fn calm_down(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..4 {
            self.end(true);
            self.now += INTERVAL;
            self.send()?;
        }
        self.end(true);
        Ok(())
    }
}

#[test]
fn an_alert_that_a_lost_answer_may_have_told_as_firing_is_told_as_resolved_again() {
    use Step::{End, Fire, Pass, Resolve, Restart};
    let (first, later) = (Pass(1000), Pass(INTERVAL));
    let steps = [Fire(3), Resolve(3), Fire(5), first, later, Fire(3), End(true), Restart(true), End(false), Resolve(3)];
    live(&steps).expect("every target knows what is true");
}

/// Lives through `steps`, calms down, and compares what targets believe with what is true.
fn live(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::new();
    for step in steps {
        world.take(step)?;
    }
    world.calm_down()?;
    let mut truth = Known::new();
    for number in world.firing.keys() {
        for target in 0..2 {
            let group = format!("{{}}:{{job=\"{}\"}}", number % 2);
            truth.entry((target, group)).or_default().insert(number.to_string());
        }
    }
    world.known.retain(|_, fires| !fires.is_empty());
    prop_assert_eq!(world.known, truth);
    prop_assert_eq!(world.dispatcher.groups() > 0, !world.firing.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn in_the_end_every_target_knows_what_is_true(steps in prop::collection::vec(step(), 0..60)) {
        live(&steps)?;
    }
}
