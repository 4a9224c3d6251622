//! Whom an event is for: a communication user or a phone number.
//!
//! Raw ids are opaque: they have several forms (`8:acs:{resource}_{user}`, `8:acs:{resource}_wf_{tenant}_{object}`,
//! `8:orgid:…`) and are compared whole, never split. How a recipient is found, or which devices it has, does not belong here.

use std::fmt;

/// A communication user's raw id, such as `8:acs:…`. Its `Debug` redacts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(String);

/// A phone number as digits only. Its `Debug` redacts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(String);

/// Whom an event is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// A communication user.
    User(UserId),
    /// Every device that is registered for this number.
    Number(PhoneNumber),
}

impl Recipient {
    /// The raw id, or the digits: the two never look alike.
    pub fn as_str(&self) -> &str {
        match self {
            Self::User(user) => user.as_str(),
            Self::Number(number) => number.as_str(),
        }
    }
}

impl UserId {
    /// Takes a raw id as it is.
    pub fn new(raw_id: impl Into<String>) -> Self {
        Self(raw_id.into())
    }

    /// The raw id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PhoneNumber {
    /// Keeps the digits of `text`; `None` when there are none.
    pub fn from_digits_of(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(Self(digits))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserId(redacted)")
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PhoneNumber(redacted)")
    }
}
