//! The text of one JSON value, which nobody has taken apart yet.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The text of a JSON value. It was found to be valid, and has no space around it.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    text: &'a str,
    /// Whether it is a string without escapes.
    plain: bool,
}

impl<'a> Raw<'a> {
    /// Takes what was found to be a value, and whether it is a string without escapes.
    pub(super) fn new(text: &'a str, plain: bool) -> Self {
        Self { text, plain }
    }

    /// The JSON text.
    pub fn get(self) -> &'a str {
        self.text
    }

    /// What a string says, borrowed where it holds no escapes. `None` for other values, and for half a surrogate pair.
    pub fn text(self) -> Option<Cow<'a, str>> {
        if self.plain {
            return Some(Cow::Borrowed(&self.text[1..self.text.len() - 1]));
        }
        serde_json::from_str(self.text).ok().map(Cow::Owned)
    }
}

impl<'a> From<&'a RawValue> for Raw<'a> {
    fn from(value: &'a RawValue) -> Self {
        let text = value.get();
        Self { text, plain: text.starts_with('"') && !text.contains('\\') }
    }
}

impl<'a, 'de: 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Self::from)
    }
}
