//! Counters of this instance. At any moment, the events received are those in flight plus those with an outcome.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::delivery::outcome::Outcome;
use crate::log::EachMinute;

/// Counts of events.
#[derive(Debug, Default)]
pub struct Counters {
    counts: Mutex<Counts>,
    changed: Notify,
    /// What was logged about events that were not taken in.
    pub overload: EachMinute<()>,
}

/// One moment's counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Events handed over by the host.
    pub received: u64,
    /// Those without an outcome so far.
    pub in_flight: u64,
    /// The requests that have such events.
    pub requests: u64,
    /// Those with an outcome, in the order of `Outcome`.
    outcomes: [u64; Outcome::ALL.len()],
    /// Bodies that were no invocation.
    pub rejected: u64,
    /// Requests with events that were not taken in because too many were in flight.
    pub overloaded: u64,
}

impl Counts {
    /// The events that have an outcome, by its name.
    pub fn outcomes(&self) -> BTreeMap<&'static str, u64> {
        Outcome::ALL.map(|outcome| (outcome.name(), self.outcomes[outcome as usize])).into()
    }
}

/// Events in flight. If it is dropped before they have outcomes, as by a panic, they count as failed.
#[derive(Debug)]
pub struct InFlight {
    counters: Arc<Counters>,
    events: u64,
}

impl Counters {
    /// Counters at zero.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Counts the events of a request that were received, if there is room for them beside these counts. Otherwise they are not
    /// received.
    pub fn receive(self: &Arc<Self>, events: usize, has_room: impl FnOnce(&Counts) -> bool) -> Option<InFlight> {
        let events = events as u64;
        let mut counts = self.counts.lock().expect("nothing panics while it is held");
        if !has_room(&counts) {
            counts.overloaded += 1;
            return None;
        }
        counts.received += events;
        counts.in_flight += events;
        counts.requests += u64::from(events > 0);
        Some(InFlight { counters: Arc::clone(self), events })
    }

    /// Counts a body that was no invocation.
    pub fn reject(&self) {
        self.counts.lock().expect("nothing panics while it is held").rejected += 1;
    }

    /// Waits until an event gets an outcome, if none did since the last time.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The counts of this moment.
    pub fn counts(&self) -> Counts {
        *self.counts.lock().expect("nothing panics while it is held")
    }
}

impl InFlight {
    /// Counts the outcome of one of the events.
    pub fn settle(&mut self, outcome: Outcome) {
        let mut counts = self.counters.counts.lock().expect("nothing panics while it is held");
        counts.in_flight -= 1;
        counts.outcomes[outcome as usize] += 1;
        self.events -= 1;
        counts.requests -= u64::from(self.events == 0);
        self.counters.changed.notify_one();
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        while self.events > 0 {
            self.settle(Outcome::Failed);
        }
    }
}
