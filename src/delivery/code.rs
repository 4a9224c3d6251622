//! The codes of event lines, and of lines about dead tokens: the one list. A code is stable, because operators search for it;
//! `docs/operate.md` has its cause and its fix, and the test below holds the two lists together.

use serde::{Serialize, Serializer};

use super::alert_cause::AlertCause;
use crate::events::IgnoreReason;
use crate::notifications::preferences::LeftOut;
use crate::push::hub::SendError;
use crate::push::hub::feedback::FeedbackError;
use crate::storage::store::StoreError;
use crate::storage::store::azure::AzureError;

macro_rules! codes {
    ($($(#[$documentation:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// Why an event ended as it did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[$documentation])* $variant,)+
        }

        impl Code {
            /// The code as it is written.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$variant),+];
        }
    };
}

codes! {
    /// The hub accepted it for every device, as a call where it is one.
    Delivered = "delivered",

    /// The subject has none of the prefixes.
    Subject = "subject",
    /// The type is not in `EVENT_TYPES`.
    EventType = "event_type",

    /// The type is never pushed.
    UnpushedType = "unpushed_type",
    /// The type is switched off.
    SwitchedOff = "switched_off",
    /// The message has no text.
    EmptyBody = "empty_body",
    /// A bot's event, for programs.
    BotEvent = "bot_event",
    /// A contact centre's event, for programs.
    CustomEvent = "custom_event",
    /// The delivery report tells of a success.
    NotFailed = "not_failed",
    /// Somebody else joined or left.
    SomebodyElse = "somebody_else",
    /// The call is to a phone number.
    CallToNumber = "call_to_number",
    /// The thread wrote the message.
    ControlMessage = "control_message",
    /// The edit came too late.
    LateEdit = "late_edit",

    /// It is older than its lifetime.
    TooOld = "too_old",

    /// Every device got it before.
    AlreadyDelivered = "already_delivered",
    /// The message was deleted before.
    MessageDeleted = "message_deleted",
    /// The same or a newer version of the message was handled before.
    VersionHandled = "version_handled",

    /// It names nobody.
    NoRecipient = "no_recipient",
    /// The recipient did it.
    OwnAction = "own_action",
    /// No device is to show it, because of a muted thread.
    Muted = "muted",
    /// No device is to show it, because of `notify`.
    NotNotified = "not_notified",
    /// No device is to ring.
    CallsOff = "calls_off",
    /// The recipient has no device.
    NoInstallation = "no_installation",
    /// The push service reported the handle for alerts as dead.
    NoPushChannel = "no_push_channel",

    /// It is no event.
    NotAnEvent = "not_an_event",
    /// Its data is not what its type requires.
    Malformed = "malformed",
    /// Even without texts the payload is too large.
    PayloadTooLarge = "payload_too_large",
    /// The device's app has no hub.
    NoHubForApp = "no_hub_for_app",

    /// The device is an iPhone that is reached through FCM.
    FcmTokenOnIos = "fcm_token_on_ios",
    /// The app has no VoIP hub.
    NoVoipHub = "no_voip_hub",
    /// The installation has no handle for calls.
    NoVoipHandle = "no_voip_handle",
    /// The VoIP hub refused the call.
    VoipHubRefused = "voip_hub_refused",
    /// The call's context cannot be read.
    ContextUnreadable = "context_unreadable",
    /// The call's id is no UUID.
    NoUuid = "no_uuid",
    /// Caller or callee has no raw id.
    NoRawId = "no_raw_id",
    /// The call is too large.
    CallTooLarge = "call_too_large",

    /// 401.
    HubUnauthorized = "hub_unauthorized",
    /// 403.
    HubForbidden = "hub_forbidden",
    /// 404.
    HubNotFound = "hub_not_found",
    /// 400.
    HubBadRequest = "hub_bad_request",
    /// 400, for lack of credentials.
    HubNoCredentials = "hub_no_credentials",
    /// 413.
    HubTooLarge = "hub_too_large",
    /// Another status that is final.
    HubRefused = "hub_refused",
    /// 429, or 403 with `Retry-After`.
    HubThrottled = "hub_throttled",
    /// The hub's `Retry-After` ends after the deadline.
    HubPaused = "hub_paused",
    /// 408 or 5xx.
    HubUnavailable = "hub_unavailable",
    /// No connection was made.
    HubNoConnection = "hub_no_connection",
    /// The connection was lost.
    HubConnectionLost = "hub_connection_lost",
    /// No response came in time.
    HubTimeout = "hub_timeout",
    /// No place for the request was free in time.
    HubBusy = "hub_busy",

    /// The same event or message is still being delivered.
    UnderWay = "under_way",

    /// No connection to the store was made.
    StoreNoConnection = "store_no_connection",
    /// The connection to the store was lost.
    StoreConnectionLost = "store_connection_lost",
    /// The store did not answer in time.
    StoreTimeout = "store_timeout",
    /// The store has a temporary fault.
    StoreUnavailable = "store_unavailable",
    /// The store refuses.
    StoreRefused = "store_refused",
    /// What answers is no Azure Blob.
    StoreNotBlob = "store_not_blob",
    /// The store's container was deleted.
    StoreContainerDeleted = "store_container_deleted",
    /// The identity has no access token for the store.
    StoreNoToken = "store_no_token",
    /// The storage account cannot be used.
    StoreUnusable = "store_unusable",
    /// The store's folder cannot be used.
    StoreFolder = "store_folder",
    /// A stored document is damaged.
    StoreDocumentDamaged = "store_document_damaged",
    /// A newer program wrote the document.
    StoreNewerFormat = "store_newer_format",
    /// The store has another layout.
    StoreOtherLayout = "store_other_layout",
    /// A document has too many concurrent changes.
    StoreContended = "store_contended",
    /// The dead letter was not written.
    DeadLetterNotStored = "dead_letter_not_stored",

    /// Of dead tokens: the hub has no feedback for the key.
    FeedbackForbidden = "feedback_forbidden",
    /// Of dead tokens: the feedback is not what is documented, or its container refuses.
    FeedbackUnreadable = "feedback_unreadable",
    /// Of dead tokens: more were reported than may be removed.
    TooManyDead = "too_many_dead",
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl From<IgnoreReason> for Code {
    fn from(reason: IgnoreReason) -> Self {
        match reason {
            IgnoreReason::EmptyBody => Self::EmptyBody,
            IgnoreReason::BotEvent => Self::BotEvent,
            IgnoreReason::CustomEvent => Self::CustomEvent,
            IgnoreReason::NotFailed => Self::NotFailed,
            IgnoreReason::SomebodyElse => Self::SomebodyElse,
            IgnoreReason::CallToNumber => Self::CallToNumber,
            IgnoreReason::ControlMessage => Self::ControlMessage,
            IgnoreReason::LateEdit => Self::LateEdit,
        }
    }
}

impl From<LeftOut> for Code {
    fn from(left_out: LeftOut) -> Self {
        match left_out {
            LeftOut::Muted => Self::Muted,
            LeftOut::Notify => Self::NotNotified,
            LeftOut::CallsOff => Self::CallsOff,
        }
    }
}

/// Why a call became an alert: the code and the sentence.
pub fn code_and_sentence(cause: &AlertCause) -> String {
    format!("{}: {cause}", Code::from(cause).name())
}

impl From<&AlertCause> for Code {
    fn from(cause: &AlertCause) -> Self {
        match cause {
            AlertCause::FcmTokenOnIos => Self::FcmTokenOnIos,
            AlertCause::NoVoipHub => Self::NoVoipHub,
            AlertCause::NoVoipHandle => Self::NoVoipHandle,
            AlertCause::VoipHubRefused(_) => Self::VoipHubRefused,
            AlertCause::ContextUnreadable => Self::ContextUnreadable,
            AlertCause::NoUuid => Self::NoUuid,
            AlertCause::NoRawId => Self::NoRawId,
            AlertCause::CallTooLarge => Self::CallTooLarge,
        }
    }
}

impl From<&SendError> for Code {
    fn from(error: &SendError) -> Self {
        match error {
            SendError::Unauthorized => Self::HubUnauthorized,
            SendError::Forbidden | SendError::BatchNotSupported => Self::HubForbidden,
            SendError::NotFound => Self::HubNotFound,
            SendError::BadRequest => Self::HubBadRequest,
            SendError::NoPlatformCredentials(_) => Self::HubNoCredentials,
            SendError::TooLarge => Self::HubTooLarge,
            SendError::Refused(_) => Self::HubRefused,
            SendError::Throttled { .. } => Self::HubThrottled,
            SendError::Paused => Self::HubPaused,
            SendError::Unavailable { .. } => Self::HubUnavailable,
            SendError::NoConnection(_) => Self::HubNoConnection,
            SendError::ConnectionLost => Self::HubConnectionLost,
            SendError::Timeout => Self::HubTimeout,
            SendError::DeadlineReached => Self::HubBusy,
            SendError::Expired => Self::TooOld,
        }
    }
}

impl From<&FeedbackError> for Code {
    fn from(error: &FeedbackError) -> Self {
        match error {
            FeedbackError::Unauthorized => Self::HubUnauthorized,
            FeedbackError::Forbidden => Self::FeedbackForbidden,
            FeedbackError::NotFound => Self::HubNotFound,
            FeedbackError::Unavailable(_) => Self::HubUnavailable,
            FeedbackError::NoConnection(_) => Self::HubNoConnection,
            FeedbackError::Lost => Self::HubConnectionLost,
            FeedbackError::Timeout => Self::HubTimeout,
            FeedbackError::NoAddress | FeedbackError::Container(_) | FeedbackError::Form => Self::FeedbackUnreadable,
        }
    }
}

impl From<&StoreError> for Code {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Azure(AzureError::NoConnection(_)) => Self::StoreNoConnection,
            StoreError::Azure(AzureError::ConnectionLost) => Self::StoreConnectionLost,
            StoreError::Azure(AzureError::Timeout) | StoreError::Late => Self::StoreTimeout,
            StoreError::Azure(AzureError::Unavailable(_)) => Self::StoreUnavailable,
            StoreError::Azure(AzureError::Refused(_)) => Self::StoreRefused,
            StoreError::Azure(AzureError::NotBlob(_)) => Self::StoreNotBlob,
            StoreError::Azure(AzureError::ContainerMissing) => Self::StoreContainerDeleted,
            StoreError::Azure(AzureError::NoToken { .. }) => Self::StoreNoToken,
            StoreError::Azure(AzureError::Unusable(_)) => Self::StoreUnusable,
            StoreError::Folder(_) => Self::StoreFolder,
            StoreError::Unreadable(_) => Self::StoreDocumentDamaged,
            StoreError::NewerFormat { .. } => Self::StoreNewerFormat,
            StoreError::OtherLayout { .. } => Self::StoreOtherLayout,
            StoreError::Contended(_) => Self::StoreContended,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_has_a_row_in_the_document_and_each_row_a_code() {
        let document = include_str!("../../docs/operate.md");
        let table = document.split("## Codes").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        let described: Vec<&str> = rows.map(|row| row.split('`').next().unwrap()).collect();
        let listed: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(listed.len(), Code::ALL.len(), "two codes have one name");
        assert_eq!(described.len(), listed.len(), "a code has two rows, or none");
        assert_eq!(listed, described.into_iter().collect(), "left: the code, right: docs/operate.md");
        let is_snake = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(listed.iter().all(is_snake), "{listed:?}");
    }
}
