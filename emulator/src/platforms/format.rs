//! The values of `ServiceBusNotification-Format` and their content types.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>, and for the newer platforms
//! the `@azure/notification-hubs` package.

/// A notification format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    Adm,
    Apple,
    Baidu,
    Browser,
    FcmV1,
    Gcm,
    Template,
    Windows,
    WindowsPhone,
    Xiaomi,
}

const JSON: &[&str] = &["application/json"];

impl Format {
    const ALL: [Self; 10] = [
        Self::Adm,
        Self::Apple,
        Self::Baidu,
        Self::Browser,
        Self::FcmV1,
        Self::Gcm,
        Self::Template,
        Self::Windows,
        Self::WindowsPhone,
        Self::Xiaomi,
    ];

    /// Parses a header value; letter case is ignored, as the service does.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(text))
    }

    /// The value of the header.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Adm => "adm",
            Self::Apple => "apple",
            Self::Baidu => "baidu",
            Self::Browser => "browser",
            Self::FcmV1 => "fcmv1",
            Self::Gcm => "gcm",
            Self::Template => "template",
            Self::Windows => "windows",
            Self::WindowsPhone => "windowsphone",
            Self::Xiaomi => "xiaomi",
        }
    }

    /// The name of the telemetry element that counts its outcomes.
    pub(crate) fn outcome_counts(self) -> &'static str {
        match self {
            Self::Adm => "AdmOutcomeCounts",
            Self::Apple => "ApnsOutcomeCounts",
            Self::Baidu => "BaiduOutcomeCounts",
            Self::Browser => "BrowserOutcomeCounts",
            Self::FcmV1 => "FcmV1OutcomeCounts",
            Self::Gcm => "GcmOutcomeCounts",
            // Never used: each device has its own platform.
            Self::Template => "OutcomeCounts",
            Self::Windows => "WnsOutcomeCounts",
            Self::WindowsPhone => "MpnsOutcomeCounts",
            Self::Xiaomi => "XiaomiOutcomeCounts",
        }
    }

    /// Whether `content_type` is valid for this format; parameters like `charset` are ignored.
    pub(crate) fn allows_content_type(self, content_type: &str) -> bool {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        self.media_types().iter().any(|wanted| wanted.eq_ignore_ascii_case(media_type))
    }

    /// Whether the body is always JSON.
    pub(crate) fn is_json(self) -> bool {
        self.media_types() == JSON
    }

    fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Adm | Self::Apple | Self::Browser | Self::FcmV1 | Self::Gcm | Self::Template | Self::Xiaomi => JSON,
            Self::Baidu => &["application/json", "application/x-www-form-urlencoded"],
            Self::Windows => &["application/xml", "text/xml", "application/octet-stream"],
            Self::WindowsPhone => &["application/xml", "text/xml"],
        }
    }
}
