//! What the service would take and a push platform then refuse: problems, and what has no effect:
//! warnings. Each platform's own rules are below; whether a problem refuses is the mode's affair.

mod apns;
mod fcm;

use serde_json::Value;

use crate::direct_send::Sent;
use crate::format::Format;
use crate::options::HubOptions;
use crate::wording::{Problem, Warning};

/// Both platforms take 4 KB; the hub's own answer to more is not documented as a 413.
const MAX_PAYLOAD: usize = 4096;

/// Everything that would keep the notification from arriving.
pub(crate) fn problems(hub: &HubOptions, format: Format, sent: &Sent<'_>, json: &Value) -> Vec<Problem> {
    let (platform, has_credentials) = match format {
        Format::Apple => ("APNs", hub.apns),
        Format::FcmV1 => ("FCM v1", hub.fcm_v1),
        Format::Gcm => return vec![Problem::LegacyFcm],
        Format::Adm
        | Format::Baidu
        | Format::Browser
        | Format::Template
        | Format::Windows
        | Format::WindowsPhone
        | Format::Xiaomi => return Vec::new(),
    };
    let mut problems = if format == Format::Apple { apns::problems(hub, sent, json) } else { fcm::problems(json) };
    let size = sent.body.len();
    if size > MAX_PAYLOAD {
        problems.push(Problem::PayloadTooLarge { size, platform });
    }
    if !has_credentials {
        problems.push(Problem::NoCredentials(platform));
    }
    problems
}

/// What is accepted and will not do what its sender may think.
pub(crate) fn warnings(format: Format, sent: &Sent<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !matches!(format, Format::Apple | Format::FcmV1 | Format::Gcm) {
        warnings.push(Warning::PlatformNotModelled(format.name()));
    }
    for header in sent.headers.keys().map(|name| name.as_str()) {
        if header == "apns-topic" {
            warnings.push(Warning::ApnsTopic);
        }
        let misspelt =
            ["x-apns-", "servicebusnotification-apns-"].iter().find_map(|prefix| header.strip_prefix(prefix));
        if let Some(name) = misspelt {
            // The old name of the expiry header differs from that of APNs.
            let name = if name == "expiry" { "expiration" } else { name };
            let (header, bare) = (header.to_owned(), format!("apns-{name}"));
            warnings.push(Warning::ApnsHeaderForm { header, bare });
        }
    }
    warnings
}
