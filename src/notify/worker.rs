//! The task that wakes when something is due and sees to it that every notification ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::model::time::wall_clock;

/// It looks at the clock at least this often, should the wall clock jump.
const SLEEP_MAX: Duration = Duration::from_secs(5);

/// How long requests under way may take to end when the process stops.
const DRAIN: Duration = Duration::from_secs(3);

/// Run it in a task of its own.
pub struct Worker {
    shared: Arc<Shared>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sends what is due until `stop`; then waits a little for what is under way. What is left is
    /// in the state and is tried again after the restart.
    pub async fn run(self, stop: CancellationToken) {
        let mut sending = JoinSet::new();
        while !stop.is_cancelled() {
            let wait = self.send_due(&mut sending);
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.shared.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
                Some(_) = sending.join_next() => {}
            }
        }
        let drained = async { while sending.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(DRAIN, drained).await;
    }

    /// Starts everything that is due and answers how long nothing will be.
    fn send_due(&self, sending: &mut JoinSet<()>) -> Duration {
        let now = wall_clock();
        let mut dispatcher = self.shared.dispatcher.lock();
        let notifications = dispatcher.due(now);
        let next = dispatcher.next_due();
        drop(dispatcher);
        for notification in notifications {
            let shared = Arc::clone(&self.shared);
            sending.spawn(async move {
                let on_its_way = OnItsWay { shared: &shared, id: notification.id };
                let ok = shared.delivery.deliver(&notification).await;
                on_its_way.ended(ok);
            });
        }
        let wait = next.map_or(SLEEP_MAX, |at| Duration::from_millis(u64::try_from(at - now).unwrap_or(0)));
        wait.min(SLEEP_MAX)
    }
}

/// Every notification ends with a report, even if sending it panics. One that is cut off at the end
/// of the process makes none: its fate is unknown and the restart tries it again.
struct OnItsWay<'a> {
    shared: &'a Shared,
    id: u64,
}

impl OnItsWay<'_> {
    fn ended(self, ok: bool) {
        self.report(ok);
    }

    fn report(&self, ok: bool) {
        self.shared.dispatcher.lock().sent(self.id, wall_clock(), ok);
        self.shared.wake.notify_one();
        (self.shared.on_change)();
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.report(false);
        }
    }
}
