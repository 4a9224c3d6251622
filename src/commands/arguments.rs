//! What is named on the command line: a person, a dead letter.

use std::str::FromStr;

use crate::events::recipient::Recipient;
use crate::storage::installations::read_recipient;

/// A user by raw id, or a phone number.
#[derive(Debug, Clone)]
pub struct Person(pub(super) Recipient);

impl FromStr for Person {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read_recipient(text).map(Self)
    }
}

/// The id of a dead letter, as `dead-letters list` prints it.
#[derive(Debug, Clone)]
pub struct LetterId(String);

const KIND: &str = "dead-letters/";

impl LetterId {
    /// Of a letter with this key.
    pub(super) fn of(key: &str) -> &str {
        key.strip_prefix(KIND).unwrap_or(key)
    }

    /// The letter's key.
    pub(super) fn key(&self) -> String {
        format!("{KIND}{}", self.0)
    }
}

impl FromStr for LetterId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = Self::of(text);
        // It becomes part of a path.
        let is_part = |part: &str| {
            let is_safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !part.is_empty() && part.bytes().all(is_safe)
        };
        let is_id = id.split_once('/').is_some_and(|(day, rest)| is_part(day) && is_part(rest));
        is_id.then(|| Self(id.to_owned())).ok_or_else(|| "expected an id that dead-letters list prints".to_owned())
    }
}
