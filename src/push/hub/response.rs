//! A hub's response: the one table from its status to a [`SendError`]. Here it is decided what a 429 means.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>, and for what it leaves out the recordings in
//! the official .NET SDK's tests.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::detail::detail;
use super::{SendError, retry};
use crate::notifications::device::Platform;

/// What is used of a hub's response.
#[derive(Debug)]
pub struct HubResponse {
    /// The HTTP status.
    pub status: u16,
    /// The hub's `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The hub's clock, of a 401.
    pub server_time: Option<DateTime<Utc>>,
    /// The hub's id of the request.
    pub tracking_id: Option<String>,
    no_credentials: bool,
    /// The body of a refusal, which may hold anything.
    body: String,
}

/// No response of the service is nearly as long; more is not read or waited for.
const MAX_BODY_BYTES: usize = 64 * 1024;
const MAX_BODY_WAIT: Duration = Duration::from_secs(1);

static RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
static TRACKING_ID: HeaderName = HeaderName::from_static("trackingid");

impl HubResponse {
    /// Reads status and headers.
    pub fn from_head(status: StatusCode, headers: &HeaderMap, now: impl Fn() -> DateTime<Utc>) -> Self {
        let header = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let server_time = || header(&DATE).and_then(retry::http_date);
        let retry_after = || {
            let milliseconds = header(&RETRY_AFTER_MS).and_then(|value| value.trim().parse().ok());
            let wait = milliseconds.map(|wait| Duration::from_millis(wait).min(retry::MAX_RETRY_AFTER));
            // A date is compared with the hub's own clock.
            wait.or_else(|| retry::retry_after(header(&RETRY_AFTER)?, server_time().unwrap_or_else(&now)))
        };
        Self {
            status: status.as_u16(),
            retry_after: if status.is_success() { None } else { retry_after() },
            server_time: if status == 401 { server_time() } else { None },
            tracking_id: header(&TRACKING_ID).and_then(identifier),
            no_credentials: false,
            body: String::new(),
        }
    }

    /// Reads the body to its end, so that the connection can be reused. An incomplete or late body is ignored: the status is known.
    pub async fn read(self, mut response: Response, limit: Instant) -> Self {
        let is_of_interest = self.tracking_id.is_none() || self.status >= 400;
        let (mut text, mut length) = (Vec::new(), 0);
        let limit = limit.min(Instant::now() + MAX_BODY_WAIT);
        while let Ok(Ok(Some(data))) = timeout_at(limit, response.chunk()).await {
            length += data.len();
            if length > MAX_BODY_BYTES {
                break;
            }
            if is_of_interest {
                text.extend_from_slice(&data);
            }
        }
        self.with_body(&text)
    }

    /// Takes from a body what the headers do not say.
    pub fn with_body(mut self, text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        self.tracking_id = self.tracking_id.or_else(|| identifier(text.split_once("TrackingId:")?.1));
        self.no_credentials = self.status == 400 && text.to_ascii_lowercase().contains("credential");
        if self.status >= 400 {
            self.body = text.into_owned();
        }
        self
    }

    /// The hub's own words for a refusal of this payload, without what may come from event or device.
    pub fn detail(&self, payload: &[u8]) -> Option<String> {
        detail(&self.body, payload)
    }

    /// The error that the status stands for; `None` for success. The caller handles 401 itself.
    ///
    /// 403 to a batch means the Free tier or a missing right; a single send shows which.
    pub fn error(&self, is_batch: bool, platform: Platform) -> Option<SendError> {
        let (status, retry_after) = (self.status, self.retry_after);
        match status {
            200 | 201 => None,
            400 if self.no_credentials => Some(SendError::NoPlatformCredentials(platform)),
            400 => Some(SendError::BadRequest),
            401 => Some(SendError::Unauthorized),
            403 if retry_after.is_some() => Some(SendError::Throttled { status, retry_after }),
            403 if is_batch => Some(SendError::BatchNotSupported),
            403 => Some(SendError::Forbidden),
            404 => Some(SendError::NotFound),
            408 | 500..=599 => Some(SendError::Unavailable { status, retry_after }),
            413 => Some(SendError::TooLarge),
            429 => Some(SendError::Throttled { status, retry_after }),
            other => Some(SendError::Refused(other)),
        }
    }
}

/// The GUID that `text` begins with, and a suffix like `_G4`. Nothing else, because it is logged.
fn identifier(text: &str) -> Option<String> {
    let (guid, rest) = text.split_at_checked(36)?;
    let is_guid = guid.bytes().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let suffix =
        rest.strip_prefix('_').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_alphanumeric).take(4).count());
    let length = if suffix == 0 { guid.len() } else { guid.len() + 1 + suffix };
    is_guid.then(|| text[..length].to_owned())
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
