//! What a hub answered: the one table from its status to a [`SendError`].
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>, and for what it leaves out the recordings in
//! the official .NET SDK's tests.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::{SendError, retry};

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
        let server_time = header("date").and_then(retry::http_date);
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
    ///
    /// 403 to a batch is the answer of the Free tier, and of whoever may not send at all: a single send tells which.
    pub fn error(&self, is_batch: bool) -> Option<SendError> {
        let (status, retry_after) = (self.status, self.retry_after);
        match status {
            200 | 201 => None,
            400 if self.no_credentials => Some(SendError::NoCredentials),
            400 => Some(SendError::BadRequest),
            401 => Some(SendError::Unauthorized),
            403 if retry_after.is_some() => Some(SendError::Throttled { status, retry_after }),
            403 if is_batch => Some(SendError::NoBatches),
            403 => Some(SendError::Forbidden),
            404 => Some(SendError::NotFound),
            408 | 500..=599 => Some(SendError::Unavailable { status, retry_after }),
            413 => Some(SendError::TooLarge),
            429 => Some(SendError::Throttled { status, retry_after }),
            other => Some(SendError::Refused(other)),
        }
    }
}

/// The GUID that `text` begins with, and a suffix like `_G4`. Nothing else: it goes into logs.
fn identifier(text: &str) -> Option<String> {
    let (guid, rest) = text.split_at_checked(36)?;
    let is_guid = guid.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && guid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let suffix = rest.strip_prefix('_').unwrap_or_default();
    let suffix: String = suffix.chars().take_while(char::is_ascii_alphanumeric).take(4).collect();
    let suffix = if suffix.is_empty() { suffix } else { format!("_{suffix}") };
    is_guid.then(|| format!("{guid}{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tracking_id_passes_for_one() {
        let guid = "e409d189-6580-4cea-9087-d1817f32d609";
        assert_eq!(identifier(guid).as_deref(), Some(guid));
        let in_text = identifier("e409d189-6580-4cea-9087-d1817f32d609_G4,TimeStamp:1/7/2023");
        assert_eq!(in_text.as_deref(), Some("e409d189-6580-4cea-9087-d1817f32d609_G4"));
        for other in ["", "tracking", "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0", "8:acs:é"] {
            assert_eq!(identifier(other), None, "{other}");
        }
    }
}
