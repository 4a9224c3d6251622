//! Reads a JSON object by field name in any case, borrowing from the text.
//!
//! Event Grid's and ACS's members changed case over the years (`MessageId`, `messageId`), which no derive of serde takes,
//! so names are compared without ASCII case. Values stay raw until somebody asks for them: what nobody reads may have any
//! shape and any depth. No knowledge of events or installations belongs here.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

mod text;

use text::Text;
pub use text::text_of;

/// The members of one JSON object.
#[derive(Debug)]
pub struct Fields<'a> {
    /// Where the object stands, for errors: the names on the way to it.
    path: Cow<'static, [&'static str]>,
    members: Members<'a>,
}

/// Members in the order of the text, repeated ones included.
#[derive(Debug)]
struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

/// A field that is missing or of another type than expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct FieldError {
    /// The path of the field, such as `data.messageId`.
    pub field: String,
    /// What is wrong, to be read after the path.
    pub problem: &'static str,
}

/// A document that is no JSON object. It says where, and not how: the parser's own words quote the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no JSON object, from line {line}, column {column} on")]
pub struct NotAnObject {
    line: usize,
    column: usize,
}

impl<'a> Fields<'a> {
    /// Reads the object `raw` that stands at `path`.
    pub fn parse(raw: &'a RawValue, path: impl Into<Cow<'static, [&'static str]>>) -> Result<Self, FieldError> {
        let path = path.into();
        match serde_json::from_str(raw.get()) {
            Ok(members) => Ok(Self { path, members }),
            Err(_) => Err(FieldError { field: path.join("."), problem: "must be an object" }),
        }
    }

    /// Reads a whole document that should be an object.
    pub fn from_slice(document: &'a [u8]) -> Result<Self, NotAnObject> {
        match serde_json::from_slice(document) {
            Ok(members) => Ok(Self { path: Cow::Borrowed(&[]), members }),
            Err(error) => Err(NotAnObject { line: error.line(), column: error.column() }),
        }
    }

    /// The raw value of a field; `null` counts as absent. An exact match of the name goes before others.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.member(name).filter(|value| value.get() != "null")
    }

    /// Whether the field stands there, be it as `null`.
    pub fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// A text, if present.
    pub fn text(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, FieldError> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        text_of(raw).map(Some).ok_or_else(|| self.error(name, "must be a string"))
    }

    /// A text that has to be there.
    pub fn required_text(&self, name: &'static str) -> Result<Cow<'a, str>, FieldError> {
        self.text(name)?.ok_or_else(|| self.error(name, "is missing"))
    }

    /// An object, if present.
    pub fn object(&self, name: &'static str) -> Result<Option<Self>, FieldError> {
        self.raw(name).map(|raw| Fields::parse(raw, self.path_of(name))).transpose()
    }

    /// An array, if present, as its raw elements.
    pub fn array(&self, name: &'static str) -> Result<Option<Vec<&'a RawValue>>, FieldError> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| self.error(name, "must be an array"))
    }

    /// All members, in the order of the text.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// An error about the field `name` of this object.
    pub fn error(&self, name: &'static str, problem: &'static str) -> FieldError {
        FieldError { field: self.path_of(name).join("."), problem }
    }

    fn member(&self, name: &str) -> Option<&'a RawValue> {
        let mut found = None;
        for (key, value) in self.members() {
            if key == name {
                return Some(value);
            }
            if found.is_none() && key.eq_ignore_ascii_case(name) {
                found = Some(value);
            }
        }
        found
    }

    fn path_of(&self, name: &'static str) -> Vec<&'static str> {
        [&self.path, [name].as_slice()].concat()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields<'_> {
        Fields::from_slice(text.as_bytes()).unwrap()
    }

    #[test]
    fn names_are_found_in_any_case_and_the_exact_one_first() {
        let object = fields(r#"{"MESSAGEID":"upper","messageId":"exact","messageId":"again"}"#);
        assert_eq!(object.required_text("messageId").unwrap(), "exact");
        assert_eq!(object.required_text("MessageId").unwrap(), "upper");
    }

    #[test]
    fn errors_name_the_whole_path() {
        let object = fields(r#"{"data":{"to":{"rawId":7}}}"#);
        let data = object.object("data").unwrap().unwrap();
        let to = data.object("to").unwrap().unwrap();
        assert_eq!(to.text("rawId").unwrap_err().to_string(), "data.to.rawId must be a string");
        assert_eq!(data.required_text("messageId").unwrap_err().to_string(), "data.messageId is missing");
    }

    #[test]
    fn what_nobody_reads_may_be_nested_without_end() {
        let deep = format!(r#"{{"unread":{}{},"id":"1"}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(fields(&deep).required_text("id").unwrap(), "1");
    }
}
