//! Throttling of sends. The service publishes no numbers, so a hub has no limit unless its options set one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::options::HubOptions;

/// The current window of each hub with a budget, by the hub's name.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<String, Window>>);

#[derive(Debug)]
struct Window {
    start: Instant,
    sends: u32,
}

impl Throttle {
    /// Counts a send at `now`. The error is the time until the hub accepts sends again.
    pub(crate) fn admit(&self, hub: &HubOptions, now: Instant) -> Result<(), Duration> {
        let Some(budget) = hub.budget else { return Ok(()) };
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(hub.name.clone()).or_insert(Window { start: now, sends: 0 });
        let age = now.saturating_duration_since(window.start);
        if age >= budget.per {
            *window = Window { start: now, sends: 0 };
        }
        if window.sends >= budget.sends {
            return Err(budget.per.saturating_sub(age));
        }
        window.sends += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Budget;

    #[test]
    fn a_hub_throttles_after_its_budget_until_the_window_ends() {
        let budget = Some(Budget { sends: 2, per: Duration::from_secs(10) });
        let hub = HubOptions { budget, ..HubOptions::new("hub") };
        let (throttle, start) = (Throttle::default(), Instant::now());
        let at = |seconds| throttle.admit(&hub, start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(4), at(6)], [Ok(()), Ok(()), Err(Duration::from_secs(4))]);
        assert_eq!([at(10), at(11), at(12)], [Ok(()), Ok(()), Err(Duration::from_secs(8))]);
    }
}
