//! A phone that can be pushed to. No protocol's spelling of anything belongs here.

use std::fmt;
use std::sync::Arc;

use crate::notifications::locale::Locale;
use crate::notifications::preferences::Preferences;

/// One registered phone, as far as a delivery needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The id its installation was registered under.
    pub installation_id: Arc<str>,
    /// The app it belongs to; `None` is the default one.
    pub app: Option<AppName>,
    /// The push service that reaches it.
    pub platform: Platform,
    /// Its operating system, if known: FCM reaches both.
    pub os: Option<Os>,
    /// The language of its user.
    pub locale: Option<Locale>,
    /// Where alerts and background pushes go.
    pub handle: Option<DeviceHandle>,
    /// Where calls go on iOS.
    pub voip_handle: Option<DeviceHandle>,
    /// How much of a message its lock screen may show; `None` leaves it to the setting.
    pub content: Option<ContentMode>,
    /// What its user wants to hear of.
    pub preferences: Preferences,
    /// How Android gets what is to be shown; `None` leaves it to the type.
    pub android: Option<AndroidMode>,
}

/// A push service of a phone maker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Apple Push Notification service.
    Apns,
    /// Firebase Cloud Messaging, HTTP v1.
    FcmV1,
}

/// The operating system of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    /// iOS or iPadOS.
    Ios,
    /// Android.
    Android,
}

/// How Android gets what is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AndroidMode {
    /// The system shows it, without any code of the app. Of several for a phone that is offline, one arrives.
    #[default]
    Notification,
    /// The app shows it. Each arrives.
    Data,
}

/// How much a notification shows. The order is from the most to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentMode {
    /// Who and what.
    Full,
    /// Who, not what.
    Sender,
    /// Neither.
    Hidden,
}

/// A second app, or the same one on Apple's sandbox, named as in its settings but in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppName(String);

/// What the push service knows a phone by. It is a credential: `Debug` redacts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DeviceHandle(String);

impl Platform {
    /// The name in registrations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apns => "apns",
            Self::FcmV1 => "fcmv1",
        }
    }
}

impl ContentMode {
    /// Reads `full`, `sender` or `hidden`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Full, Self::Sender, Self::Hidden].into_iter().find(|mode| text.eq_ignore_ascii_case(mode.name()))
    }

    /// The name that is read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Sender => "sender",
            Self::Hidden => "hidden",
        }
    }
}

impl AndroidMode {
    /// Reads `notification` or `data`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Notification, Self::Data].into_iter().find(|mode| text.eq_ignore_ascii_case(mode.name()))
    }

    /// The name that is read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::Data => "data",
        }
    }
}

impl AppName {
    /// Reads an app's name: ASCII letters and digits, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        valid.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DeviceHandle {
    /// Takes a handle as the push service issued it.
    pub fn new(handle: impl Into<String>) -> Self {
        Self(handle.into())
    }

    /// The handle itself: for the request to the hub and the store, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A form that may be shown: the last four characters of a long handle.
    pub fn masked(&self) -> String {
        let shown = if self.0.len() >= 16 { self.0.get(self.0.len() - 4..).unwrap_or_default() } else { "" };
        format!("{MASK}{shown}")
    }

    /// Whether `text` is a handle that was masked by [`Self::masked`], so not one to push to.
    pub fn is_masked(text: &str) -> bool {
        text.starts_with(MASK)
    }
}

const MASK: &str = "****";

impl fmt::Debug for DeviceHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DeviceHandle(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_handle_shows_four_characters_of_a_long_one_and_none_of_a_short_one() {
        assert_eq!(DeviceHandle::new("0123456789abcdef").masked(), "****cdef");
        assert_eq!(DeviceHandle::new("short").masked(), "****");
        assert!(DeviceHandle::is_masked(&DeviceHandle::new("0123456789abcdef").masked()));
    }

    #[test]
    fn less_content_is_the_greater_mode() {
        assert!(ContentMode::Hidden > ContentMode::Sender && ContentMode::Sender > ContentMode::Full);
    }
}
