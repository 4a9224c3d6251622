//! Reads a JSON object by field name in any case, borrowing from the text.
//!
//! Event Grid's and ACS's members changed case over the years (`MessageId`, `messageId`), which no derive of serde takes,
//! so names are compared without ASCII case. A value stays raw until it is used, so an unused one may have any shape and
//! depth. No knowledge of events or installations belongs here.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

mod read;
mod text;

use read::read;
pub use text::text_of;

/// The members of one JSON object, in the order of the text, repeated ones included.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    /// The path of the object, for errors.
    path: Path,
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// Names of nested objects, each in the one before.
pub type Names = &'static [&'static str];

/// The names on the way to a value.
pub type Path = Cow<'static, [&'static str]>;

/// A JSON value.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// Unparsed.
    Raw(&'a RawValue),
    /// An object that was read together with its parent. Its errors begin with its own name.
    Object(Fields<'a>),
}

/// A field that is missing or of another type than expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct FieldError {
    /// The path of the field, such as `data.messageId`.
    pub field: String,
    /// What is wrong, to be read after the path.
    pub problem: &'static str,
}

/// A document that is no JSON object. It says where, and not why: the parser's messages quote the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a JSON object (line {line}, column {column})")]
pub struct NotAnObject {
    line: usize,
    column: usize,
}

impl<'a> Fields<'a> {
    /// Reads the object `raw` at `path`, and in the same pass the objects nested in it under the names `nested`, each in the
    /// one before.
    pub fn parse(raw: &'a RawValue, path: impl Into<Path>, nested: Names) -> Result<Self, FieldError> {
        let path = path.into();
        match read(raw.get(), nested) {
            Ok(fields) => Ok(fields.with_path(path)),
            Err(_) => Err(FieldError { field: path.join("."), problem: "must be an object" }),
        }
    }

    /// Reads a whole document that should be an object, in the same way.
    pub fn from_slice(document: &'a [u8], nested: Names) -> Result<Self, NotAnObject> {
        let fields = match str::from_utf8(document) {
            Ok(document) => read(document, nested),
            // It says where.
            Err(_) => serde_json::from_slice::<&RawValue>(document).and_then(|document| read(document.get(), nested)),
        };
        fields.map_err(|error| NotAnObject { line: error.line(), column: error.column() })
    }

    /// The same object, with errors that begin with `path`.
    pub fn with_path(self, path: impl Into<Path>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// The value of a field; `null` counts as absent. An exact match of the name goes before others.
    pub fn value(&self, name: &str) -> Option<&Value<'a>> {
        self.member(name).filter(|value| !value.is_null())
    }

    /// The same, taken out of the object.
    pub fn take(mut self, name: &str) -> Option<Value<'a>> {
        let position = self.position(name)?;
        Some(self.members.swap_remove(position).1).filter(|value| !value.is_null())
    }

    /// Whether the field is there, even as `null`.
    pub fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// A text, if present.
    pub fn text(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, FieldError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.raw().and_then(text_of).map(Some).ok_or_else(|| self.error(name, "must be a string"))
    }

    /// A text that has to be there.
    pub fn required_text(&self, name: &'static str) -> Result<Cow<'a, str>, FieldError> {
        self.text(name)?.ok_or_else(|| self.error(name, "is missing"))
    }

    /// An object, if present.
    pub fn object(&self, name: &'static str) -> Result<Option<Self>, FieldError> {
        self.value(name).cloned().map(|value| value.into_object(self.path_of(name))).transpose()
    }

    /// An array, if present, as its raw elements.
    pub fn array(&self, name: &'static str) -> Result<Option<Vec<&'a RawValue>>, FieldError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let elements = value.raw().and_then(|raw| serde_json::from_str(raw.get()).ok());
        elements.map(Some).ok_or_else(|| self.error(name, "must be an array"))
    }

    /// All members, in the order of the text.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.members.iter().map(|(name, value)| (&**name, value))
    }

    /// The first name that occurs more than once, in any case: readers disagree on which of its values counts.
    pub fn repeated(&self) -> Option<&str> {
        let mut seen = HashSet::with_capacity(self.members.len());
        self.members.iter().map(|(name, _)| &**name).find(|name| !seen.insert(name.to_ascii_lowercase()))
    }

    /// An error about the field `name` of this object.
    pub fn error(&self, name: &'static str, problem: &'static str) -> FieldError {
        FieldError { field: self.path_of(name).join("."), problem }
    }

    fn member(&self, name: &str) -> Option<&Value<'a>> {
        self.position(name).map(|position| &self.members[position].1)
    }

    fn position(&self, name: &str) -> Option<usize> {
        let position = |is_it: fn(&str, &str) -> bool| self.members.iter().position(|(key, _)| is_it(key, name));
        position(|key, name| key == name).or_else(|| position(str::eq_ignore_ascii_case))
    }

    fn path_of(&self, name: &'static str) -> Vec<&'static str> {
        [&self.path, [name].as_slice()].concat()
    }
}

impl<'a> Value<'a> {
    /// The JSON text, unless it is an object that was read already.
    pub fn raw(&self) -> Option<&'a RawValue> {
        match self {
            Self::Raw(raw) => Some(raw),
            Self::Object(_) => None,
        }
    }

    /// The object that it is, at `path`.
    pub fn into_object(self, path: impl Into<Path>) -> Result<Fields<'a>, FieldError> {
        match self {
            Self::Raw(raw) => Fields::parse(raw, path, &[]),
            Self::Object(fields) => Ok(fields.with_path(path)),
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Raw(raw) if raw.get() == "null")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields<'_> {
        Fields::from_slice(text.as_bytes(), &[]).unwrap()
    }

    /// All that can be asked of an object and of what stands in it.
    fn told(fields: &Fields<'_>) -> String {
        let members = fields.members().map(|(name, value)| match value.clone().into_object(&["inner"]) {
            Ok(inner) => format!("{name}: {}", told(&inner)),
            Err(_) => format!("{name}: {}", value.raw().unwrap()),
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn nested_objects_read_in_one_pass_equal_those_read_level_by_level() {
        for (document, is_read_along) in [
            (r#"{"a":{"id":1,"b":{"id":2},"b":3,"B":{}},"A":4}"#, true),
            (r#"{"A":{"b":[]},"a":{"id":1},"a":{"id":2},"a":[]}"#, true),
            (r#"{"a":{"b":{"id":[{"\udfff":[]}]}}}"#, true),
            (r#"{"a":{"b":{"\ud800":1}},"\ud800":{}}"#, false),
            (r#"{"A":{"b":{}}}"#, false),
            (r#"{"a":{"b":null}}"#, false),
            (r#"{"a":null,"a":{"b":{}}}"#, false),
            (r#"{"a":[{}]}"#, false),
            (r#"{"id":1}"#, false),
        ] {
            let nested = Fields::from_slice(document.as_bytes(), &["a", "b"]).unwrap();
            assert_eq!(told(&nested), told(&fields(document)));
            assert_eq!(nested.value("a").is_some_and(|value| value.raw().is_none()), is_read_along, "{document}");
        }
        for wrong in [r#"{"a":{}}}"#, r#"{"a":{"#, r#"{"a":{}"#, "[]", "{\"a\":{\"\t\":1}}", "{\"a\tb\":1}"] {
            assert!(Fields::from_slice(wrong.as_bytes(), &["a", "b"]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_the_exact_one_first() {
        let object = fields(r#"{"MESSAGEID":"upper","messageId":"exact","messageId":"again"}"#);
        assert_eq!(object.required_text("messageId").unwrap(), "exact");
        assert_eq!(object.required_text("MessageId").unwrap(), "upper");
    }

    #[test]
    fn a_name_that_occurs_twice_in_any_case_is_found() {
        for (text, repeated) in [
            (r#"{"a":1,"b":2}"#, None),
            (r#"{"a":1,"b":{"a":1}}"#, None),
            (r#"{"userId":1,"b":2,"USERID":null}"#, Some("USERID")),
            (r#"{"userId":1,"\u0075serId":1}"#, Some("userId")),
        ] {
            assert_eq!(fields(text).repeated(), repeated, "{text}");
        }
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
    fn an_unused_value_may_be_nested_to_any_depth() {
        let deep = format!(r#"{{"unread":{}{},"id":"1"}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(fields(&deep).required_text("id").unwrap(), "1");
    }
}
