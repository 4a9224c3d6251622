//! The rules of a direct send to many handles, in the order in which they refuse; what it has in
//! common with one to a single handle is in `direct_send`.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-batch-send>

use std::collections::HashSet;

use hyper::header::CONTENT_TYPE;
use serde::Serialize;

use crate::direct_send::{MAX_BODY, Sent, Taken};
use crate::format::Format;
use crate::multipart;
use crate::options::{HubOptions, Mode, Tier};
use crate::wording::{HandlesError, Refusal, Warning};

/// The documented number of handles.
pub(crate) const MAX_DEVICES: usize = 1000;

/// The first version with it.
const SINCE: &str = "2015-08";

/// What a batch consisted of.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// The part `devices`: 1 to 1000 handles.
    pub device_handles: Vec<String>,
    /// The part `notification`, as a single send has it in its body.
    pub notification: String,
}

/// Takes a send to many devices with warnings, or refuses it.
pub(crate) fn judge(hub: &HubOptions, mode: Mode, sent: &Sent<'_>, version: &str) -> Result<Taken, Refusal> {
    let format = sent.direct_format()?;
    if version < SINCE {
        return Err(Refusal::UnknownApiVersion);
    }
    if format == Format::Template {
        return Err(Refusal::DirectTemplate);
    }
    let content_type = sent.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    if !multipart::is_mixed(content_type) {
        return Err(Refusal::WrongContentType(content_type.to_owned()));
    }
    if sent.body.len() > MAX_BODY {
        return Err(Refusal::TooLarge);
    }
    let parts = multipart::parts(content_type, sent.body);
    let part = |name| parts.iter().find(|part| part.name == name).ok_or(Refusal::NoBatchPart);
    let (notification, devices) = (part("notification")?, part("devices")?);
    if !format.takes(&notification.content_type) {
        return Err(Refusal::WrongContentType(notification.content_type.clone()));
    }
    let (handles, is_lenient) = handles(devices.body).map_err(Refusal::Devices)?;
    if hub.tier == Tier::Free {
        return Err(Refusal::NotOnTier);
    }

    let mut warnings = Vec::new();
    if is_lenient {
        warnings.push(Warning::SingleQuotes);
    }
    let duplicates = handles.len() - handles.iter().collect::<HashSet<_>>().len();
    if duplicates > 0 {
        warnings.push(Warning::Duplicates(duplicates));
    }
    let mut taken = Sent { body: notification.body, ..*sent }.take(hub, mode, format, handles)?;
    taken.warnings.extend(warnings.iter().map(ToString::to_string));
    Ok(taken)
}

/// The handles, and whether they were written with single quotes.
fn handles(body: &[u8]) -> Result<(Vec<String>, bool), HandlesError> {
    let (handles, is_lenient) = match serde_json::from_slice::<Vec<String>>(body) {
        Ok(handles) => (handles, false),
        Err(_) => (single_quoted(body).ok_or(HandlesError::NotStrings)?, true),
    };
    if handles.is_empty() || handles.iter().any(|handle| handle.trim().is_empty()) {
        return Err(HandlesError::Empty);
    }
    if handles.len() > MAX_DEVICES {
        return Err(HandlesError::TooMany(handles.len()));
    }
    Ok((handles, is_lenient))
}

/// `['a','b']`, which the samples of the reference have and the service therefore reads.
fn single_quoted(body: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(body).ok().filter(|text| !text.contains('"'))?;
    serde_json::from_str(&text.replace('\'', "\"")).ok()
}
