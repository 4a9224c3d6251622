//! What the hub saw: every request that it accepted, and how many it did not, by the fault that met them.

use std::collections::BTreeMap;
use std::thread::{self, JoinHandle};

use notification_hubs_emulator::ReceivedRequest;
use serde_json::Value;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::Failure;
use super::events;
use super::fleet;
use super::people::Device;

#[derive(Debug)]
pub struct Witness(JoinHandle<Result<Testimony, String>>);

#[derive(Debug, Default)]
pub struct Testimony {
    pub accepted: Vec<Acceptance>,
    /// How many requests ended how.
    pub counts: BTreeMap<String, usize>,
}

/// A request that the hub accepted.
#[derive(Debug, Clone)]
pub struct Acceptance {
    pub pushed: Pushed,
    pub device: Device,
    /// Who sent it.
    pub incarnation: usize,
    /// When the hub read it, in milliseconds since the start of the run.
    pub at: u64,
    /// What the answer can be found by in the log of whoever got it.
    pub tracking_id: Option<String>,
    /// What makes one notification replace another; a call has none.
    pub replaces: Option<String>,
}

/// What a payload is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The event of that number.
    Event(usize),
    /// The deletion of the chat message of that number.
    Deletion(usize),
}

impl Witness {
    /// A thread of its own, so that it keeps up however busy the run is.
    pub fn watch(mut requests: Receiver<ReceivedRequest>) -> Self {
        Self(thread::spawn(move || {
            let mut testimony = Testimony::default();
            loop {
                match requests.blocking_recv() {
                    Ok(request) => testimony.add(&request)?,
                    Err(RecvError::Closed) => return Ok(testimony),
                    Err(RecvError::Lagged(missed)) => return Err(format!("the witness missed {missed} requests")),
                }
            }
        }))
    }

    /// All that it saw, once the hub is gone.
    pub async fn testimony(self) -> Result<Testimony, Failure> {
        let joined = tokio::task::spawn_blocking(|| self.0.join()).await?;
        Ok(joined.map_err(|_| "the witness panicked")??)
    }
}

impl Testimony {
    fn add(&mut self, request: &ReceivedRequest) -> Result<(), String> {
        let accepted = matches!(request.status, Some(200 | 201));
        let ended = match (&request.reason, accepted) {
            (Some(reason), true) => format!("accepted, {reason}"),
            (None, true) => "accepted".to_owned(),
            (Some(reason), false) => reason.clone(),
            (None, false) => "no reason".to_owned(),
        };
        *self.counts.entry(ended).or_default() += 1;
        if accepted {
            let in_batch = request.batch.iter().flat_map(|batch| &batch.device_handles);
            let handles: Vec<&String> = request.device_handle.iter().chain(in_batch).collect();
            if handles.is_empty() {
                return Err(format!("nobody's push: {request:?}"));
            }
            for handle in handles {
                let acceptance = Acceptance::of(request, handle);
                self.accepted.push(acceptance.ok_or_else(|| format!("nobody's push: {request:?}"))?);
            }
        }
        Ok(())
    }
}

impl Acceptance {
    /// What one device got by a request, for it alone or for many.
    fn of(request: &ReceivedRequest, handle: &str) -> Option<Self> {
        let notification = request.batch.as_ref().map_or(&request.body, |batch| &batch.notification);
        let body: Value = serde_json::from_str(notification).ok()?;
        let (android, apple) = (&body["message"], &body["aps"]);
        let about = if android.is_null() { &body["acs"] } else { &android["data"] };
        let call = if android.is_null() { &body["data"]["callId"] } else { &android["data"]["callId"] };
        let shown = [&apple["alert"]["body"], &android["notification"]["body"], &android["data"]["body"]];
        let pushed = if let Some(call) = call.as_str() {
            Pushed::Event(usize::from_str_radix(call.get(24..)?, 16).ok()?)
        } else if about["op"] == "remove" {
            Pushed::Deletion(about["messageId"].as_str()?.strip_prefix('m')?.parse().ok()?)
        } else {
            let text = shown.iter().find_map(|text| text.as_str())?;
            Pushed::Event(events::number_in(text)?)
        };
        let tags = [&android["android"]["notification"]["tag"], &android["data"]["tag"]];
        let tag = tags.iter().find_map(|tag| tag.as_str()).map(str::to_owned);
        Some(Self {
            pushed,
            device: Device::of_handle(handle)?,
            incarnation: fleet::owner(&request.hub)?,
            at: request.at_ms,
            tracking_id: request.tracking_id.clone(),
            replaces: request.headers.get("apns-collapse-id").cloned().or(tag),
        })
    }
}
