//! Reads a file of events: one event, an array of them, one on each line, an invocation of the Functions host, or a dead-letter
//! file of Event Grid.
//!
//! <https://learn.microsoft.com/azure/event-grid/manage-event-delivery> (a file is an array of events, each with a few
//! members more than it had).

use std::path::Path;

use serde_json::value::RawValue;

use super::input::{Input, InputError};
use crate::events::RawEvent;
use crate::events::fields::Fields;
use crate::functions::invocation::{InvocationError, InvocationRequest};

/// The text of a file whose JSON was checked.
#[derive(Debug)]
pub struct EventsFile(Input);

/// Why a file gives no events.
#[derive(Debug, thiserror::Error)]
pub enum EventsFileError {
    /// It gives no text.
    #[error(transparent)]
    Input(#[from] InputError),
    /// It is no JSON.
    #[error(
        "{name} is not JSON (line {line}, column {column}): expected one event, an array of events, or one event on each line"
    )]
    NotJson {
        /// The file.
        name: String,
        /// Where the mistake is.
        line: usize,
        /// Where the mistake is.
        column: usize,
    },
    /// An invocation in it has too many events.
    #[error("{0}: {1}")]
    Events(String, #[source] InvocationError),
}

/// One JSON value of a file.
enum Part<'a> {
    Events(Vec<&'a RawValue>),
    Invocation(InvocationRequest<'a>),
}

impl EventsFile {
    /// Reads the file, or standard input for `-`. A mistake anywhere in it is told before any event is delivered.
    pub fn read(path: &Path) -> Result<Self, EventsFileError> {
        let file = Self(Input::read(path)?);
        for part in file.parts()? {
            if let Part::Invocation(request) = part {
                request.events().map_err(|error| EventsFileError::Events(file.0.name.clone(), error))?;
            }
        }
        Ok(file)
    }

    /// What it is called in a message.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Calls `take` with each event and its number, from 1 on. Returns how many there were.
    pub async fn for_each(&self, mut take: impl AsyncFnMut(usize, RawEvent<'_>)) -> usize {
        let mut number = 0;
        for part in self.parts().unwrap_or_default() {
            let events = match &part {
                Part::Events(events) => events.iter().map(|event| RawEvent::Json(event)).collect(),
                Part::Invocation(request) => request.events().unwrap_or_default(),
            };
            for raw_event in events {
                number += 1;
                take(number, raw_event).await;
            }
        }
        number
    }

    fn parts(&self) -> Result<Vec<Part<'_>>, EventsFileError> {
        let not_json = |error: serde_json::Error| EventsFileError::NotJson {
            name: self.0.name.clone(),
            line: error.line(),
            // At the end of the text it says 0.
            column: error.column().max(1),
        };
        let values = serde_json::Deserializer::from_str(&self.0.text).into_iter::<&RawValue>();
        let parts = values.map(|value| value.map(Part::of)).collect::<Result<Vec<_>, _>>().map_err(not_json)?;
        if parts.is_empty() {
            return Err(EventsFileError::NotJson { name: self.0.name.clone(), line: 1, column: 1 });
        }
        Ok(parts)
    }
}

impl EventsFileError {
    /// Whether what was read is wrong, and not how it was to be read.
    pub fn is_about_data(&self) -> bool {
        match self {
            Self::Input(error) => error.is_about_data(),
            Self::NotJson { .. } | Self::Events(..) => true,
        }
    }
}

impl<'a> Part<'a> {
    fn of(value: &'a RawValue) -> Self {
        if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            return Self::Events(elements);
        }
        let is_event = |fields: Fields<'_>| ["eventType", "type", "specversion"].iter().any(|name| fields.has(name));
        let is_event = Fields::parse(value, &[], &[]).is_ok_and(is_event);
        match InvocationRequest::parse(value.get().as_bytes()) {
            Ok(request) if !is_event => Self::Invocation(request),
            Ok(_) | Err(_) => Self::Events(vec![value]),
        }
    }
}
