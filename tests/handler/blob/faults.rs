//! What goes wrong between a store and its service, and when.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use fastrand::Rng;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not taken, and answered 503.
    Refused,
    /// It is taken, and answered 500 all the same.
    FailedAfterwards,
    /// It is taken, and its connection ends without an answer.
    AnswerLost,
    /// It is taken, and answered 5 to 50 ms later than it could be.
    Slow,
}

/// Which requests meet which fault. It follows from the seed and from the request (its method, its blob and how many
/// like it came before), not from the time at which it comes.
#[derive(Debug, Default)]
pub struct Schedule {
    seed: u64,
    percent: u8,
    faults: &'static [Fault],
    /// By request: how many there were, and how many of the last ones in a row failed.
    seen: HashMap<String, (u64, u32)>,
}

/// A client that asks four times, as `object_store` does for us, gets its answer.
const MOST_IN_A_ROW: u32 = 2;

impl Schedule {
    /// So many of a hundred requests meet one of these faults.
    pub fn new(seed: u64, percent: u8, faults: &'static [Fault]) -> Self {
        Self { seed, percent, faults, seen: HashMap::new() }
    }

    /// What happens to the next request of that name.
    pub fn next(&mut self, request: &str) -> Option<Fault> {
        let (count, in_a_row) = self.seen.entry(request.to_owned()).or_default();
        let mut rng = rng(self.seed, request, *count);
        *count += 1;
        let fault = if rng.u8(..100) < self.percent { rng.choice(self.faults).copied() } else { None };
        let fault = fault.filter(|fault| *fault == Fault::Slow || *in_a_row < MOST_IN_A_ROW);
        *in_a_row = if fault.is_some_and(|fault| fault != Fault::Slow) { *in_a_row + 1 } else { 0 };
        fault
    }

    /// How much later a slow request is taken, and how much later it is answered then.
    pub fn delays(&self, request: &str) -> (Duration, Duration) {
        let (count, _) = self.seen.get(request).copied().unwrap_or_default();
        let mut rng = rng(!self.seed, request, count);
        let all = rng.u64(5_000..50_000);
        let first = rng.u64(..=all);
        (Duration::from_micros(first), Duration::from_micros(all - first))
    }
}

fn rng(seed: u64, request: &str, count: u64) -> Rng {
    let mut hasher = DefaultHasher::new();
    (seed, request, count).hash(&mut hasher);
    Rng::with_seed(hasher.finish())
}
