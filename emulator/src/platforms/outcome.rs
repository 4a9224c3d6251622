//! Delivery outcomes: the names that telemetry and feedback use, and which one a notification gets.
//!
//! Names: <https://learn.microsoft.com/rest/api/notificationhubs/get-notification-message-telemetry>. Which error of a
//! push platform becomes which outcome: the metrics of Azure Monitor.

use super::{DeviceState, Format, Problem};

/// The outcome of one notification for one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Success,
    BadChannel,
    ChannelThrottled,
    ExpiredChannel,
    InvalidCredentials,
    InvalidNotificationFormat,
    InvalidNotificationSize,
    /// The device handle is repeated in the batch.
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

    /// The outcome for a device in this state.
    pub(crate) fn for_device(state: DeviceState, format: Format) -> Self {
        match state {
            DeviceState::Healthy => Self::Success,
            DeviceState::Expired => Self::ExpiredChannel,
            // Seen in feedback of 2024, <https://github.com/Azure/azure-notificationhubs-dotnet/issues/321>; the table
            // of Azure Monitor says `BadChannel`.
            DeviceState::Unregistered if format == Format::FcmV1 => Self::UnknownError,
            DeviceState::Unregistered => Self::BadChannel,
            DeviceState::Throttled => Self::ChannelThrottled,
        }
    }

    /// The outcome of a notification with these problems: the first one counts.
    pub(crate) fn for_problems(problems: &[Problem]) -> Self {
        match problems.first() {
            None => Self::Success,
            Some(Problem::PayloadTooLarge { .. }) => Self::InvalidNotificationSize,
            Some(Problem::MissingCredentials(_) | Problem::LegacyFcm) => Self::InvalidCredentials,
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
                | Problem::FcmUnknownAndroidMember(_)
                | Problem::FcmNotObject(_)
                | Problem::FcmDataNotString(_)
                | Problem::FcmReservedKey(_)
                | Problem::FcmTtl(_)
                | Problem::FcmPriority(_),
            ) => Self::InvalidNotificationFormat,
        }
    }

    /// Whether it appears in feedback, which reports failures of devices, not of notifications.
    pub(crate) fn is_in_feedback(self) -> bool {
        matches!(self, Self::BadChannel | Self::ChannelThrottled | Self::ExpiredChannel | Self::UnknownError)
    }
}
