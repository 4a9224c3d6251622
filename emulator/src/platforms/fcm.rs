//! The rules of FCM v1 for a message. FCM refuses unknown members.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>

use serde_json::{Map, Value};

use super::Problem;

const MEMBERS: [&str; 7] = ["name", "data", "notification", "android", "webpush", "apns", "fcm_options"];
/// The members that name the recipient: the hub adds the device handle itself.
const TARGETS: [&str; 3] = ["token", "topic", "condition"];
const ANDROID_MEMBERS: [&str; 10] = [
    "collapse_key",
    "priority",
    "ttl",
    "restricted_package_name",
    "data",
    "notification",
    "fcm_options",
    "direct_boot_ok",
    "bandwidth_constrained_ok",
    "restricted_satellite_ok",
];
const NOTIFICATION_MEMBERS: [&str; 3] = ["title", "body", "image"];

pub(super) fn problems(json: &Value) -> Vec<Problem> {
    let Some(message) = json.get("message").and_then(Value::as_object) else {
        return vec![Problem::FcmWithoutMessage];
    };
    let mut problems = Vec::new();
    for name in message.keys() {
        if let Some(target) = TARGETS.iter().find(|target| *target == name) {
            problems.push(Problem::FcmTarget(target));
        } else if !MEMBERS.contains(&name.as_str()) {
            problems.push(Problem::FcmUnknownMember(name.clone()));
        }
    }
    for name in ["data", "notification", "android"] {
        match message.get(name) {
            None => {}
            Some(Value::Object(member)) => problems.extend(member_problems(name, member)),
            Some(_) => problems.push(Problem::FcmNotObject(name)),
        }
    }
    problems
}

fn member_problems(name: &str, member: &Map<String, Value>) -> Vec<Problem> {
    match name {
        "data" => data_problems(member),
        "notification" => member
            .keys()
            .filter(|name| !NOTIFICATION_MEMBERS.contains(&name.as_str()))
            .map(|name| Problem::FcmUnknownNotificationMember(name.clone()))
            .collect(),
        _ => android_problems(member),
    }
}

fn data_problems(data: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, value) in data {
        if !value.is_string() {
            problems.push(Problem::FcmDataNotString(key.clone()));
        }
        let reserved = ["from", "message_type"].contains(&key.as_str());
        if reserved || key.starts_with("google.") || key.starts_with("gcm.notification.") {
            problems.push(Problem::FcmReservedKey(key.clone()));
        }
    }
    problems
}

fn android_problems(android: &Map<String, Value>) -> Vec<Problem> {
    let unknown = android.keys().filter(|name| !ANDROID_MEMBERS.contains(&name.as_str()));
    let mut problems: Vec<Problem> = unknown.map(|name| Problem::FcmUnknownAndroidMember(name.clone())).collect();
    if let Some(ttl) = android.get("ttl").filter(|ttl| !ttl.as_str().is_some_and(is_duration)) {
        problems.push(Problem::FcmTtl(ttl.to_string()));
    }
    let is_priority = |text: &str| text.eq_ignore_ascii_case("normal") || text.eq_ignore_ascii_case("high");
    if let Some(priority) = android.get("priority").filter(|value| !value.as_str().is_some_and(is_priority)) {
        problems.push(Problem::FcmPriority(priority.to_string()));
    }
    problems
}

/// Seconds with up to nine fractional digits and an `s`, never negative.
fn is_duration(text: &str) -> bool {
    let Some(number) = text.strip_suffix('s') else { return false };
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(seconds) && digits(fraction) && fraction.len() <= 9
}
