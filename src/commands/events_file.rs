//! Reads a file of events: one event, an array of them, or a dead-letter file of Event Grid.
//!
//! <https://learn.microsoft.com/azure/event-grid/manage-event-delivery> (a file is an array of events, each with a few
//! members more than it had).

use std::io;
use std::path::{Path, PathBuf};

use crate::events::RawEvent;
use crate::functions::invocation::{InvocationError, InvocationRequest};

/// The text of a file.
#[derive(Debug)]
pub struct EventsFile {
    path: PathBuf,
    text: String,
}

/// Why a file gives no events.
#[derive(Debug, thiserror::Error)]
pub enum EventsFileError {
    /// It cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// It has too many events.
    #[error("{0}: {1}")]
    Events(PathBuf, #[source] InvocationError),
}

impl EventsFile {
    /// Reads the file, or standard input for `-`.
    pub fn read(path: &Path) -> Result<Self, EventsFileError> {
        let text = if path == Path::new("-") { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(path) };
        let text = text.map_err(|error| EventsFileError::Unreadable(path.to_owned(), error))?;
        // Some editors on Windows write a byte order mark.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok(Self { path: path.to_owned(), text })
    }

    /// Calls `take` with each event and its number, from 1 on.
    pub async fn for_each(&self, mut take: impl AsyncFnMut(usize, RawEvent<'_>)) -> Result<(), EventsFileError> {
        let request = InvocationRequest::from_events(&self.text);
        let events = request.events().map_err(|error| EventsFileError::Events(self.path.clone(), error))?;
        for (index, raw_event) in events.into_iter().enumerate() {
            take(index + 1, raw_event).await;
        }
        Ok(())
    }
}
