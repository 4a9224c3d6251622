//! The rules of APNs for headers and payload.
//!
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>

use serde_json::{Map, Value};

use super::Problem;
use crate::http::HubRequest;
use crate::options::HubOptions;

const PUSH_TYPES: [&str; 9] =
    ["alert", "background", "voip", "complication", "fileprovider", "mdm", "liveactivity", "location", "pushtotalk"];

pub(super) fn problems(hub: &HubOptions, request: &HubRequest<'_>, json: &Value) -> Vec<Problem> {
    let push_type = request.header("apns-push-type");
    let aps = json.get("aps").and_then(Value::as_object);
    let mut problems = Vec::new();
    if !json.is_object() {
        problems.push(Problem::ApnsNotObject);
    } else if aps.is_none() && push_type != Some("mdm") {
        // A device management push has `mdm` instead of `aps`.
        problems.push(Problem::ApnsWithoutAps);
    }
    problems.extend(header_problems(request));
    if let Some(text) = push_type.filter(|text| !PUSH_TYPES.contains(text)) {
        problems.push(Problem::ApnsPushType(text.to_owned()));
    }
    if push_type == Some("background") {
        problems.extend(background_problems(request, aps));
    }
    if let Some(bundle_id) = &hub.bundle_id {
        match (bundle_id.ends_with(".voip"), push_type == Some("voip")) {
            (false, true) => problems.push(Problem::VoipOnOrdinaryHub(bundle_id.clone())),
            (true, false) => problems.push(Problem::OrdinaryOnVoipHub),
            (true, true) | (false, false) => {}
        }
    }
    problems
}

fn header_problems(request: &HubRequest<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(text) = request.header("apns-priority").filter(|text| !["1", "5", "10"].contains(text)) {
        problems.push(Problem::ApnsPriority(text.to_owned()));
    }
    if let Some(text) = request.header("apns-expiration") {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || text.parse::<u64>().is_err() {
            problems.push(Problem::ApnsExpiration(text.to_owned()));
        }
    }
    if let Some(text) = request.header("apns-collapse-id").filter(|text| text.len() > 64) {
        problems.push(Problem::ApnsCollapseId(text.len()));
    }
    problems
}

/// A background push wakes the app, shows nothing and has the lower priority.
fn background_problems(request: &HubRequest<'_>, aps: Option<&Map<String, Value>>) -> Vec<Problem> {
    let mut problems = Vec::new();
    // The default is 10.
    if request.header("apns-priority") != Some("5") {
        problems.push(Problem::BackgroundPriority);
    }
    let member = |name| aps.and_then(|aps| aps.get(name));
    if member("content-available").and_then(Value::as_u64) != Some(1) {
        problems.push(Problem::BackgroundNotAvailable);
    }
    for name in ["alert", "sound", "badge"] {
        if member(name).is_some() {
            problems.push(Problem::BackgroundVisible(name));
        }
    }
    problems
}
