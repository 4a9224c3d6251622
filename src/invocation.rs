//! The Functions host's envelope: what a custom handler is given and what it answers.
//!
//! The only file that knows `Data`, `Outputs`, `Logs` and `ReturnValue`. What an event is does not belong here.
//! <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>

use std::borrow::Cow;

use crate::event::{Given, GivenObject};
use crate::fields::{Fields, NotAnObject, Raw};
use crate::json::{Object, append_object_in_text};

/// The `event` binding of one invocation.
#[derive(Debug)]
pub enum InvocationRequest<'a> {
    /// An object that was read together with the body.
    Object(GivenObject<'a>),
    /// Other JSON.
    Json(Raw<'a>),
    /// A text that should hold JSON.
    Text(Cow<'a, str>),
}

/// Twice Event Grid's largest batch.
const MOST_EVENTS: usize = 10_000;

/// Why a body is not an invocation.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// Not JSON, or not an object.
    #[error("the body {0}")]
    NotAnObject(#[from] NotAnObject),
    /// More events than any batch has.
    #[error("Data.event has {0} elements: expected at most {MOST_EVENTS}")]
    TooManyEvents(usize),
    /// The envelope lacks the binding.
    #[error("the body has no Data.event: is the binding in EventGridTrigger/function.json named \"event\"?")]
    NoEvent,
}

impl<'a> InvocationRequest<'a> {
    /// Reads the body of an Event Grid trigger's invocation.
    pub fn parse(body: &'a [u8]) -> Result<Self, InvocationError> {
        // The usual body is read in one pass. Every other one is read level by level, which also tells what is wrong.
        if let Some(object) = str::from_utf8(body).ok().and_then(|body| GivenObject::read(body, &["Data", "event"])) {
            return Ok(Self::Object(object));
        }
        let data = Fields::from_slice(body)?.object("Data").ok().flatten();
        let event = data.and_then(|data| data.raw("event")).ok_or(InvocationError::NoEvent)?;
        // Whatever is not an object travels as a string that holds its JSON.
        Ok(event.text().map_or(Self::Json(event), Self::Text))
    }

    /// Takes the text of an event, or of an array of them, without an envelope.
    pub fn of_events(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// The events: the elements of an array, or the one value that stands there instead.
    pub fn events(&self) -> Result<Vec<Given<'_>>, InvocationError> {
        let value = match self {
            Self::Object(object) => return Ok(vec![Given::Object(object)]),
            Self::Json(value) => *value,
            Self::Text(text) => match serde_json::from_str(text) {
                Ok(value) => value,
                Err(_) => return Ok(vec![Given::Text(text)]),
            },
        };
        if !value.get().starts_with('[') {
            return Ok(vec![Given::Json(value)]);
        }
        match serde_json::from_str::<Vec<Raw<'_>>>(value.get()) {
            Ok(elements) if elements.len() > MOST_EVENTS => Err(InvocationError::TooManyEvents(elements.len())),
            Ok(elements) => Ok(elements.into_iter().map(Given::Json).collect()),
            Err(_) => Ok(vec![Given::Json(value)]),
        }
    }
}

/// The answer to an invocation. The host hangs on an empty body, so there is always an object.
#[derive(Debug)]
pub struct InvocationResponse {
    json: Vec<u8>,
}

/// What most lines have room in.
const USUAL_LINE: usize = 448;

impl InvocationResponse {
    /// An answer that has the host write a line for each of `items`: a JSON object, whose members `write` writes.
    pub fn with_logs<T>(items: &[T], write: impl Fn(&T, &mut Object<'_>)) -> Self {
        let mut json = Vec::with_capacity(64 + USUAL_LINE * items.len());
        json.extend_from_slice(br#"{"Outputs":{},"Logs":["#);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            append_object_in_text(&mut json, |line| write(item, line));
        }
        json.extend_from_slice(br#"],"ReturnValue":null}"#);
        Self { json }
    }

    /// The JSON text.
    pub fn into_json(self) -> Vec<u8> {
        self.json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(body: &str) -> Vec<String> {
        let request = InvocationRequest::parse(body.as_bytes()).unwrap();
        request
            .events()
            .unwrap()
            .into_iter()
            .map(|given| match given {
                Given::Object(object) => object.raw().get().to_owned(),
                Given::Json(raw) => raw.get().to_owned(),
                Given::Text(text) => format!("text {text}"),
            })
            .collect()
    }

    #[test]
    fn an_object_an_array_and_a_string_of_either_are_events() {
        assert_eq!(events(r#"{"Data":{"event":{"id":"1"}},"Metadata":{}}"#), [r#"{"id":"1"}"#]);
        assert_eq!(events(r#"{"Data":{"event":{"data": {} }},"Metadata":{}}"#), [r#"{"data": {} }"#]);
        assert_eq!(events(r#"{"Data":{"event":[{"id":"1"},2]}}"#), [r#"{"id":"1"}"#, "2"]);
        assert_eq!(events(r#"{"Data":{"event":"{\"id\":\"1\"}"}}"#), [r#"{"id":"1"}"#]);
        assert_eq!(
            events(r#"{"Data":{"event":"[{\"id\":\"1\"},{\"id\":\"2\"}]"}}"#),
            [r#"{"id":"1"}"#, r#"{"id":"2"}"#]
        );
        assert_eq!(events(r#"{"data":{"Event":[]}}"#), Vec::<String>::new());
    }

    #[test]
    fn a_string_without_json_is_handed_on_as_text() {
        assert_eq!(events(r#"{"Data":{"event":"hello"}}"#), ["text hello"]);
    }

    #[test]
    fn a_body_without_the_binding_is_an_error() {
        for body in ["{}", r#"{"Data":{}}"#, r#"{"Data":[]}"#, r#"{"Data":{"event":null}}"#] {
            assert!(matches!(InvocationRequest::parse(body.as_bytes()), Err(InvocationError::NoEvent)), "{body}");
        }
        for body in ["", "[]", "nul", r#"{"Data":{"event":{"id":"#] {
            assert!(
                matches!(InvocationRequest::parse(body.as_bytes()), Err(InvocationError::NotAnObject(_))),
                "{body}"
            );
        }
        let no_text = b"{\"Data\":{\"event\":{\"data\":{}}},\"Metadata\":\"\xff\"}";
        assert!(matches!(InvocationRequest::parse(no_text), Err(InvocationError::NotAnObject(_))));
    }

    #[test]
    fn what_is_wrong_with_a_body_is_told_by_the_place() {
        for (body, told) in [
            ("{\"Data\":{\"event\":{\"data\":{}}},\n]", "the body is no JSON object, from line 2, column 1 on"),
            ("{\"Data\":{\"event\":{\"data\":{\"a\tb\":1}}}}", "the body is no JSON object, from line 1, column 28 on"),
        ] {
            assert_eq!(InvocationRequest::parse(body.as_bytes()).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn the_answer_is_never_empty() {
        let answer = InvocationResponse::with_logs(&[], |(), _| ()).into_json();
        assert_eq!(String::from_utf8(answer).unwrap(), r#"{"Outputs":{},"Logs":[],"ReturnValue":null}"#);
    }

    #[test]
    fn any_line_comes_out_as_it_went_in() {
        let texts = ["", "line", r#"{"a":"\"b\\"}"#, "안 \u{7f} 👍", "tab\tand \0 \"both\""];
        let answer = InvocationResponse::with_logs(&texts, |text, line| line.text("text", text)).into_json();
        let read: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        let lines = texts.map(|text| serde_json::json!({ "text": text }).to_string());
        assert_eq!(read["Logs"], serde_json::json!(lines));
    }
}
