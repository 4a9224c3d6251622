//! The checks of a direct send to many devices, in the order in which the service refuses.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-batch-send>

use std::collections::HashSet;

use hyper::header::CONTENT_TYPE;

use super::{check_content, check_format, is_direct, multipart};
use crate::http::{HubRequest, ServiceError};
use crate::limits::{MAX_BATCH_DEVICES, MAX_BODY_BYTES};
use crate::options::{HubOptions, Mode, Tier};
use crate::platforms::{Format, Warning};
use crate::resources::checked_send::CheckedSend;
use crate::resources::registration::check_device_token;

/// The first API version with batches.
const FIRST_VERSION: &str = "2015-08";

/// What is wrong with the device handles of a batch.
#[derive(Debug, thiserror::Error)]
enum HandlesError {
    #[error("it is not an array of strings")]
    NotStrings,
    #[error("it is empty")]
    Empty,
    #[error("a device handle is empty")]
    EmptyHandle,
    #[error("it has {0}")]
    TooMany(usize),
}

/// Checks a send to many devices.
pub(crate) fn check_batch(
    hub: &HubOptions,
    mode: Mode,
    request: &HubRequest<'_>,
    version: &str,
) -> Result<CheckedSend, ServiceError> {
    let format = check_format(request)?;
    if !is_direct(request) {
        return Err(ServiceError::NotEmulated("a batch without 'direct'"));
    }
    if version < FIRST_VERSION {
        return Err(ServiceError::UnsupportedApiVersion);
    }
    if format == Format::Template {
        return Err(ServiceError::DirectTemplate);
    }
    let content_type = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    if !multipart::is_mixed(content_type) {
        return Err(ServiceError::InvalidContentType(content_type.to_owned()));
    }
    if request.body.len() > MAX_BODY_BYTES {
        return Err(ServiceError::BodyTooLarge);
    }
    let boundary = multipart::boundary(content_type).ok_or(ServiceError::MissingBoundary)?;
    let parts = multipart::parts(boundary, request.body);
    let part = |name| parts.iter().find(|part| part.name == name).ok_or(ServiceError::MissingBatchPart);
    let (notification, devices) = (part("notification")?, part("devices")?);
    if !format.allows_content_type(&notification.content_type) {
        return Err(ServiceError::InvalidContentType(notification.content_type.clone()));
    }
    let (handles, has_single_quotes) =
        parse_handles(devices.body).map_err(|error| ServiceError::InvalidBatchDevices(error.to_string()))?;
    if hub.tier == Tier::Free {
        return Err(ServiceError::NotOnTier);
    }
    handles.iter().try_for_each(|handle| check_device_token(format, handle))?;

    let mut warnings = Vec::new();
    if has_single_quotes {
        warnings.push(Warning::SingleQuotes);
    }
    let repeated = handles.len() - handles.iter().collect::<HashSet<_>>().len();
    if repeated > 0 {
        warnings.push(Warning::RepeatedHandles(repeated));
    }
    let request = HubRequest { body: notification.body, ..*request };
    let mut content = check_content(hub, mode, &request, format)?;
    content.warnings.extend(warnings.iter().map(ToString::to_string));
    Ok(CheckedSend::direct(format, content, handles))
}

/// The device handles, and whether they were written with single quotes.
fn parse_handles(body: &[u8]) -> Result<(Vec<String>, bool), HandlesError> {
    let (handles, has_single_quotes) = match serde_json::from_slice::<Vec<String>>(body) {
        Ok(handles) => (handles, false),
        Err(_) => (parse_single_quoted(body).ok_or(HandlesError::NotStrings)?, true),
    };
    if handles.is_empty() {
        return Err(HandlesError::Empty);
    }
    if handles.iter().any(|handle| handle.trim().is_empty()) {
        return Err(HandlesError::EmptyHandle);
    }
    if handles.len() > MAX_BATCH_DEVICES {
        return Err(HandlesError::TooMany(handles.len()));
    }
    Ok((handles, has_single_quotes))
}

/// `['a','b']`, as in the samples of the reference.
fn parse_single_quoted(body: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(body).ok().filter(|text| !text.contains('"'))?;
    serde_json::from_str(&text.replace('\'', "\"")).ok()
}
