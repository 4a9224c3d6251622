//! One payload for one or more devices of one hub: sends it, and decides what the hub's response means for the devices.

use std::sync::Arc;
use std::time::Duration;

use super::code::Code;
use super::deadlines::Deadlines;
use super::explanation::Explanation;
use crate::notifications::device::{Device, DeviceHandle};
use crate::push::hub::{DirectSend, Hub, SendError, SendFailure, SendSuccess};
use crate::push::payload::Payload;

/// What is sent as one request, or as several equal ones.
#[derive(Debug)]
pub struct SendJob<'a> {
    /// The hub that gets it.
    pub hub: &'a Hub,
    /// The payload, the same for all devices.
    pub payload: Arc<Payload>,
    /// The devices.
    pub devices: Vec<&'a Device>,
    /// Their handles, in the same order.
    pub handles: Vec<&'a DeviceHandle>,
    /// What is sent, which decides what a failure means.
    pub kind: JobKind,
}

/// What a job sends, which decides what a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobKind {
    /// Whether it is about a call: it is sent before others, with a shorter timeout.
    pub is_call: bool,
    /// Whether an alert can be sent instead: it is a VoIP push.
    pub has_alert_fallback: bool,
    /// Whether the hub is the default app's for alerts. Only if that one is misconfigured, the event fails and is repeated:
    /// another hub must not delay the events of everybody else.
    pub is_default_hub: bool,
}

/// What to do after a hub's response.
#[derive(Debug)]
pub enum NextStep {
    /// Nothing: this is the result of each device.
    Done(DeviceResult),
    /// Send to each device separately: the response does not say which of them was refused.
    SendOneByOne,
    /// Send an alert instead of the call: the VoIP hub is misconfigured.
    SendAlertInstead(SendError),
}

/// The result of a device.
#[derive(Debug)]
pub enum DeviceResult {
    /// The hub accepted it.
    Accepted(SendSuccess),
    /// It was refused for good.
    Refused(Refusal),
    /// It failed, and a repeat may succeed.
    Failed(Cause, Option<String>),
    /// The event expired.
    Expired,
}

/// Why a device did not get it: a code and a sentence.
#[derive(Debug, Clone)]
pub struct Cause {
    /// For machines.
    pub code: Code,
    /// For people.
    pub reason: String,
}

/// Why a device was refused for good.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Why.
    pub cause: Cause,
    /// The hub's status, where it was asked.
    pub status: Option<u16>,
    /// The hub's id of the request.
    pub tracking_id: Option<String>,
    /// The hub, if it refused its key or was not found, and is an app's own.
    pub refusing_hub: Option<String>,
    /// The hub's own words.
    pub detail: Option<String>,
}

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
const CALL_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

impl<'a> SendJob<'a> {
    /// Adds a device that gets the same payload.
    pub fn add(&mut self, device: &'a Device, handle: &'a DeviceHandle) {
        self.devices.push(device);
        self.handles.push(handle);
    }

    /// One job for each request.
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

    /// Sends it as one request, and returns the hub's response. A dry run sends nothing and assumes that the hub accepts.
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
            Some(explanation) if explanation.is_dry_run() => Ok(SendSuccess { tracking_id: None, requests: 0 }),
            Some(_) | None => self.hub.send(&direct_send).await,
        };
        if let Some(explanation) = explanation {
            explanation.request_sent(&self.devices, self.hub.name(), &direct_send, &result);
        }
        (self, result)
    }

    /// What to do after the hub's response.
    pub fn next_step(&self, result: Result<SendSuccess, SendFailure>) -> NextStep {
        let failure = match result {
            Ok(sent) => return NextStep::Done(DeviceResult::Accepted(sent)),
            Err(failure) => failure,
        };
        let cause = FailureCause::of(&failure.error);
        // One response for many handles: the cause may be one of them, their number, or that batches are not supported.
        if cause == FailureCause::Request && self.devices.len() > 1 {
            return NextStep::SendOneByOne;
        }
        if matches!(cause, FailureCause::HubSetup | FailureCause::PlatformCredentials) {
            self.hub.log_error(&failure.error);
            // A misconfigured VoIP hub must not lose the call.
            if self.kind.has_alert_fallback {
                return NextStep::SendAlertInstead(failure.error);
            }
        }
        NextStep::Done(match cause {
            FailureCause::Request => DeviceResult::Refused(self.refusal(failure)),
            FailureCause::HubSetup if !self.kind.is_default_hub => {
                let refusing_hub = Some(self.hub.name().to_owned());
                DeviceResult::Refused(Refusal { refusing_hub, ..self.refusal(failure) })
            }
            FailureCause::HubSetup | FailureCause::PlatformCredentials | FailureCause::Temporary => {
                DeviceResult::Failed(self.cause(&failure.error), failure.tracking_id)
            }
            FailureCause::EventExpired => DeviceResult::Expired,
        })
    }

    fn cause(&self, error: &SendError) -> Cause {
        Cause { code: Code::from(error), reason: format!("{error} (hub {})", self.hub.name()) }
    }

    fn refusal(&self, failure: SendFailure) -> Refusal {
        Refusal {
            cause: self.cause(&failure.error),
            status: failure.error.status(),
            tracking_id: failure.tracking_id,
            refusing_hub: None,
            detail: failure.detail,
        }
    }
}

/// The cause of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureCause {
    /// The request itself: it will be refused again.
    Request,
    /// The hub's name or keys, which an operator can correct.
    HubSetup,
    /// The hub's credentials for the platform, which an operator can correct.
    PlatformCredentials,
    /// Something temporary.
    Temporary,
    /// The event expired.
    EventExpired,
}

impl FailureCause {
    fn of(error: &SendError) -> Self {
        match error {
            SendError::BatchNotSupported | SendError::BadRequest | SendError::TooLarge | SendError::Refused(_) => {
                Self::Request
            }
            SendError::Unauthorized | SendError::Forbidden | SendError::NotFound => Self::HubSetup,
            SendError::NoPlatformCredentials(_) => Self::PlatformCredentials,
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
    /// A refusal without a request.
    pub fn not_sent(code: Code, reason: &str) -> Self {
        let cause = Cause { code, reason: reason.to_owned() };
        Self { cause, status: None, tracking_id: None, refusing_hub: None, detail: None }
    }
}
