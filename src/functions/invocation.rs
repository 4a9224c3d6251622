//! The Functions host's envelope: the body of an invocation, and the response to it.
//!
//! The only file that knows `Data`, `Outputs`, `Logs` and `ReturnValue`. What an event is does not belong here.
//! <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::http_response::{HttpResponse, StatusCode, response_with};
use crate::events::RawEvent;
use crate::events::fields::{Fields, NotAnObject, Value, text_of};

/// The `event` binding of one invocation.
#[derive(Debug)]
pub enum InvocationRequest<'a> {
    /// An object that was read together with the body.
    Object(Fields<'a>),
    /// Other JSON.
    Json(&'a RawValue),
    /// A string that should contain JSON.
    Text(Cow<'a, str>),
}

/// Of one request: twice Event Grid's largest batch.
pub const MAX_EVENTS: usize = 10_000;

/// Why a body is not an invocation.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// Not JSON, or not an object.
    #[error("the body {0}")]
    NotAnObject(#[from] NotAnObject),
    /// More events than any batch has.
    #[error("Data.event has {0} elements: expected at most {MAX_EVENTS}")]
    TooManyEvents(usize),
    /// What Event Grid posts to a webhook.
    #[error(
        "the body is what Event Grid posts to a webhook, not an invocation of the Functions host, which is \
         {{\"Data\":{{\"event\":{{…}}}},\"Metadata\":{{}}}} with one event: post events to the host at \
         /runtime/webhooks/EventGrid?functionName=EventGridTrigger with the header \"aeg-event-type: Notification\", or try \
         them with acs-push send FILE"
    )]
    BareEvents,
    /// The envelope lacks the binding.
    #[error("the body has no Data.event: is the binding in EventGridTrigger/function.json named \"event\"?")]
    NoEvent,
}

impl<'a> InvocationRequest<'a> {
    /// Reads the body of an Event Grid trigger's invocation.
    pub fn parse(body: &'a [u8]) -> Result<Self, InvocationError> {
        Self::parse_envelope(body).map_err(|error| if is_bare(body) { InvocationError::BareEvents } else { error })
    }

    fn parse_envelope(body: &'a [u8]) -> Result<Self, InvocationError> {
        // Nearly every body is read in one pass.
        let data = Fields::from_slice(body, &["Data", "event", "data"])?.take("Data");
        let event = data.and_then(|data| data.into_object(&["Data"]).ok()?.take("event"));
        Ok(match event.ok_or(InvocationError::NoEvent)? {
            Value::Object(fields) => Self::Object(fields.with_path(&["Data", "event"])),
            // The host sends whatever is not an object as a string that contains its JSON.
            Value::Raw(event) => text_of(event).map_or(Self::Json(event), Self::Text),
        })
    }

    /// The events: the elements of an array, or the one value instead of an array.
    pub fn events(&self) -> Result<Vec<RawEvent<'_>>, InvocationError> {
        let value = match self {
            Self::Object(fields) => return Ok(vec![RawEvent::Object(fields)]),
            Self::Json(value) => *value,
            Self::Text(text) => match serde_json::from_str(text) {
                Ok(value) => value,
                Err(_) => return Ok(vec![RawEvent::Text(text)]),
            },
        };
        if !value.get().starts_with('[') {
            return Ok(vec![RawEvent::Json(value)]);
        }
        match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            Ok(elements) if elements.len() > MAX_EVENTS => Err(InvocationError::TooManyEvents(elements.len())),
            Ok(elements) => Ok(elements.into_iter().map(RawEvent::Json).collect()),
            Err(_) => Ok(vec![RawEvent::Json(value)]),
        }
    }
}

/// The host's clock when it sent an invocation. The metadata repeats the event's data, so this is not read each time.
pub fn host_time(body: &[u8]) -> Option<DateTime<Utc>> {
    let metadata = Fields::from_slice(body, &["Metadata", "sys"]).ok()?.take("Metadata")?;
    let sys = metadata.into_object(&["Metadata"]).ok()?.take("sys")?.into_object(&["Metadata", "sys"]).ok()?;
    let time = DateTime::parse_from_rfc3339(&sys.text("UtcNow").ok()??).ok()?;
    Some(time.to_utc())
}

/// Whether it is an event of either schema, or an array, without an envelope.
fn is_bare(body: &[u8]) -> bool {
    let is_array = || body.trim_ascii_start().starts_with(b"[") && serde_json::from_slice::<IgnoredAny>(body).is_ok();
    let is_event = |fields: &Fields<'_>| fields.has("eventType") || fields.has("specversion");
    Fields::from_slice(body, &[]).map_or_else(|_| is_array(), |fields| is_event(&fields))
}

/// Most log lines are shorter.
const TYPICAL_LINE_BYTES: usize = 512;

/// The answer to an invocation. The host never finishes an invocation with an empty body, so there is always an object.
#[derive(Debug, Serialize)]
pub struct InvocationResponse {
    #[serde(rename = "Outputs")]
    outputs: Outputs,
    #[serde(rename = "Logs")]
    logs: Vec<String>,
    #[serde(rename = "ReturnValue")]
    return_value: (),
}

/// No function has an output binding.
#[derive(Debug, Serialize)]
struct Outputs {}

impl InvocationResponse {
    /// An answer that has the host write these lines.
    pub fn with_logs(lines: impl IntoIterator<Item = String>) -> Self {
        Self { outputs: Outputs {}, logs: lines.into_iter().collect(), return_value: () }
    }

    /// 200 with this answer.
    pub fn into_http(self) -> HttpResponse {
        response_with(StatusCode::OK, self.into_json().into())
    }

    /// The JSON text.
    fn into_json(self) -> Vec<u8> {
        let mut json = Vec::with_capacity(64 + TYPICAL_LINE_BYTES * self.logs.len());
        serde_json::to_writer(&mut json, &self).expect("texts always serialize");
        json
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
            .map(|raw_event| match raw_event {
                RawEvent::Object(fields) => {
                    let members =
                        fields.members().map(|(name, value)| format!("{name} {:?}", value.raw().map(RawValue::get)));
                    format!("object {}", members.collect::<Vec<_>>().join(", "))
                }
                RawEvent::Json(raw) => raw.get().to_owned(),
                RawEvent::Text(text) => format!("text {text}"),
            })
            .collect()
    }

    #[test]
    fn an_object_an_array_and_a_string_of_either_are_events() {
        assert_eq!(events(r#"{"Data":{"event":{"id": 1 }},"Metadata":{}}"#), [r#"object id Some("1")"#]);
        assert_eq!(events(r#"{"Data":{"event":{"data": {} }},"Metadata":{}}"#), ["object data None"]);
        assert_eq!(events(r#"{"Data":{"event":{"data": [] }},"Metadata":{}}"#), [r#"{"data": [] }"#]);
        assert_eq!(events(r#"{"DATA":{"EVENT":{"data": {} }},"Metadata":{}}"#), [r#"{"data": {} }"#]);
        assert_eq!(events(r#"{"Data":{"event":[{"id":"1"},2]}}"#), [r#"{"id":"1"}"#, "2"]);
        assert_eq!(events(r#"{"Data":{"event":"{\"id\":\"1\"}"}}"#), [r#"{"id":"1"}"#]);
        assert_eq!(
            events(r#"{"Data":{"event":"[{\"id\":\"1\"},{\"id\":\"2\"}]"}}"#),
            [r#"{"id":"1"}"#, r#"{"id":"2"}"#]
        );
        assert_eq!(events(r#"{"data":{"Event":[]}}"#), Vec::<String>::new());
    }

    #[test]
    fn a_string_that_is_not_json_is_an_event_of_text() {
        assert_eq!(events(r#"{"Data":{"event":"hello"}}"#), ["text hello"]);
    }

    #[test]
    fn a_body_without_the_binding_is_an_error() {
        for body in ["{}", r#"{"Data":{}}"#, r#"{"Data":[]}"#, r#"{"Data":{"event":null}}"#] {
            assert!(matches!(InvocationRequest::parse(body.as_bytes()), Err(InvocationError::NoEvent)), "{body}");
        }
        for body in
            ["[]", r#"[{"id":"1"}]"#, r#"{"id":"1","eventType":"a","data":{}}"#, r#"{"SpecVersion":"1.0","data":{}}"#]
        {
            assert!(matches!(InvocationRequest::parse(body.as_bytes()), Err(InvocationError::BareEvents)), "{body}");
        }
        for body in ["", "nul", r#"{"Data":{"event":{"id":"#] {
            assert!(
                matches!(InvocationRequest::parse(body.as_bytes()), Err(InvocationError::NotAnObject(_))),
                "{body}"
            );
        }
        for no_text in
            [&b"{\"Data\":{\"event\":{}},\"Metadata\":\"\xff\"}"[..], b"{\"Data\":{\"event\":{}},\"\xff\":1}"]
        {
            assert!(matches!(InvocationRequest::parse(no_text), Err(InvocationError::NotAnObject(_))));
        }
    }

    #[test]
    fn an_error_in_a_body_has_its_line_and_column() {
        for (body, told) in [
            ("{\"Data\":{\"event\":{\"data\":{}}},\n]", "the body is not a JSON object (line 2, column 1)"),
            ("{\"Data\":{\"event\":{\"data\":{\"a\tb\":1}}}}", "the body is not a JSON object (line 1, column 28)"),
        ] {
            assert_eq!(InvocationRequest::parse(body.as_bytes()).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn the_response_is_never_empty() {
        let answer = InvocationResponse::with_logs([]).into_json();
        assert_eq!(String::from_utf8(answer).unwrap(), r#"{"Outputs":{},"Logs":[],"ReturnValue":null}"#);
    }
}
