//! What this instance did so far. It always adds up: what was received is in flight or has an outcome.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::delivery::outcome::Outcome;

/// Counts of events.
#[derive(Debug, Default)]
pub struct Counters {
    counts: Mutex<Counts>,
}

/// One moment's counts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Events handed over by the host.
    pub received: u64,
    /// Of these, without an outcome so far.
    pub in_flight: u64,
    /// The others, by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Bodies that were no invocation.
    pub rejected: u64,
}

/// Events that are in flight. Dropped before they have outcomes, they failed: that is what a panic leaves behind.
#[derive(Debug)]
pub struct InFlight {
    counters: Arc<Counters>,
    events: u64,
}

impl Counters {
    /// Counters at zero.
    pub fn new() -> Arc<Self> {
        let outcomes = Outcome::ALL.map(|outcome| (outcome.name(), 0)).into();
        Arc::new(Self { counts: Mutex::new(Counts { outcomes, ..Counts::default() }) })
    }

    /// Counts events that were received.
    pub fn receive(self: &Arc<Self>, events: usize) -> InFlight {
        let events = events as u64;
        let mut counts = self.counts.lock().expect("nothing panics while it is held");
        counts.received += events;
        counts.in_flight += events;
        InFlight { counters: Arc::clone(self), events }
    }

    /// Counts a body that was no invocation.
    pub fn reject(&self) {
        self.counts.lock().expect("nothing panics while it is held").rejected += 1;
    }

    /// The counts of this moment.
    pub fn counts(&self) -> Counts {
        self.counts.lock().expect("nothing panics while it is held").clone()
    }
}

impl InFlight {
    /// Gives one of the events its outcome.
    pub fn settle(&mut self, outcome: Outcome) {
        let mut counts = self.counters.counts.lock().expect("nothing panics while it is held");
        counts.in_flight -= 1;
        *counts.outcomes.entry(outcome.name()).or_default() += 1;
        self.events -= 1;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        while self.events > 0 {
            self.settle(Outcome::Failed);
        }
    }
}
