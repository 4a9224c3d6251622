//! The checks of a direct send to one device, in the order in which the service refuses. `batch` has those of a send to
//! many devices; `platforms` has the rules for the content.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>

mod batch;
pub(crate) mod multipart;

use hyper::Method;
use hyper::header::CONTENT_TYPE;

use super::checked_send::CheckedSend;
use super::registration::check_device_token;
use crate::http::{DEVICE_HANDLE, FORMAT, HubRequest, ServiceError};
use crate::limits::MAX_BODY_BYTES;
use crate::options::{HubOptions, Mode};
use crate::platforms::{self, Format, Outcome};

pub(crate) use batch::check_batch;

/// Checks a send to one device.
pub(crate) fn check(hub: &HubOptions, mode: Mode, request: &HubRequest<'_>) -> Result<CheckedSend, ServiceError> {
    let format = check_format(request)?;
    let handle = request.header(DEVICE_HANDLE).ok_or(ServiceError::MissingDeviceHandle)?;
    if format == Format::Template {
        return Err(ServiceError::DirectTemplate);
    }
    let content_type = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    if !format.allows_content_type(content_type) {
        return Err(ServiceError::InvalidContentType(content_type.to_owned()));
    }
    if request.body.len() > MAX_BODY_BYTES {
        return Err(ServiceError::BodyTooLarge);
    }
    check_device_token(format, handle)?;
    let content = check_content(hub, mode, request, format)?;
    Ok(CheckedSend::direct(format, content, vec![handle.to_owned()]))
}

/// The checks that come before those of the recipients.
pub(super) fn check_format(request: &HubRequest<'_>) -> Result<Format, ServiceError> {
    if request.method != Method::POST {
        return Err(ServiceError::MethodNotAllowed("POST"));
    }
    let format = request.header(FORMAT).unwrap_or_default();
    let format = Format::parse(format).ok_or_else(|| ServiceError::UnknownFormat(format.to_owned()))?;
    Ok(format)
}

/// Whether the request is for device handles, and not for tags or everybody.
pub(crate) fn is_direct(request: &HubRequest<'_>) -> bool {
    let direct = request.query_value("direct");
    direct.is_some_and(|value| value.is_empty() || value.eq_ignore_ascii_case("true"))
}

/// A notification that passed the checks of its content.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) payload: String,
    /// Its outcome for a healthy device.
    pub(super) outcome: Outcome,
    pub(super) warnings: Vec<String>,
}

/// Checks the notification in the body of `request`.
pub(super) fn check_content(
    hub: &HubOptions,
    mode: Mode,
    request: &HubRequest<'_>,
    format: Format,
) -> Result<Content, ServiceError> {
    let json = match (format.is_json(), serde_json::from_slice(request.body)) {
        (true, Err(_)) => return Err(ServiceError::InvalidJson),
        (true, Ok(json)) => json,
        (false, _) => serde_json::Value::Null,
    };
    // A send to tags takes the keys of each registration.
    let needs_keys = format == Format::Browser && is_direct(request);
    if needs_keys && ["p256dh", "auth"].iter().any(|key| request.header(key).is_none()) {
        return Err(ServiceError::MissingBrowserKeys);
    }
    let problems = platforms::problems(hub, format, request, &json);
    let outcome = Outcome::for_problems(&problems);
    let mut warnings: Vec<_> = problems.iter().map(ToString::to_string).collect();
    if mode == Mode::Strict && !warnings.is_empty() {
        return Err(ServiceError::Undeliverable(warnings.join("; ")));
    }
    warnings.extend(platforms::warnings(format, request).iter().map(ToString::to_string));
    let payload = String::from_utf8_lossy(request.body).into_owned();
    Ok(Content { payload, outcome, warnings })
}
