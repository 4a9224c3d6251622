//! User ids of a PUT: what no event will ever have as a recipient is told apart from a raw id.
//!
//! Raw ids are opaque, but each begins with a number and a colon.
//! <https://learn.microsoft.com/azure/communication-services/concepts/identifiers>

use super::{EXPECTED_ID, is_id};
use crate::events::recipient::UserId;

/// Why it is no raw id. Never holds the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserIdError {
    #[error("{EXPECTED_ID}")]
    Length,
    #[error("lacks the \"8:\" in front, as the claim skypeid of an access token does; {EXPECTED}")]
    NoPrefix,
    #[error(
        "is a UUID, such as the object id of Entra: 8:orgid:OBJECT is a Teams user, 8:acs:RESOURCE_wf_TENANT_OBJECT an Entra \
         user of Communication Services; {EXPECTED}"
    )]
    Uuid,
    #[error("is a phone number, which belongs into phoneNumbers; {EXPECTED}")]
    PhoneNumber,
    #[error("is no raw id, which begins with digits and a colon; {EXPECTED}")]
    NoRawId,
    #[error("has a bracket or a quotation mark, which no raw id has; {EXPECTED}")]
    Character,
}

const EXPECTED: &str = "expected the raw id that events have, such as 8:acs:RESOURCE_USER or 8:orgid:OBJECT";

/// The raw id, without blanks and zero-width characters around it.
pub fn user_id(text: &str) -> Result<UserId, UserIdError> {
    let is_unseen =
        |letter: char| letter.is_whitespace() || "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}".contains(letter);
    let text = text.trim_matches(is_unseen);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_uuid = text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let (number, rest) = text.split_once(':').unwrap_or_default();
    Err(if !is_id(text) {
        UserIdError::Length
    } else if ["acs:", "orgid:", "gcch-acs:", "dod-acs:"].iter().any(|kind| text.starts_with(kind)) {
        UserIdError::NoPrefix
    } else if is_uuid {
        UserIdError::Uuid
    } else if text.chars().all(|letter| letter.is_ascii_digit() || "+ -().".contains(letter)) {
        UserIdError::PhoneNumber
    } else if !is_digits(number) || rest.is_empty() {
        UserIdError::NoRawId
    } else if text.contains(['<', '>', '{', '}', '"', '\'']) {
        UserIdError::Character
    } else {
        return Ok(UserId::new(text));
    })
}
