//! The platforms of registrations and installations: their names there, and the elements that hold a device handle.
//!
//! Element names and their order are those of recorded answers; `Xiaomi` and `Browser` follow the JavaScript SDK.

use crate::platforms::Format;

/// A platform as registrations and installations name it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Platform {
    /// `Apple` in `AppleRegistrationDescription` and `AppleTemplateRegistrationDescription`.
    pub(crate) kind: &'static str,
    /// `platform` of an installation.
    pub(crate) installation: &'static str,
    pub(crate) format: Format,
    /// The elements that together are the device handle, in the order in which the service writes them.
    pub(crate) handle: &'static [&'static str],
    /// `Apns` in `ApnsHeaders` and `ApnsHeader`, for the platforms whose templates have headers.
    pub(crate) headers: Option<&'static str>,
}

static PLATFORMS: [Platform; 9] = [
    platform("Adm", "adm", Format::Adm, &["AdmRegistrationId"], None),
    platform("Apple", "apns", Format::Apple, &["DeviceToken"], Some("Apns")),
    platform("Baidu", "baidu", Format::Baidu, &["BaiduUserId", "BaiduChannelId"], None),
    platform("Browser", "browser", Format::Browser, &["Endpoint", "P256DH", "Auth"], None),
    platform("FcmV1", "fcmv1", Format::FcmV1, &["FcmV1RegistrationId"], None),
    platform("Gcm", "gcm", Format::Gcm, &["GcmRegistrationId"], None),
    platform("Mpns", "mpns", Format::WindowsPhone, &["ChannelUri"], Some("Mpns")),
    platform("Windows", "wns", Format::Windows, &["ChannelUri"], Some("Wns")),
    platform("Xiaomi", "xiaomi", Format::Xiaomi, &["XiaomiRegistrationId"], None),
];

const fn platform(
    kind: &'static str,
    installation: &'static str,
    format: Format,
    handle: &'static [&'static str],
    headers: Option<&'static str>,
) -> Platform {
    Platform { kind, installation, format, handle, headers }
}

impl Platform {
    /// The platform of a registration of this kind.
    pub(crate) fn of_kind(kind: &str) -> Option<&'static Self> {
        PLATFORMS.iter().find(|platform| platform.kind == kind)
    }

    /// The platform that an installation names; letter case is ignored.
    pub(crate) fn of_installation(name: &str) -> Option<&'static Self> {
        PLATFORMS.iter().find(|platform| platform.installation.eq_ignore_ascii_case(name))
    }
}
