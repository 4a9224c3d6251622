//! The push platforms behind a hub: what APNs and FCM v1 would refuse after the service has accepted a notification, and
//! the delivery outcome for each device. The mode decides whether a problem refuses the request.

mod apns;
mod devices;
mod fcm;
mod format;
mod outcome;
mod problem;

use serde_json::Value;

use crate::http::HubRequest;
use crate::limits::MAX_PAYLOAD_BYTES;
use crate::options::HubOptions;

pub use devices::DeviceState;
pub(crate) use devices::DeviceStates;
pub(crate) use format::Format;
pub(crate) use outcome::Outcome;
pub(crate) use problem::{Problem, Warning};

/// Everything that would keep the notification from being delivered.
pub(crate) fn problems(hub: &HubOptions, format: Format, request: &HubRequest<'_>, json: &Value) -> Vec<Problem> {
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
    let mut problems = if format == Format::Apple { apns::problems(hub, request, json) } else { fcm::problems(json) };
    let size = request.body.len();
    if size > MAX_PAYLOAD_BYTES {
        problems.push(Problem::PayloadTooLarge { size, platform });
    }
    if !has_credentials {
        problems.push(Problem::MissingCredentials(platform));
    }
    problems
}

/// What is accepted but has no effect, or an unknown one.
pub(crate) fn warnings(format: Format, request: &HubRequest<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !matches!(format, Format::Apple | Format::FcmV1 | Format::Gcm | Format::Template) {
        warnings.push(Warning::PlatformNotChecked(format.name()));
    }
    for header in request.headers.keys().map(|name| name.as_str()) {
        if header == "apns-topic" {
            warnings.push(Warning::ApnsTopic);
        }
        // Documented for sends in the format `apple`.
        if header == "servicebusnotification-apns-expiry" {
            continue;
        }
        let suffix = ["x-apns-", "servicebusnotification-apns-"].iter().find_map(|prefix| header.strip_prefix(prefix));
        if let Some(name) = suffix {
            let (header, forwarded) = (header.to_owned(), format!("apns-{name}"));
            warnings.push(Warning::ApnsHeaderName { header, forwarded });
        }
    }
    warnings
}
