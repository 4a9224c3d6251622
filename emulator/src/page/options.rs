//! What the page is told at start, beside the requests that it will see: phones with a name, and samples to post.

use std::io;

use serde::Serialize;

use super::samples::Target;

/// What is on the page before anything was sent. Empty by default: phones appear as they are pushed to.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Phones that are there from the start.
    pub phones: Vec<Phone>,
    /// What a visitor can post.
    pub samples: Vec<Sample>,
    /// Where samples are posted: an `http:` URL on loopback. Without it there is nothing to post.
    pub post_to: Option<String>,
}

/// A phone that has a name.
#[derive(Debug, Clone, Serialize)]
pub struct Phone {
    /// Its heading.
    pub name: String,
    /// The notification format it takes, `apple` or `fcmv1`; decides how it is drawn.
    pub format: String,
    /// All its device handles: that for alerts and, where there is one, that for calls.
    pub handles: Vec<String>,
}

/// A request body that a visitor can change and post.
///
/// In it, `{{now}}` becomes the time as RFC 3339, `{{millis}}` the time as milliseconds of Unix time, `{{new}}` a new
/// UUID, `{{new NAME}}` a new UUID that is remembered, and `{{last NAME}}` that one again.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// One line for the list.
    pub name: String,
    /// What to expect of it.
    pub description: String,
    /// The body, JSON.
    pub body: String,
}

impl Page {
    /// Refuses a `post_to` that would make a proxy to elsewhere of the emulator.
    pub(crate) fn check(&self) -> io::Result<()> {
        let Some(url) = &self.post_to else { return Ok(()) };
        match Target::parse(url) {
            Some(_) => Ok(()),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("samples can be posted to http://127.0.0.1:PORT/… only, not to {url:?}"),
            )),
        }
    }
}
