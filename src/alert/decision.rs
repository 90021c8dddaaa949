//! Why a group is notified now, or is not: Alertmanager's deduplication, with its reasons by name.

use std::collections::BTreeSet;

use super::log::Entry;
use crate::model::time::Millis;

/// The outcome of looking at a group against what was last sent about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nothing was ever sent, or the last word was "all resolved".
    FirstNotification,
    /// An alert fires that the last notification did not hold.
    NewAlertsInGroup,
    /// Nothing fires any more.
    AllAlertsResolved,
    /// An alert was resolved while others still fire.
    NewResolvedAlerts,
    /// Unchanged, but `repeat_interval` is over.
    RepeatIntervalElapsed,
    /// Unchanged, and said recently enough.
    NothingNew,
    /// Nothing fires and the receiver never heard of it: it fired and was resolved in between.
    NothingSaidNothingFiring,
}

impl Reason {
    /// Whether a notification goes out.
    #[must_use]
    pub const fn notifies(self) -> bool {
        !matches!(self, Self::NothingNew | Self::NothingSaidNothingFiring)
    }

    /// The name used in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstNotification => "first notification",
            Self::NewAlertsInGroup => "new alerts in group",
            Self::AllAlertsResolved => "all alerts resolved",
            Self::NewResolvedAlerts => "new resolved alerts",
            Self::RepeatIntervalElapsed => "repeat interval elapsed",
            Self::NothingNew => "nothing new",
            Self::NothingSaidNothingFiring => "nothing said, nothing firing",
        }
    }
}

/// What a group holds at a flush, by fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Alerts that fire.
    pub firing: BTreeSet<u64>,
    /// Alerts that were resolved.
    pub resolved: BTreeSet<u64>,
}

/// Decides about one target of a group: `last` is what that target was last told.
#[must_use]
pub fn decide(last: Option<&Entry>, content: &Content, send_resolved: bool, repeat: Millis, now: Millis) -> Reason {
    let Some(last) = last else {
        return if content.firing.is_empty() { Reason::NothingSaidNothingFiring } else { Reason::FirstNotification };
    };
    if !content.firing.is_subset(&last.firing) {
        return if last.firing.is_empty() { Reason::FirstNotification } else { Reason::NewAlertsInGroup };
    }
    if content.firing.is_empty() {
        return if last.may_fire() { Reason::AllAlertsResolved } else { Reason::NothingSaidNothingFiring };
    }
    // said as resolved before, but it may have been said as firing since
    let is_told = |alert: &u64| last.resolved.contains(alert) && !last.maybe_firing.contains(alert);
    if send_resolved && !content.resolved.iter().all(is_told) {
        return Reason::NewResolvedAlerts;
    }
    if now - last.sent_at >= repeat { Reason::RepeatIntervalElapsed } else { Reason::NothingNew }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_case() {
        let sets = |firing: &[u64], resolved: &[u64]| Content {
            firing: firing.iter().copied().collect(),
            resolved: resolved.iter().copied().collect(),
        };
        let said = |firing: &[u64], resolved: &[u64]| Some((sets(firing, resolved), 100));
        let cases = [
            (None, sets(&[1], &[]), true, Reason::FirstNotification),
            (None, sets(&[], &[1]), true, Reason::NothingSaidNothingFiring),
            (said(&[], &[1]), sets(&[1], &[]), true, Reason::FirstNotification),
            (said(&[1], &[]), sets(&[1, 2], &[]), true, Reason::NewAlertsInGroup),
            (said(&[1], &[]), sets(&[], &[1]), true, Reason::AllAlertsResolved),
            (said(&[1], &[]), sets(&[], &[1]), false, Reason::AllAlertsResolved),
            (said(&[], &[1]), sets(&[], &[2]), true, Reason::NothingSaidNothingFiring),
            (said(&[1, 2], &[]), sets(&[1], &[2]), true, Reason::NewResolvedAlerts),
            (said(&[1, 2], &[]), sets(&[1], &[2]), false, Reason::NothingNew),
            (said(&[1], &[]), sets(&[1], &[]), true, Reason::NothingNew),
        ];
        for (last, content, send_resolved, want) in cases {
            let last = last.map(|(content, sent_at)| Entry::new(content, sent_at, i64::MAX));
            assert_eq!(decide(last.as_ref(), &content, send_resolved, 50, 149), want, "{last:?} {content:?}");
        }
        let last = Entry::new(sets(&[1], &[]), 100, i64::MAX);
        assert_eq!(decide(Some(&last), &sets(&[1], &[]), true, 50, 150), Reason::RepeatIntervalElapsed);
    }
}
