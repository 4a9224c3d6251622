//! The Functions host's envelope: what a custom handler is given and what it answers.
//!
//! The only file that knows `Data`, `Outputs`, `Logs` and `ReturnValue`. What an event is does not belong here.
//! <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::event::Given;
use crate::fields::{Fields, NotAnObject, text_of};

/// The `event` binding of one invocation, as JSON text.
#[derive(Debug)]
pub struct InvocationRequest<'a> {
    event: Cow<'a, str>,
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
        let envelope = Fields::from_slice(body)?;
        let data = envelope.object("Data").ok().flatten().ok_or(InvocationError::NoEvent)?;
        let raw = data.raw("event").ok_or(InvocationError::NoEvent)?;
        // Whatever is not an object travels as a string that holds its JSON.
        let event = if raw.get().starts_with('"') {
            text_of(raw).unwrap_or(Cow::Borrowed(raw.get()))
        } else {
            Cow::Borrowed(raw.get())
        };
        Ok(Self { event })
    }

    /// Takes the text of an event, or of an array of them, without an envelope.
    pub fn of_events(text: &'a str) -> Self {
        Self { event: Cow::Borrowed(text) }
    }

    /// The events: the elements of an array, or the one value that stands there instead.
    pub fn events(&self) -> Result<Vec<Given<'_>>, InvocationError> {
        let Ok(value) = serde_json::from_str::<&RawValue>(&self.event) else {
            return Ok(vec![Given::Text(&self.event)]);
        };
        match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            Ok(elements) if elements.len() > MOST_EVENTS => Err(InvocationError::TooManyEvents(elements.len())),
            Ok(elements) => Ok(elements.into_iter().map(Given::Json).collect()),
            Err(_) => Ok(vec![Given::Json(value)]),
        }
    }
}

/// The answer to an invocation. The host hangs on an empty body, so there is always an object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InvocationResponse {
    outputs: serde_json::Map<String, serde_json::Value>,
    logs: Vec<String>,
    return_value: (),
}

impl InvocationResponse {
    /// An answer that has the host write these lines.
    pub fn with_logs(logs: Vec<String>) -> Self {
        Self { outputs: serde_json::Map::new(), logs, return_value: () }
    }

    /// The JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings in an object always serialize")
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
                Given::Json(raw) => raw.get().to_owned(),
                Given::Text(text) => format!("text {text}"),
            })
            .collect()
    }

    #[test]
    fn an_object_an_array_and_a_string_of_either_are_events() {
        assert_eq!(events(r#"{"Data":{"event":{"id":"1"}},"Metadata":{}}"#), [r#"{"id":"1"}"#]);
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
    }

    #[test]
    fn the_answer_is_never_empty() {
        let answer = InvocationResponse::with_logs(vec!["line".to_owned()]).to_json();
        assert_eq!(String::from_utf8(answer).unwrap(), r#"{"Outputs":{},"Logs":["line"],"ReturnValue":null}"#);
    }
}
