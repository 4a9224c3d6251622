//! One payload for devices that one hub reaches: put together, asked for, and what the hub's answer means for them.

use std::sync::Arc;
use std::time::Duration;

use super::deadlines::Deadlines;
use super::explanation::Explanation;
use crate::notifications::device::{Device, DeviceHandle};
use crate::push::hub::{DirectSend, Hub, SendError, SendFailure, SendSuccess};
use crate::push::payload::Payload;

/// What goes out as one request, or as several of the same.
#[derive(Debug)]
pub struct SendJob<'a> {
    /// Where it is posted.
    pub hub: &'a Hub,
    /// What is posted, the same one for all.
    pub payload: Arc<Payload>,
    /// For whom.
    pub devices: Vec<&'a Device>,
    /// Their handles, in the same order.
    pub handles: Vec<&'a DeviceHandle>,
    /// What it is.
    pub kind: JobKind,
}

/// What a job is, which says what a failure of it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobKind {
    /// Whether it is about a call: it goes before others, and an answer is not waited for so long.
    pub is_call: bool,
    /// Whether an alert can take its place: it is a call for VoIP handles.
    pub has_alert_fallback: bool,
    /// Whether the hub is the default one for alerts. Only its wrong set-up is worth a repeat: another one must not hold
    /// up the events of everybody else.
    pub is_default_hub: bool,
}

/// What a hub's answer means for the devices of a job.
#[derive(Debug)]
pub enum NextStep {
    /// It is the last word for each of them.
    Done(DeviceResult),
    /// It says nothing of each device: each is to be tried by itself.
    SendOneByOne,
    /// They cannot be rung, as the hub is set up wrongly: an alert takes the place of the call.
    SendAlertInstead(SendError),
}

/// What became of devices.
#[derive(Debug)]
pub enum DeviceResult {
    /// The hub took it.
    Accepted(SendSuccess),
    /// It cannot succeed.
    Refused(Refusal),
    /// A repeat can mend it.
    Failed(SendFailure),
    /// The event grew too old.
    Expired,
}

/// What a hub said to a device that it refused for good.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Why.
    pub reason: String,
    /// The hub's status, where it was asked.
    pub status: Option<u16>,
    /// The hub's id of the request.
    pub tracking_id: Option<String>,
}

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
const CALL_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

impl<'a> SendJob<'a> {
    /// Adds a device that gets the same.
    pub fn add(&mut self, device: &'a Device, handle: &'a DeviceHandle) {
        self.devices.push(device);
        self.handles.push(handle);
    }

    /// As many jobs as requests are to be made.
    pub fn into_requests(self) -> Vec<Self> {
        if self.devices.len() == 1 {
            return vec![self];
        }
        let shares = self.hub.batch_sizes(&self.payload, &self.handles);
        self.cut(shares).collect()
    }

    /// A job for each device.
    pub fn one_by_one(self) -> impl Iterator<Item = Self> {
        let shares = vec![1; self.devices.len()];
        self.cut(shares)
    }

    fn cut(self, shares: Vec<usize>) -> impl Iterator<Item = Self> {
        let Self { hub, payload, devices, handles, kind } = self;
        let (mut devices, mut handles) = (devices.into_iter(), handles.into_iter());
        shares.into_iter().map(move |share| Self {
            hub,
            payload: Arc::clone(&payload),
            devices: devices.by_ref().take(share).collect(),
            handles: handles.by_ref().take(share).collect(),
            kind,
        })
    }

    /// Sends it as one request, and tells what the hub said. A dry run takes that for granted.
    pub async fn send(
        self,
        deadlines: Deadlines,
        explanation: Option<&Explanation>,
    ) -> (SendJob<'a>, Result<SendSuccess, SendFailure>) {
        let direct_send = DirectSend {
            handles: &self.handles,
            payload: &self.payload,
            urgent: self.kind.is_call,
            attempt_timeout: if self.kind.is_call { CALL_ATTEMPT_TIMEOUT } else { ATTEMPT_TIMEOUT },
            deadline: deadlines.deadline,
            expires_at: deadlines.expires_at,
        };
        let result = match explanation {
            Some(explanation) if explanation.is_dry_run() => Ok(SendSuccess { tracking_id: None }),
            Some(_) | None => self.hub.send(&direct_send).await,
        };
        if let Some(explanation) = explanation {
            explanation.request_sent(&self.devices, self.hub.name(), &direct_send, &result);
        }
        (self, result)
    }

    /// What the answer means for its devices.
    pub fn next_step(&self, result: Result<SendSuccess, SendFailure>) -> NextStep {
        let failure = match result {
            Ok(sent) => return NextStep::Done(DeviceResult::Accepted(sent)),
            Err(failure) => failure,
        };
        let cause = FailureCause::of(&failure.error);
        // One answer for many handles: a refusal may be due to one of them, to the size of all, or to batches as such.
        if cause == FailureCause::Request && self.devices.len() > 1 {
            return NextStep::SendOneByOne;
        }
        if matches!(cause, FailureCause::HubSetup | FailureCause::PlatformCredentials) {
            if self.hub.should_log(&failure.error) {
                tracing::error!(hub = self.hub.name(), "{}", failure.error);
            }
            // A wrong VoIP hub must not cost the call.
            if self.kind.has_alert_fallback {
                return NextStep::SendAlertInstead(failure.error);
            }
        }
        NextStep::Done(match cause {
            FailureCause::Request => DeviceResult::Refused(failure.into()),
            FailureCause::HubSetup if !self.kind.is_default_hub => DeviceResult::Refused(failure.into()),
            FailureCause::HubSetup | FailureCause::PlatformCredentials | FailureCause::Temporary => {
                DeviceResult::Failed(failure)
            }
            FailureCause::EventExpired => DeviceResult::Expired,
        })
    }
}

/// What an error is due to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureCause {
    /// What was sent: it stays refused.
    Request,
    /// The hub's name or keys, which an operator can mend.
    HubSetup,
    /// The hub's credentials for the platform, which an operator can mend.
    PlatformCredentials,
    /// The moment: it passes.
    Temporary,
    /// The age of the event.
    EventExpired,
}

impl FailureCause {
    fn of(error: &SendError) -> Self {
        match error {
            SendError::BatchNotSupported | SendError::BadRequest | SendError::TooLarge | SendError::Refused(_) => {
                Self::Request
            }
            SendError::Unauthorized | SendError::Forbidden | SendError::NotFound => Self::HubSetup,
            SendError::NoPlatformCredentials => Self::PlatformCredentials,
            SendError::Throttled { .. }
            | SendError::Unavailable { .. }
            | SendError::NoConnection(_)
            | SendError::ConnectionLost
            | SendError::Timeout
            | SendError::Paused
            | SendError::DeadlineReached => Self::Temporary,
            SendError::Expired => Self::EventExpired,
        }
    }
}

impl Refusal {
    /// No hub was asked.
    pub fn not_sent(reason: &str) -> Self {
        Self { reason: reason.to_owned(), status: None, tracking_id: None }
    }
}

impl From<SendFailure> for Refusal {
    fn from(failure: SendFailure) -> Self {
        Self { reason: failure.error.to_string(), status: failure.error.status(), tracking_id: failure.tracking_id }
    }
}
