//! The values of a notifications file that are no templates. An error is to be read after the key's name.

use chrono::TimeDelta;
use toml::de::DeValue;

use crate::events::EventType;
use crate::notifications::Urgency;
use crate::notifications::device::{AndroidMode, ContentMode};

/// So many further members a payload may have: with their texts cut, they leave most of it to title and body.
pub const MAX_DATA_MEMBERS: usize = 8;

/// So many values of the app templates may name: each is tried there and not there.
const MAX_CUSTOM_FIELDS: usize = 8;

/// Members of the payload that are taken: ours, those of the push services, and those of calls.
const RESERVED_NAMES: [&str; 24] = [
    "acs",
    "aps",
    "data",
    "op",
    "id",
    "threadId",
    "messageId",
    "senderId",
    "sender",
    "group",
    "channel",
    "eventTime",
    "expirationTime",
    "mutable",
    "quiet",
    "tag",
    "title",
    "body",
    "topic",
    "titleLocKey",
    "bodyLocKey",
    "from",
    "message_type",
    "collapse_key",
];

const MAX_NAME_BYTES: usize = 64;

/// What a sleeping phone's push service keeps at most: FCM 28 days.
const MAX_TIME_TO_LIVE: TimeDelta = TimeDelta::days(28);

/// The Calling SDK takes no older call.
const MAX_CALL_TIME_TO_LIVE: TimeDelta = TimeDelta::seconds(30);

/// What to say of a value of a wrong type.
pub fn unexpected(value: &DeValue<'_>, expected: &str) -> String {
    format!("is of type {}: expected {expected}", value.type_str())
}

/// `true` or `false`.
pub fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| unexpected(value, "true or false"))
}

/// Any string.
pub fn text(value: &DeValue<'_>) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| unexpected(value, "a string"))
}

/// A name that the app knows; empty for none.
pub fn name(value: &DeValue<'_>, expected: &str) -> Result<String, String> {
    let name = value.as_str().ok_or_else(|| unexpected(value, &format!("{expected}, or \"\" for none")))?;
    let fits = name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned())
        .ok_or_else(|| format!("expected {expected}, or \"\" for none, of at most {MAX_NAME_BYTES} bytes"))
}

/// A name of APNs' interruption levels, but for `critical`, which Apple grants to few apps.
pub fn urgency(value: &DeValue<'_>) -> Result<Urgency, String> {
    match value.as_str() {
        Some("passive") => Ok(Urgency::Passive),
        Some("active") => Ok(Urgency::Active),
        Some("time-sensitive") => Ok(Urgency::TimeSensitive),
        _ => Err("expected \"passive\", \"active\" or \"time-sensitive\"".to_owned()),
    }
}

/// A content mode, in any case.
pub fn content(value: &DeValue<'_>) -> Result<ContentMode, String> {
    let mode = value.as_str().and_then(ContentMode::parse);
    mode.ok_or_else(|| "expected \"full\", \"sender\" or \"hidden\"".to_owned())
}

/// Who shows it on Android, in any case.
pub fn android(value: &DeValue<'_>) -> Result<AndroidMode, String> {
    let mode = value.as_str().and_then(AndroidMode::parse);
    mode.ok_or_else(|| "expected \"notification\" or \"data\"".to_owned())
}

/// Letters, so that nothing can be in it that tells a person: Google keeps it. Empty for none.
pub fn analytics_label(value: &DeValue<'_>) -> Result<String, String> {
    const EXPECTED: &str = "1 to 50 ASCII letters that name the type, or \"\" for none";
    let label = value.as_str().ok_or_else(|| unexpected(value, EXPECTED))?;
    let fits = label.len() <= 50 && label.bytes().all(|byte| byte.is_ascii_alphabetic());
    fits.then(|| label.to_owned()).ok_or_else(|| format!("expected {EXPECTED}"))
}

/// Seconds, or a text of a number and `s`, `m`, `h` or `d`.
pub fn time_to_live(value: &DeValue<'_>, event_type: EventType) -> Result<TimeDelta, String> {
    let (longest, told) = match event_type == EventType::IncomingCall {
        true => (MAX_CALL_TIME_TO_LIVE, "seconds or a time from \"1s\" to \"30s\""),
        false => (MAX_TIME_TO_LIVE, "seconds or a time from \"1s\" to \"28d\", such as 1800, \"30m\" or \"4h\""),
    };
    let parse = |text: &str| {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: i64 = number.parse::<u32>().ok()?.into();
        let time = match unit {
            "s" => TimeDelta::seconds(number),
            "m" => TimeDelta::minutes(number),
            "h" => TimeDelta::hours(number),
            "d" => TimeDelta::days(number),
            _ => return None,
        };
        (TimeDelta::seconds(1)..=longest).contains(&time).then_some(time)
    };
    let seconds =
        value.as_integer().filter(|number| number.radix() == 10).map(|number| format!("{}s", number.as_str()));
    let time = value.as_str().map(str::to_owned).or(seconds);
    time.as_deref().and_then(parse).ok_or_else(|| format!("expected {told}"))
}

/// The names of values that an app puts into its events.
pub fn member_names(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    const EXPECTED: &str = "an array of names, such as [\"department\"]";
    let elements = value.as_array().ok_or_else(|| unexpected(value, EXPECTED))?;
    if elements.len() > MAX_CUSTOM_FIELDS {
        return Err(format!("has {} names: expected at most {MAX_CUSTOM_FIELDS}", elements.len()));
    }
    let name = |element: &DeValue<'_>| {
        let name = element.as_str().ok_or_else(|| unexpected(element, EXPECTED))?;
        let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let fits = begins && plain && name.len() <= MAX_NAME_BYTES;
        fits.then(|| name.to_owned()).ok_or_else(|| {
            let name = name.chars().take(MAX_NAME_BYTES).collect::<String>();
            format!(
                "{name:?} is no name: expected a letter, then letters, digits, '_' and '-', {MAX_NAME_BYTES} at most"
            )
        })
    };
    elements.iter().map(|element| name(element.get_ref())).collect()
}

/// The name of a further member.
pub fn data_name(name: &str) -> Result<String, String> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !plain {
        return Err(format!("expected a name of letters, digits, '_', '-' and '.', {MAX_NAME_BYTES} at most"));
    }
    let reserved = ["google", "gcm", "titleLocArg", "bodyLocArg"];
    if RESERVED_NAMES.contains(&name) || reserved.iter().any(|reserved| name.starts_with(reserved)) {
        return Err("is reserved in the payload: expected another name".to_owned());
    }
    Ok(name.to_owned())
}
