//! Scripted faults: which requests they meet, how often, and what then happens. Counting is in
//! `script`, reading them from JSON in `json`; carrying an action out is the business of
//! `reception` and `server`.
//!
//! No foreign document: the actions are the failures that users of the service and of networks
//! report (503 without a reason, a connection closed after the hub had taken the notification).

mod json;
mod script;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use json::FaultError;
pub(crate) use script::Script;

/// A scripted fault: which requests, how often, what happens.
///
/// Faults are looked at in the order they were added; the first one that matches and is not used
/// up applies. A request that an earlier fault took is not counted by the later ones.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fault {
    /// Only requests to this hub, case-insensitive; `None` is any.
    pub hub: Option<String>,
    /// Only requests with this device handle in their header, exactly; a batch has none there.
    /// `None` is any.
    #[serde(alias = "device_handle")]
    pub device_handle: Option<String>,
    /// Let so many matching requests pass first.
    pub skip: u32,
    /// How many requests it meets before it is used up; `None` (JSON `null`) is for ever.
    pub times: Option<u32>,
    /// Meets every n-th matching request: with 3 the third, the sixth and so on. `None` is all.
    #[serde(alias = "every_nth")]
    pub every_nth: Option<u32>,
    /// Meets so many of a hundred matching requests, evenly spread, so that a run repeats
    /// exactly. `None` is all of them.
    pub percent: Option<u8>,
    /// Milliseconds to hold the request back before the action; with [`Action::AcceptThenDelay`],
    /// to hold the answer back after it.
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
        /// The value of `Retry-After`: seconds or an HTTP date, sent as it stands; `date:7` is the
        /// HTTP date seven seconds after the answer.
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
    /// Handle and record the request as usual, and never answer.
    AcceptThenStall,
    /// Handle and record the request as usual, and answer `delay_ms` later.
    AcceptThenDelay,
    /// Handle, record and answer as usual, then reset the connection, which the client may have
    /// put back into its pool.
    ResetAfterAnswer,
    /// Read the whole request, then close only the sending half of the connection (FIN), without
    /// an answer; what the client still writes is read.
    HalfClose,
    /// Handle and record the request as usual; answer the headers at once and the body slowly.
    #[serde(rename_all = "camelCase")]
    SlowBody {
        /// The length of the body; the usual one is filled up with blanks, which XML permits.
        bytes: u16,
        /// Milliseconds before each byte.
        #[serde(alias = "interval_ms")]
        interval_ms: u64,
    },
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
            Self::AcceptThenStall => "fault: stall before the answer".to_owned(),
            Self::AcceptThenDelay => "fault: late answer".to_owned(),
            Self::ResetAfterAnswer => "fault: reset after the answer".to_owned(),
            Self::HalfClose => "fault: half-closed before the answer".to_owned(),
            Self::SlowBody { .. } => "fault: slow body".to_owned(),
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
            every_nth: None,
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

    /// Meets every `n`-th matching request until it is used up.
    pub fn every_nth(self, n: u32) -> Self {
        Self { every_nth: Some(n), ..self }
    }

    /// Meets `p` of a hundred matching requests, evenly spread.
    pub fn percent(self, p: u8) -> Self {
        Self { percent: Some(p), ..self }
    }

    fn matches(&self, hub: &str, handle: Option<&str>) -> bool {
        self.hub.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(hub))
            && self.device_handle.as_deref().is_none_or(|wanted| Some(wanted) == handle)
    }

    /// Whether the `n`-th matching request after those skipped is one of those to meet.
    fn chooses(&self, n: u64) -> bool {
        let is_nth = self.every_nth.is_none_or(|every| n.is_multiple_of(u64::from(every)));
        // Evenly spread: the n-th request is met when the running total crosses a whole number.
        let total = |n: u64, percent: u8| n * u64::from(percent) / 100;
        is_nth && self.percent.is_none_or(|percent| total(n, percent) != total(n - 1, percent))
    }
}
