//! How many sends a hub takes in a while. The service publishes no figures, so the emulator has no
//! limit until it is given one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::options::HubOptions;

/// What each hub has used of its budget, by the hub's name.
#[derive(Debug, Default)]
pub(crate) struct Spending(Mutex<HashMap<String, Window>>);

#[derive(Debug)]
struct Window {
    opened: Instant,
    used: u32,
}

impl Spending {
    /// Counts a send at `now`, or says how long nothing more is taken.
    pub(crate) fn spend(&self, hub: &HubOptions, now: Instant) -> Result<(), Duration> {
        let Some(budget) = hub.budget else { return Ok(()) };
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(hub.name.clone()).or_insert(Window { opened: now, used: 0 });
        let age = now.saturating_duration_since(window.opened);
        if age >= budget.per {
            *window = Window { opened: now, used: 0 };
        }
        if window.used >= budget.sends {
            return Err(budget.per.saturating_sub(age));
        }
        window.used += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Budget;

    #[test]
    fn a_budget_is_spent_and_comes_back_after_its_time() {
        let budget = Some(Budget { sends: 2, per: Duration::from_secs(10) });
        let hub = HubOptions { budget, ..HubOptions::new("hub") };
        let (spending, start) = (Spending::default(), Instant::now());
        let at = |seconds| spending.spend(&hub, start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(4), at(6)], [Ok(()), Ok(()), Err(Duration::from_secs(4))]);
        assert_eq!([at(10), at(11), at(12)], [Ok(()), Ok(()), Err(Duration::from_secs(8))]);
    }
}
