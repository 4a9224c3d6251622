//! Scripted faults: which requests they meet, how often, and what then happens. Only the script
//! lives here; carrying an action out is the business of `messages` and `server`.
//!
//! No foreign document: the actions are the failures that users of the service and of networks
//! report (503 without a reason, a connection closed after the hub had taken the notification).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// A scripted fault: which requests, how often, what happens.
///
/// Faults are looked at in the order they were added; the first one that matches and is not used
/// up applies. A request that an earlier fault took is not counted by the later ones.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fault {
    /// Only requests to this hub, case-insensitive; `None` is any.
    pub hub: Option<String>,
    /// Only requests with this device handle, exactly; `None` is any.
    #[serde(alias = "device_handle")]
    pub device_handle: Option<String>,
    /// Let so many matching requests pass first.
    pub skip: u32,
    /// How many requests it meets before it is used up; `None` (JSON `null`) is for ever.
    pub times: Option<u32>,
    /// Meets so many of a hundred matching requests, evenly spread, so that a run repeats
    /// exactly. `None` is all of them.
    pub percent: Option<u8>,
    /// Milliseconds to hold the request back before the action.
    #[serde(alias = "delay_ms")]
    pub delay_ms: u64,
    /// What happens.
    pub action: Action,
}

/// What a fault does with a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// Nothing but the delay; the request is then handled as usual.
    Pass,
    /// Answer with this status, before any check: the service is unwell.
    #[serde(rename_all = "camelCase")]
    Status {
        /// The HTTP status, 200 to 599.
        status: u16,
        /// The value of `Retry-After`: seconds or an HTTP date.
        #[serde(default, alias = "retry_after")]
        retry_after: Option<String>,
        /// Further headers; they win over the usual ones, `Date` included.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body; `None` is the service's error XML for the status.
        #[serde(default)]
        body: Option<String>,
    },
    /// Reset the connection (RST) without reading the body; it is recorded with an empty one.
    ResetBeforeBody,
    /// Read the whole request, then reset the connection without an answer.
    ResetAfterBody,
    /// Handle and record the request as usual, then reset the connection before the answer.
    AcceptThenReset,
    /// Never answer; hold the connection open until the emulator stops.
    Stall,
}

impl Action {
    /// What the record says about a request that it met.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Pass => "fault: delay".to_owned(),
            Self::Status { status, .. } => format!("fault: status {status}"),
            Self::ResetBeforeBody => "fault: reset before the body".to_owned(),
            Self::ResetAfterBody => "fault: reset after the body".to_owned(),
            Self::AcceptThenReset => "fault: reset before the answer".to_owned(),
            Self::Stall => "fault: stall".to_owned(),
        }
    }
}

/// Once, on any request, doing nothing.
impl Default for Fault {
    fn default() -> Self {
        Self {
            hub: None,
            device_handle: None,
            skip: 0,
            times: Some(1),
            percent: None,
            delay_ms: 0,
            action: Action::Pass,
        }
    }
}

impl Fault {
    /// Answers the next request with `code`.
    pub fn status(code: u16) -> Self {
        Self::action(Action::Status { status: code, retry_after: None, headers: BTreeMap::new(), body: None })
    }

    /// Does `action` with the next request.
    pub fn action(action: Action) -> Self {
        Self { action, ..Self::default() }
    }

    /// Meets `n` requests instead of one.
    pub fn times(self, n: u32) -> Self {
        Self { times: Some(n), ..self }
    }

    /// Meets every matching request until the faults are cleared.
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    /// Adds `Retry-After`, seconds or an HTTP date. Without effect on actions that answer nothing.
    pub fn retry_after(mut self, value: &str) -> Self {
        if let Action::Status { retry_after, .. } = &mut self.action {
            *retry_after = Some(value.to_owned());
        }
        self
    }

    /// Adds a header to the answer. Without effect on actions that answer nothing.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Action::Status { headers, .. } = &mut self.action {
            headers.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Holds the request back for `ms` milliseconds before the action.
    pub fn delay_ms(self, ms: u64) -> Self {
        Self { delay_ms: ms, ..self }
    }

    /// Meets only requests to the hub `name`.
    pub fn on_hub(self, name: &str) -> Self {
        Self { hub: Some(name.to_owned()), ..self }
    }

    /// Meets only requests for the device `handle`.
    pub fn on_device(self, handle: &str) -> Self {
        Self { device_handle: Some(handle.to_owned()), ..self }
    }

    /// Lets `n` matching requests pass first.
    pub fn skip(self, n: u32) -> Self {
        Self { skip: n, ..self }
    }

    /// Meets `p` of a hundred matching requests, evenly spread.
    pub fn percent(self, p: u8) -> Self {
        Self { percent: Some(p), ..self }
    }

    fn matches(&self, hub: &str, handle: Option<&str>) -> bool {
        self.hub.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(hub))
            && self.device_handle.as_deref().is_none_or(|wanted| Some(wanted) == handle)
    }
}

/// The script: the faults that are not used up, in order. `skip` and `times` count down in place,
/// so that what is listed is what is left.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<Vec<Scripted>>);

#[derive(Debug)]
struct Scripted {
    fault: Fault,
    /// How many requests `percent` has been asked about.
    asked: u64,
}

impl Script {
    pub(crate) fn add(&self, fault: Fault) {
        self.lock().push(Scripted { fault, asked: 0 });
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn left(&self) -> Vec<Fault> {
        self.lock().iter().map(|scripted| scripted.fault.clone()).collect()
    }

    /// The fault that meets this request, which is counted by asking.
    pub(crate) fn next(&self, hub: &str, handle: Option<&str>) -> Option<Fault> {
        let mut faults = self.lock();
        let mut matching = faults.iter_mut().filter(|entry| entry.fault.matches(hub, handle));
        let met = matching.find_map(|entry| entry.meets().then(|| entry.fault.clone()));
        faults.retain(|entry| entry.fault.times != Some(0));
        met
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Scripted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scripted {
    fn meets(&mut self) -> bool {
        if self.fault.times == Some(0) {
            return false;
        }
        if self.fault.skip > 0 {
            self.fault.skip -= 1;
            return false;
        }
        if let Some(percent) = self.fault.percent {
            // Evenly spread: the n-th request is met when the running total crosses a whole number.
            let total = |asked: u64| asked * u64::from(percent) / 100;
            self.asked += 1;
            if total(self.asked) == total(self.asked - 1) {
                return false;
            }
        }
        self.fault.times = self.fault.times.map(|times| times - 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(script: &Script, requests: usize) -> String {
        (0..requests).map(|_| if script.next("hub", Some("phone")).is_some() { 'x' } else { '.' }).collect()
    }

    #[test]
    fn a_fault_skips_then_applies_so_many_times_and_is_gone() {
        let script = Script::default();
        script.add(Fault::status(503).skip(2).times(3));
        assert_eq!(pattern(&script, 7), "..xxx..");
        assert!(script.left().is_empty());
    }

    #[test]
    fn percent_is_spread_evenly_and_repeats() {
        let script = Script::default();
        script.add(Fault::status(503).always().percent(25));
        assert_eq!(pattern(&script, 12), "...x...x...x");
        script.clear();
        script.add(Fault::status(503).always().percent(0));
        assert_eq!(pattern(&script, 4), "....");
    }

    #[test]
    fn the_first_matching_fault_wins_and_the_next_one_waits() {
        let script = Script::default();
        script.add(Fault::status(500).on_device("tablet"));
        script.add(Fault::status(501).on_hub("other"));
        script.add(Fault::status(502).on_hub("HUB").on_device("phone"));
        script.add(Fault::status(503));
        let statuses: Vec<_> = (0..3)
            .map(|_| match script.next("hub", Some("phone")).map(|fault| fault.action) {
                Some(Action::Status { status, .. }) => status,
                _ => 0,
            })
            .collect();
        assert_eq!(statuses, [502, 503, 0]);
        assert_eq!(script.left().len(), 2);
    }

    #[test]
    fn json_may_leave_everything_out_and_null_times_is_for_ever() {
        let once: Fault = serde_json::from_str(r#"{"action":"resetAfterBody"}"#).unwrap();
        assert_eq!((once.times, once.action), (Some(1), Action::ResetAfterBody));
        let text = r#"{"times":null,"deviceHandle":"a","action":{"status":{"status":429,"retryAfter":"1"}}}"#;
        let ever: Fault = serde_json::from_str(text).unwrap();
        assert_eq!(ever.times, None);
        assert_eq!(ever.action, Fault::status(429).retry_after("1").action);
        let again: Fault = serde_json::from_value(serde_json::to_value(&ever).unwrap()).unwrap();
        assert_eq!(again.action, ever.action);
        assert!(serde_json::from_str::<Fault>(r#"{"tims":1}"#).is_err());
    }
}
