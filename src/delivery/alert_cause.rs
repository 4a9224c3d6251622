//! Why a device gets an alert instead of a call: one sentence for each cause.

use crate::notifications::CallDefect;
use crate::push::hub::SendError;

/// Why the call itself does not go to a device, for the event's log line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlertCause {
    /// The device is an iPhone that is reached through FCM.
    #[error(
        "an iPhone cannot ring through FCM (register it as apns, with its PushKit token as voipPushChannel), {INSTEAD}"
    )]
    FcmTokenOnIos,
    /// The device's app has no VoIP hub.
    #[error(
        "the device's app has no VoIP hub (set NOTIFICATION_HUB_VOIP_NAME, or NOTIFICATION_HUB_<APP>_VOIP_NAME), {INSTEAD}"
    )]
    NoVoipHub,
    /// The installation has no handle for calls.
    #[error("the installation has no voipPushChannel (PUT it with the device's PushKit token), {INSTEAD}")]
    NoVoipHandle,
    /// The VoIP hub refused the call because its settings are wrong.
    #[error("the VoIP hub refused the call ({0}), {INSTEAD}")]
    VoipHubRefused(SendError),
    /// The Calling SDK needs a claim of the call's context that cannot be read.
    #[error("the event's incomingCallContext has no readable claim cc, {INSTEAD}")]
    ContextUnreadable,
    /// The call's id would crash the Calling SDK.
    #[error("the event's correlationId is not a UUID, {INSTEAD}")]
    NoUuid,
    /// The Calling SDK could not tell who calls whom.
    #[error("the event does not name the raw ids of caller and callee, {INSTEAD}")]
    NoRawId,
    /// Even without its texts, the call is larger than a payload may be.
    #[error("the call does not fit into one payload, {INSTEAD}")]
    CallTooLarge,
}

const INSTEAD: &str = "so an alert is sent instead of the call";

impl From<CallDefect> for AlertCause {
    fn from(defect: CallDefect) -> Self {
        match defect {
            CallDefect::ContextUnreadable => Self::ContextUnreadable,
            CallDefect::NoUuid => Self::NoUuid,
            CallDefect::NoRawId => Self::NoRawId,
        }
    }
}
