//! Reads a JSON object by field name in any case, borrowing from the text.
//!
//! Event Grid's and ACS's members changed case over the years (`MessageId`, `messageId`), so names are
//! compared without ASCII case. Values stay raw until somebody asks for them: what nobody reads may have any
//! shape and any depth. No knowledge of events or installations belongs here.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

mod raw;
mod scan;

pub use raw::Raw;
pub use scan::from_special;
use scan::{Members, Object, object_at};

/// The members of one JSON object.
#[derive(Debug)]
pub struct Fields<'a> {
    /// Where the object stands, for errors: the names on the way to it.
    path: Cow<'static, [&'static str]>,
    members: Members<'a>,
}

/// The names on the way to a value.
pub type Path = &'static [&'static str];

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
    pub fn parse(raw: Raw<'a>, path: impl Into<Cow<'static, [&'static str]>>) -> Result<Self, FieldError> {
        let path = path.into();
        match object_at(raw.get(), &[], None) {
            Some(Object { members, .. }) => Ok(Self { path, members }),
            None => Err(FieldError { field: path.join("."), problem: "must be an object" }),
        }
    }

    /// Reads the object at the end of `path` and the object `inner` in it, both in one pass over the document. `None` where
    /// they do not stand under exactly these names, or where anything is wrong: then look level by level. The first object
    /// comes with its text and without the second one, whose errors begin with its own name.
    pub fn both_at(document: &'a str, path: Path, inner: &'static str) -> Option<(Raw<'a>, Self, Self)> {
        let Object { raw, members, inner: inner_members } = object_at(document, path, Some(inner))?;
        let inner = Self { path: vec![inner].into(), members: inner_members? };
        Some((raw, Self { path: path.into(), members }, inner))
    }

    /// Reads a whole document that should be an object.
    pub fn from_slice(document: &'a [u8]) -> Result<Self, NotAnObject> {
        let object = str::from_utf8(document).ok().and_then(|document| object_at(document, &[], None));
        match object {
            Some(Object { members, .. }) => Ok(Self { path: Cow::Borrowed(&[]), members }),
            None => Err(NotAnObject::in_slice(document)),
        }
    }

    /// The raw value of a field; `null` counts as absent. An exact match of the name goes before others.
    pub fn raw(&self, name: &str) -> Option<Raw<'a>> {
        self.member(name).filter(|value| value.get() != "null")
    }

    /// Whether the field stands there, be it as `null`.
    pub fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// A text, if present.
    pub fn text(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, FieldError> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        raw.text().map(Some).ok_or_else(|| self.error(name, "must be a string"))
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
    pub fn array(&self, name: &'static str) -> Result<Option<Vec<Raw<'a>>>, FieldError> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| self.error(name, "must be an array"))
    }

    /// All members, in the order of the text.
    pub fn members(&self) -> impl Iterator<Item = (&str, Raw<'a>)> {
        self.members.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// An error about the field `name` of this object.
    pub fn error(&self, name: &'static str, problem: &'static str) -> FieldError {
        FieldError { field: self.path_of(name).join("."), problem }
    }

    fn member(&self, name: &str) -> Option<Raw<'a>> {
        let mut found = None;
        for (key, value) in self.members.iter().filter(|(key, _)| key.len() == name.len()) {
            if key == name {
                return Some(*value);
            }
            if found.is_none() && key.eq_ignore_ascii_case(name) {
                found = Some(*value);
            }
        }
        found
    }

    fn path_of(&self, name: &'static str) -> Vec<&'static str> {
        [&self.path, [name].as_slice()].concat()
    }
}

impl NotAnObject {
    /// Looks again for what is wrong, which the scanner does not say.
    fn in_slice(document: &[u8]) -> Self {
        let read = serde_json::from_slice::<HashMap<String, &RawValue>>(document);
        let (line, column) = read.err().map_or((0, 0), |error| (error.line(), error.column()));
        Self { line, column }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const NAMES: [&str; 7] = ["Data", "data", "DATA", "event", "Event", "other", "\\ud800"];

    /// JSON in which the same names stand again and again, in several cases.
    fn documents() -> impl Strategy<Value = String> {
        let leaves = select(&["null", "7", "[]", r#""text""#, r#""\ud800""#][..]).prop_map(str::to_owned);
        leaves.prop_recursive(4, 64, 6, |values| {
            let names = prop_oneof![20 => select(&NAMES[..6]), 1 => Just(NAMES[6])];
            let members = (names, values).prop_map(|(name, value)| format!(r#""{name}": {value}"#));
            proptest::collection::vec(members, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_pass_finds_what_is_found_level_by_level(document in documents()) {
            let text = |raw: Raw| raw.get().to_owned();
            let level = |name| Fields::from_slice(document.as_bytes()).unwrap().object(name).unwrap().unwrap();
            if let Some((raw, outer, inner)) = Fields::both_at(&document, &["Data"], "data") {
                let expected = level("Data");
                prop_assert_eq!(Some(text(raw)), Fields::from_slice(document.as_bytes()).unwrap().raw("Data").map(text));
                let expected_inner = expected.object("data").unwrap().unwrap();
                for name in NAMES {
                    prop_assert_eq!(inner.raw(name).map(text), expected_inner.raw(name).map(text));
                    if !name.eq_ignore_ascii_case("data") {
                        prop_assert_eq!(outer.raw(name).map(text), expected.raw(name).map(text));
                    }
                }
            }
        }
    }

    #[test]
    fn one_pass_finds_exact_names_only_and_of_equal_ones_the_first() {
        let both = |document| {
            Fields::both_at(document, &["Data", "event"], "data").map(|(_, outer, inner)| {
                [outer.raw("id"), inner.raw("id")].map(|id| id.map(Raw::get).unwrap_or_default())
            })
        };
        let first = r#"{"Data":{"event":{"id":1,"data":{"id":2},"data":7}},"Data":{"event":{"id":3,"data":{}}}}"#;
        assert_eq!(both(first), Some(["1", "2"]));
        assert_eq!(both(r#"{"Data":{"event":{"data":{}}},"unread":{"\ud800":[[]]}}"#), Some(["", ""]));
        for odd in [
            r#"{"data":{"event":{"data":{}}}}"#,
            r#"{"Data":{},"Data":{"event":{"data":{}}}}"#,
            r#"{"Data":{"event":[{"data":{}}]}}"#,
            r#"{"Data":{"event":{"data":[]}}}"#,
            r#"{"Data":{"event":{"data":{"\ud800":1}}}}"#,
            r#"{"Data":{"event":{"data":{}}}}}"#,
            r#"{"Data":{"event":{"data":{}}}"#,
        ] {
            assert_eq!(both(odd), None, "{odd}");
        }
    }

    fn fields(text: &str) -> Fields<'_> {
        Fields::from_slice(text.as_bytes()).unwrap()
    }

    #[test]
    fn names_are_found_in_any_case_and_the_exact_one_first() {
        let object = fields(r#"{"MESSAGEID":"upper","messageId":"exact"}"#);
        assert_eq!(object.required_text("messageId").unwrap(), "exact");
        assert_eq!(object.required_text("MessageId").unwrap(), "upper");
    }

    #[test]
    fn texts_without_escapes_are_borrowed() {
        let object = fields(r#"{"plain":"text","escaped":"a\nb"}"#);
        assert!(matches!(object.required_text("plain").unwrap(), Cow::Borrowed("text")));
        assert_eq!(object.required_text("escaped").unwrap(), "a\nb");
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

    #[test]
    fn half_a_surrogate_pair_is_a_wrong_text_and_not_a_panic() {
        let object = fields(r#"{"message":"\ud83d"}"#);
        assert_eq!(object.text("message").unwrap_err().problem, "must be a string");
    }
}
