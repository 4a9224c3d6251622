//! What a hub answered: the one table from its status to a [`SendError`].
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>, and for what it leaves out the recordings in
//! the official .NET SDK's tests.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::{SendError, http_date, retry};

/// An answer, read to its end so that the connection can serve again.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the hub asked to wait.
    pub retry_after: Option<Duration>,
    /// The hub's clock.
    pub server_time: Option<DateTime<Utc>>,
    /// The hub's id of the request.
    pub tracking_id: Option<String>,
    no_credentials: bool,
}

/// No answer of the service comes near; more of it is not read, nor waited for.
const LONGEST_BODY: usize = 64 * 1024;
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl Answer {
    /// Reads an answer. A body that breaks off, or does not come until `limit`, does not matter: the status is there.
    pub async fn read(mut response: Response, limit: Instant, now: DateTime<Utc>) -> Self {
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let milliseconds =
            header("retry-after-ms").and_then(|value| value.trim().parse().ok()).map(Duration::from_millis);
        let retry_after = milliseconds.map(|wait| wait.min(retry::FOR_EVER));
        let server_time = header("date").and_then(http_date);
        // A date is the hub's, so it is held against the hub's clock.
        let retry_after =
            retry_after.or_else(|| retry::retry_after(header("retry-after")?, server_time.unwrap_or(now)));
        let tracking_id = header("trackingid").and_then(identifier);
        let mut body = Vec::new();
        let limit = limit.min(Instant::now() + LONGEST_WAIT);
        while let Ok(Ok(Some(chunk))) = timeout_at(limit, response.chunk()).await {
            if body.len() + chunk.len() > LONGEST_BODY {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8_lossy(&body);
        let tracking_id = tracking_id.or_else(|| identifier(body.split_once("TrackingId:")?.1));
        let no_credentials = status == 400 && body.to_ascii_lowercase().contains("credential");
        Self { status, retry_after, server_time, tracking_id, no_credentials }
    }

    /// The error that the status stands for; `None` for success. 401 has its own story, in the caller.
    pub fn error(&self) -> Option<SendError> {
        let (status, retry_after) = (self.status, self.retry_after);
        match status {
            200 | 201 => None,
            400 if self.no_credentials => Some(SendError::NoCredentials),
            400 => Some(SendError::BadRequest),
            401 => Some(SendError::Unauthorized),
            403 if retry_after.is_some() => Some(SendError::Throttled { status, retry_after }),
            403 => Some(SendError::Forbidden),
            404 => Some(SendError::NotFound),
            408 | 500..=599 => Some(SendError::Unavailable { status, retry_after }),
            413 => Some(SendError::TooLarge),
            429 => Some(SendError::Throttled { status, retry_after }),
            other => Some(SendError::Refused(other)),
        }
    }
}

/// The identifier that `text` begins with. Only its harmless characters: it goes into logs.
fn identifier(text: &str) -> Option<String> {
    let id: String =
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').take(80).collect();
    (!id.is_empty()).then_some(id)
}
