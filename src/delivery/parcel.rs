//! One payload for devices that one hub reaches: put together, asked for, and what the hub's answer means for them.

use std::sync::Arc;
use std::time::Duration;

use super::explanation::Explanation;
use super::times::Times;
use crate::notifications::device::{Device, DeviceHandle};
use crate::push::hub::{DirectSend, Hub, SendError, SendFailure, Sent};
use crate::push::payload::Payload;

/// What goes out as one request, or as several of the same.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// Where it is posted.
    pub hub: &'a Hub,
    /// What is posted, the same one for all.
    pub payload: Arc<Payload>,
    /// For whom.
    pub devices: Vec<&'a Device>,
    /// Their handles, in the same order.
    pub handles: Vec<&'a DeviceHandle>,
    /// What it is.
    pub kind: Kind,
}

/// What a parcel is, which says what a failure of it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Whether it is about a call: it goes before others, and an answer is not waited for so long.
    pub is_call: bool,
    /// Whether an alert can take its place: it is a call for VoIP handles.
    pub has_substitute: bool,
    /// Whether the hub is the default one for alerts. Only its wrong set-up is worth a repeat: another one must not hold
    /// up the events of everybody else.
    pub is_default_hub: bool,
}

/// What a hub's answer means for the devices of a parcel.
#[derive(Debug)]
pub enum Meaning {
    /// It is the last word for each of them.
    Settled(Sending),
    /// It says nothing of each device: each is to be tried by itself.
    OneByOne,
    /// They cannot be rung, as the hub is set up wrongly: an alert takes the place of the call.
    AlertInstead(SendError),
}

/// What became of devices.
#[derive(Debug)]
pub enum Sending {
    /// The hub took it.
    Accepted(Sent),
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

const ATTEMPT_LIMIT: Duration = Duration::from_secs(8);
const CALL_ATTEMPT_LIMIT: Duration = Duration::from_secs(4);

impl<'a> Parcel<'a> {
    /// Adds a device that gets the same.
    pub fn add(&mut self, device: &'a Device, handle: &'a DeviceHandle) {
        self.devices.push(device);
        self.handles.push(handle);
    }

    /// As many parcels as requests are to be made.
    pub fn into_requests(self) -> Vec<Self> {
        if self.devices.len() == 1 {
            return vec![self];
        }
        let shares = self.hub.shares(&self.payload, &self.handles);
        self.cut(shares).collect()
    }

    /// A parcel for each device.
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
        times: Times,
        explanation: Option<&Explanation>,
    ) -> (Parcel<'a>, Result<Sent, SendFailure>) {
        let direct_send = DirectSend {
            handles: &self.handles,
            payload: &self.payload,
            urgent: self.kind.is_call,
            attempt_limit: if self.kind.is_call { CALL_ATTEMPT_LIMIT } else { ATTEMPT_LIMIT },
            deadline: times.deadline,
            expires_at: times.expires_at,
        };
        let answer = match explanation {
            Some(explanation) if explanation.is_dry_run() => Ok(Sent { tracking_id: None }),
            Some(_) | None => self.hub.send(&direct_send).await,
        };
        if let Some(explanation) = explanation {
            explanation.sending(&self.devices, self.hub.name(), &direct_send, &answer);
        }
        (self, answer)
    }

    /// What the answer means for its devices.
    pub fn meaning(&self, answer: Result<Sent, SendFailure>) -> Meaning {
        let failure = match answer {
            Ok(sent) => return Meaning::Settled(Sending::Accepted(sent)),
            Err(failure) => failure,
        };
        let fault = Fault::of(&failure.error);
        // One answer for many handles: a refusal may be due to one of them, to the size of all, or to batches as such.
        if fault == Fault::Request && self.devices.len() > 1 {
            return Meaning::OneByOne;
        }
        if matches!(fault, Fault::Hub | Fault::Credentials) {
            if self.hub.is_news(&failure.error) {
                tracing::error!(hub = self.hub.name(), "{}", failure.error);
            }
            // A wrong VoIP hub must not cost the call.
            if self.kind.has_substitute {
                return Meaning::AlertInstead(failure.error);
            }
        }
        Meaning::Settled(match fault {
            Fault::Request => Sending::Refused(failure.into()),
            Fault::Hub if !self.kind.is_default_hub => Sending::Refused(failure.into()),
            Fault::Hub | Fault::Credentials | Fault::Moment => Sending::Failed(failure),
            Fault::Age => Sending::Expired,
        })
    }
}

/// What an error is due to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// What was sent: it stays refused.
    Request,
    /// The hub's name or keys, which an operator can mend.
    Hub,
    /// The hub's credentials for the platform, which an operator can mend.
    Credentials,
    /// The moment: it passes.
    Moment,
    /// The age of the event.
    Age,
}

impl Fault {
    fn of(error: &SendError) -> Self {
        match error {
            SendError::NoBatches | SendError::BadRequest | SendError::TooLarge | SendError::Refused(_) => Self::Request,
            SendError::Unauthorized | SendError::Forbidden | SendError::NotFound => Self::Hub,
            SendError::NoCredentials => Self::Credentials,
            SendError::Throttled { .. }
            | SendError::Unavailable { .. }
            | SendError::NoConnection(_)
            | SendError::ConnectionLost
            | SendError::NoAnswer
            | SendError::Paused
            | SendError::OutOfTime => Self::Moment,
            SendError::Expired => Self::Age,
        }
    }
}

impl Refusal {
    /// No hub was asked.
    pub fn unasked(reason: &str) -> Self {
        Self { reason: reason.to_owned(), status: None, tracking_id: None }
    }
}

impl From<SendFailure> for Refusal {
    fn from(failure: SendFailure) -> Self {
        Self { reason: failure.error.to_string(), status: failure.error.status(), tracking_id: failure.tracking_id }
    }
}
