//! The faults that are not used up, and which of them applies to a request.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Fault;

/// The faults that are not used up, in order. `skip` and `times` count down in place, so that a listed fault shows what
/// remains of it.
#[derive(Debug, Default)]
pub(crate) struct FaultScript(Mutex<Vec<ScriptedFault>>);

#[derive(Debug)]
struct ScriptedFault {
    fault: Fault,
    /// How many matching requests came after the skipped ones.
    matched: u64,
}

impl FaultScript {
    pub(crate) fn add(&self, fault: Fault) {
        self.lock().push(ScriptedFault { fault, matched: 0 });
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn remaining(&self) -> Vec<Fault> {
        self.lock().iter().map(|scripted| scripted.fault.clone()).collect()
    }

    /// The fault that applies to this request. Each call counts as a request.
    pub(crate) fn take_for(&self, hub: &str, handle: Option<&str>) -> Option<Fault> {
        let mut faults = self.lock();
        let mut matching = faults.iter_mut().filter(|entry| entry.fault.matches(hub, handle));
        let applied = matching.find_map(|entry| entry.applies().then(|| entry.fault.clone()));
        faults.retain(|entry| entry.fault.times != Some(0));
        applied
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ScriptedFault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ScriptedFault {
    fn applies(&mut self) -> bool {
        if self.fault.times == Some(0) {
            return false;
        }
        if self.fault.skip > 0 {
            self.fault.skip -= 1;
            return false;
        }
        self.matched += 1;
        if !self.fault.selects(self.matched) {
            return false;
        }
        self.fault.times = self.fault.times.map(|times| times - 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Action;

    fn pattern(script: &FaultScript, requests: usize) -> String {
        (0..requests).map(|_| if script.take_for("hub", Some("phone")).is_some() { 'x' } else { '.' }).collect()
    }

    #[test]
    fn a_fault_skips_then_applies_so_many_times_and_is_used_up() {
        let script = FaultScript::default();
        script.add(Fault::status(503).skip(2).times(3));
        assert_eq!(pattern(&script, 7), "..xxx..");
        assert!(script.remaining().is_empty());
    }

    #[test]
    fn percent_is_spread_evenly_and_repeats() {
        let script = FaultScript::default();
        script.add(Fault::status(503).always().percent(25));
        assert_eq!(pattern(&script, 12), "...x...x...x");
        script.clear();
        script.add(Fault::status(503).always().percent(0));
        assert_eq!(pattern(&script, 4), "....");
    }

    #[test]
    fn every_nth_counts_from_the_first_that_is_not_skipped() {
        let script = FaultScript::default();
        script.add(Fault::status(503).every_nth(3).skip(1).times(2));
        assert_eq!(pattern(&script, 12), "...x..x.....");
    }

    #[test]
    fn the_first_matching_fault_wins_and_the_next_one_waits() {
        let script = FaultScript::default();
        script.add(Fault::status(500).on_device("tablet"));
        script.add(Fault::status(501).on_hub("other"));
        script.add(Fault::status(502).on_hub("HUB").on_device("phone"));
        script.add(Fault::status(503));
        let statuses: Vec<_> = (0..3)
            .map(|_| match script.take_for("hub", Some("phone")).map(|fault| fault.action) {
                Some(Action::Status { status, .. }) => status,
                _ => 0,
            })
            .collect();
        assert_eq!(statuses, [502, 503, 0]);
        assert_eq!(script.remaining().len(), 2);
    }
}
