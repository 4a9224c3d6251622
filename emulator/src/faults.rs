//! Scripted faults: which requests they apply to, how often, and what they do. `script` counts, `json` parses, `service`
//! and `server` carry the actions out.
//!
//! The actions follow no document. They are failures that users report of the service and of networks, like a 503 without
//! a reason, or a connection that is closed after the hub has accepted the notification.

mod json;
mod script;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use json::FaultError;
pub(crate) use script::FaultScript;

/// A scripted fault: which requests it applies to, how often, and what it does.
///
/// Faults are tried in the order in which they were added; the first that matches and is not used up applies. Later
/// faults do not count that request.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fault {
    /// Only requests to this hub, in any letter case; `None` means every hub.
    pub hub: Option<String>,
    /// Only requests with exactly this device handle in their header, which a batch does not have. `None` means every
    /// request.
    #[serde(alias = "device_handle")]
    pub device_handle: Option<String>,
    /// How many matching requests pass before it applies.
    pub skip: u32,
    /// How many requests it applies to; `None` (JSON `null`) means all from then on.
    pub times: Option<u32>,
    /// Applies to every n-th matching request: with 3 to the third, the sixth and so on. `None` means every one.
    #[serde(alias = "every_nth")]
    pub every_nth: Option<u32>,
    /// Applies to so many of a hundred matching requests, evenly spread, so that each run is the same. `None` means
    /// every one.
    pub percent: Option<u8>,
    /// Milliseconds to wait before the action; with [`Action::AcceptThenDelay`] before the answer.
    #[serde(alias = "delay_ms")]
    pub delay_ms: u64,
    /// What it does.
    pub action: Action,
}

/// What a fault does with a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// Nothing: after the delay the request is handled as usual.
    Pass,
    /// Answer with this status, before any check.
    #[serde(rename_all = "camelCase")]
    Status {
        /// The HTTP status, 200 to 599.
        status: u16,
        /// The value of `Retry-After`, sent unchanged; `date:7` becomes the HTTP date seven seconds after the answer.
        #[serde(default, alias = "retry_after")]
        retry_after: Option<String>,
        /// Further headers; they replace the usual ones, even `Date`.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body; `None` means the service's error XML for the status.
        #[serde(default)]
        body: Option<String>,
    },
    /// Reset the connection (RST) without reading the body; the request is recorded with an empty body.
    ResetBeforeBody,
    /// Read the whole request, then reset the connection without an answer.
    ResetAfterBody,
    /// Handle and record the request as usual, then reset the connection before the answer.
    AcceptThenReset,
    /// Handle and record the request as usual, and never answer.
    AcceptThenStall,
    /// Handle and record the request as usual, and answer `delay_ms` later.
    AcceptThenDelay,
    /// Handle, record and answer the request as usual, then reset the connection, which the client may have put back
    /// into its pool.
    ResetAfterAnswer,
    /// Read the whole request, then close only the sending half of the connection (FIN) without an answer; what the
    /// client still writes is read.
    HalfClose,
    /// Handle and record the request as usual; send the headers at once and the body slowly.
    #[serde(rename_all = "camelCase")]
    SlowBody {
        /// The length of the body; the usual one is padded with blanks, which XML allows.
        bytes: u16,
        /// Milliseconds before each byte.
        #[serde(alias = "interval_ms")]
        interval_ms: u64,
    },
    /// Never answer; keep the connection open until the emulator stops.
    Stall,
}

impl Action {
    /// The reason in the record of a request that it was applied to.
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

/// Applies to the next request and does nothing.
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

    /// Applies `action` to the next request.
    pub fn action(action: Action) -> Self {
        Self { action, ..Self::default() }
    }

    /// Applies to `n` requests instead of one.
    pub fn times(self, n: u32) -> Self {
        Self { times: Some(n), ..self }
    }

    /// Applies to every matching request until the faults are cleared.
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    /// Adds `Retry-After`, seconds or an HTTP date. No effect on actions other than [`Action::Status`].
    pub fn retry_after(mut self, value: &str) -> Self {
        if let Action::Status { retry_after, .. } = &mut self.action {
            *retry_after = Some(value.to_owned());
        }
        self
    }

    /// Adds a header to the answer. No effect on actions other than [`Action::Status`].
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Action::Status { headers, .. } = &mut self.action {
            headers.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Waits `ms` milliseconds before the action.
    pub fn delay_ms(self, ms: u64) -> Self {
        Self { delay_ms: ms, ..self }
    }

    /// Applies only to requests to the hub `name`.
    pub fn on_hub(self, name: &str) -> Self {
        Self { hub: Some(name.to_owned()), ..self }
    }

    /// Applies only to requests for the device `handle`.
    pub fn on_device(self, handle: &str) -> Self {
        Self { device_handle: Some(handle.to_owned()), ..self }
    }

    /// Lets the first `n` matching requests pass.
    pub fn skip(self, n: u32) -> Self {
        Self { skip: n, ..self }
    }

    /// Applies to every `n`-th matching request until it is used up.
    pub fn every_nth(self, n: u32) -> Self {
        Self { every_nth: Some(n), ..self }
    }

    /// Applies to `p` of a hundred matching requests, evenly spread.
    pub fn percent(self, p: u8) -> Self {
        Self { percent: Some(p), ..self }
    }

    fn matches(&self, hub: &str, handle: Option<&str>) -> bool {
        self.hub.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(hub))
            && self.device_handle.as_deref().is_none_or(|wanted| Some(wanted) == handle)
    }

    /// Whether it applies to the `n`-th matching request after the skipped ones.
    fn selects(&self, n: u64) -> bool {
        let is_nth = self.every_nth.is_none_or(|every| n.is_multiple_of(u64::from(every)));
        // Evenly spread: a request is selected when the running total reaches the next whole number.
        let total = |n: u64, percent: u8| n * u64::from(percent) / 100;
        is_nth && self.percent.is_none_or(|percent| total(n, percent) != total(n - 1, percent))
    }
}
