//! Device tokens of a PUT: what a push service can have issued is told apart from what apps send in its place.
//!
//! An APNs token is bytes, whose hexadecimal digits are one token in either case; here they are lower. An FCM token is text.
//! <https://developer.apple.com/documentation/uikit/uiapplicationdelegate/application(_:didregisterforremotenotificationswithdevicetoken:)>

use crate::notifications::device::{DeviceHandle, Platform};

/// Why it can be no token of that platform, and what to do. Never holds the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceTokenError {
    #[error("is masked: expected the token itself, not the answer of a GET or PUT")]
    Masked,
    #[error("expected a token of 1 to 2048 visible ASCII characters")]
    NotVisible,
    #[error(
        "is what a program writes for a missing value: register when the push service has issued a token, not before"
    )]
    Nothing,
    #[error("is a placeholder: expected the token itself")]
    Placeholder,
    #[error("is in quotes: expected the token without them")]
    Quotes,
    #[error(
        "is an Expo token, which only Expo's service takes: expected the device's own, of getDevicePushTokenAsync()"
    )]
    Expo,
    #[error("is an address, such as a browser's: expected the token of APNs or FCM")]
    Address,
    #[error("is the description of the token's bytes: expected their {DIGITS}, {SWIFT}")]
    Description,
    #[error(
        "is an FCM token: use the platform \"fcmv1\" for it (on an iPhone with \"os\": \"ios\"), or send the APNs token"
    )]
    FcmForApns,
    #[error("is an APNs token: use the platform \"apns\" for it, or send the token of FirebaseMessaging")]
    ApnsForFcm,
    #[error("has other characters between or around its digits: expected {DIGITS} alone, {SWIFT}")]
    Separators,
    #[error("has {0} hexadecimal digits: expected 64 or more, and an even number; a part of the token is missing")]
    Cut(usize),
    #[error("is base64: expected {DIGITS} of the same bytes, {SWIFT}")]
    Base64,
    #[error("is no APNs token: expected {DIGITS}, {SWIFT}")]
    NotHexadecimal,
}

const DIGITS: &str = "hexadecimal digits (64 or more, an even number)";
const SWIFT: &str = "in Swift deviceToken.map { String(format: \"%02x\", $0) }.joined()";

const MAX_BYTES: usize = 2048;
/// The shortest APNs token, and more than the longest known one: 160 digits, of simulators.
const APNS_DIGITS: std::ops::RangeInclusive<usize> = 64..=200;

/// What languages and services write for a value that is not there.
const NOTHING: [&str; 11] = [
    "null",
    "(null)",
    "<null>",
    "nil",
    "none",
    "undefined",
    "nan",
    "[object object]",
    "blacklisted",
    "optional(nil)",
    "token",
];

/// The handle of a token: that of an APNs token in lower case. Without a platform, only what is a token of none is refused.
pub fn device_token(text: &str, platform: Option<Platform>) -> Result<DeviceHandle, DeviceTokenError> {
    let text = text.trim();
    if let Some(error) = other_than_a_token(text) {
        return Err(error);
    }
    match platform {
        Some(Platform::Apns) => apns_token(text),
        Some(Platform::FcmV1) if APNS_DIGITS.contains(&text.len()) && is_hexadecimal(text) => {
            Err(DeviceTokenError::ApnsForFcm)
        }
        Some(Platform::FcmV1) | None => Ok(DeviceHandle::new(text)),
    }
}

/// What is a token of no platform.
fn other_than_a_token(text: &str) -> Option<DeviceTokenError> {
    let lower = text.to_ascii_lowercase();
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let begins = |starts: &[&str]| starts.iter().any(|start| lower.starts_with(start));
    Some(if DeviceHandle::is_masked(text) {
        DeviceTokenError::Masked
    } else if NOTHING.contains(&lower.as_str()) {
        DeviceTokenError::Nothing
    } else if text.starts_with(QUOTES) || text.ends_with(QUOTES) || begins(&["optional("]) {
        DeviceTokenError::Quotes
    } else if begins(&["exponentpushtoken", "expopushtoken"]) {
        DeviceTokenError::Expo
    } else if begins(&["{", "<", "0x"]) && (lower.contains("bytes") || digits >= 16) {
        DeviceTokenError::Description
    } else if begins(&["{", "<", "$", "%"]) || (begins(&["your"]) && text.len() < 40) {
        DeviceTokenError::Placeholder
    } else if begins(&["http://", "https://"]) {
        DeviceTokenError::Address
    } else if text.is_empty() || text.len() > MAX_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        // It travels in a header.
        if has_separators(text) { DeviceTokenError::Separators } else { DeviceTokenError::NotVisible }
    } else {
        return None;
    })
}

const QUOTES: [char; 6] = ['"', '\'', '`', '“', '”', '’'];

fn apns_token(text: &str) -> Result<DeviceHandle, DeviceTokenError> {
    if is_hexadecimal(text) {
        let is_whole = text.len() >= *APNS_DIGITS.start() && text.len().is_multiple_of(2);
        return if is_whole {
            Ok(DeviceHandle::new(text.to_ascii_lowercase()))
        } else {
            Err(DeviceTokenError::Cut(text.len()))
        };
    }
    // 32 bytes are 44 letters, with or without the padding.
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
    Err(if has_separators(text) {
        DeviceTokenError::Separators
    } else if text.contains(':') || text.contains("APA91b") {
        DeviceTokenError::FcmForApns
    } else if text.len() >= 43 && text.bytes().all(is_base64) {
        DeviceTokenError::Base64
    } else {
        DeviceTokenError::NotHexadecimal
    })
}

/// Whether it is the digits of an APNs token with blanks, dashes or the like.
fn has_separators(text: &str) -> bool {
    let is_separator = |letter: char| letter.is_whitespace() || "-_.,:;[]()".contains(letter);
    let digits = text.replace(is_separator, "");
    (*APNS_DIGITS.start()..text.len()).contains(&digits.len()) && is_hexadecimal(&digits)
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
