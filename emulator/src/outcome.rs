//! What becomes of a notification at a device: the outcomes that telemetry counts and feedback
//! names, and what brings them about.
//!
//! Names: <https://learn.microsoft.com/rest/api/notificationhubs/get-notification-message-telemetry>;
//! which push service error becomes which of them: the metrics of Azure Monitor.

use crate::devices::DeviceState;
use crate::format::Format;
use crate::wording::Problem;

/// The end of one notification on one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Success,
    BadChannel,
    ChannelThrottled,
    ExpiredChannel,
    InvalidCredentials,
    InvalidNotificationFormat,
    InvalidNotificationSize,
    /// The handle stands in the batch more than once.
    Skipped,
    UnknownError,
    WrongToken,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::BadChannel => "BadChannel",
            Self::ChannelThrottled => "ChannelThrottled",
            Self::ExpiredChannel => "ExpiredChannel",
            Self::InvalidCredentials => "InvalidCredentials",
            Self::InvalidNotificationFormat => "InvalidNotificationFormat",
            Self::InvalidNotificationSize => "InvalidNotificationSize",
            Self::Skipped => "Skipped",
            Self::UnknownError => "UnknownError",
            Self::WrongToken => "WrongToken",
        }
    }

    /// What the push service says of a device in that state.
    pub(crate) fn of_device(state: DeviceState, format: Format) -> Self {
        match state {
            DeviceState::Healthy => Self::Success,
            DeviceState::Expired => Self::ExpiredChannel,
            // Seen in feedback of 2024, <https://github.com/Azure/azure-notificationhubs-dotnet/issues/321>, against
            // the table of Azure Monitor.
            DeviceState::Unregistered if format == Format::FcmV1 => Self::UnknownError,
            DeviceState::Unregistered => Self::BadChannel,
            DeviceState::Throttled => Self::ChannelThrottled,
        }
    }

    /// What the push service says of a notification with these problems: the first one counts.
    pub(crate) fn of_content(problems: &[Problem]) -> Self {
        match problems.first() {
            None => Self::Success,
            Some(Problem::PayloadTooLarge { .. }) => Self::InvalidNotificationSize,
            Some(Problem::NoCredentials(_) | Problem::LegacyFcm) => Self::InvalidCredentials,
            Some(Problem::VoipOnOrdinaryHub(_) | Problem::OrdinaryOnVoipHub) => Self::WrongToken,
            Some(
                Problem::ApnsNotObject
                | Problem::ApnsWithoutAps
                | Problem::ApnsPriority(_)
                | Problem::ApnsExpiration(_)
                | Problem::ApnsPushType(_)
                | Problem::ApnsCollapseId(_)
                | Problem::BackgroundPriority
                | Problem::BackgroundNotAvailable
                | Problem::BackgroundVisible(_)
                | Problem::FcmWithoutMessage
                | Problem::FcmTarget(_)
                | Problem::FcmUnknownMember(_)
                | Problem::FcmUnknownNotificationMember(_)
                | Problem::FcmNotObject(_)
                | Problem::FcmDataNotString(_)
                | Problem::FcmReservedKey(_)
                | Problem::FcmTtl(_)
                | Problem::FcmPriority(_),
            ) => Self::InvalidNotificationFormat,
        }
    }

    /// Whether feedback tells of it: it is the device's fault, not the notification's.
    pub(crate) fn is_told_in_feedback(self) -> bool {
        matches!(self, Self::BadChannel | Self::ChannelThrottled | Self::ExpiredChannel | Self::UnknownError)
    }
}
