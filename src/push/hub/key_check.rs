//! Finds out whether a hub takes a key, without a push: a Direct Send in a format that does not exist is refused with 400 after
//! the key was looked at. A wrong signature has to be refused with 401 first, or else the 400 says nothing of the key.

use std::time::Duration;

use chrono::Utc;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use tokio::time::Instant;

use super::request::{DEVICE_HANDLE, FORMAT};
use super::response::HubResponse;
use super::{Hub, SendError};
use crate::client::CONNECT_TIMEOUT;
use crate::notifications::device::Platform;

/// What a hub says of a key.
#[derive(Debug)]
pub struct KeyCheck {
    /// The hub's host.
    pub host: String,
    /// Whether it takes the key.
    pub result: Result<KeyAnswer, SendError>,
    /// Seconds that the hub's clock is ahead of this computer's, if that is more than a SAS token tolerates.
    pub hub_ahead: Option<i64>,
}

/// What an answer that is no error says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAnswer {
    /// The key may send.
    Takes,
    /// Nothing: it answered a wrong signature, or a format that does not exist, with this status.
    Silent(u16),
}

/// No such format exists, nor such a device.
const NO_FORMAT: HeaderValue = HeaderValue::from_static("acs-push-check");
const NO_DEVICE: HeaderValue = HeaderValue::from_static("00");
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");

/// How long a hub may take for each of the two requests.
const LONGEST: Duration = CONNECT_TIMEOUT.saturating_mul(4);

impl Hub {
    /// How many connection strings it has: one or two.
    pub fn keys(&self) -> usize {
        self.credentials.len()
    }

    /// The name of its host.
    pub fn host(&self) -> &str {
        self.credentials.key(0).host()
    }

    /// The access policy ("rule") of the key at `index`.
    pub fn rule(&self, index: usize) -> &str {
        self.credentials.key(index).rule()
    }

    /// Asks the hub about the key at `index`.
    pub async fn check_key(&self, index: usize) -> KeyCheck {
        let key = self.credentials.key(index);
        let host = key.host().to_owned();
        let wrong = match self.ask_without_format(index, key.wrong_authorization(Utc::now())).await {
            Ok(HubResponse { status: 401, server_time, .. }) => server_time,
            Ok(response) => {
                let error = response.error(false, Platform::Apns).filter(SendError::tells_nothing_of_key);
                let result = error.map_or(Ok(KeyAnswer::Silent(response.status)), Err);
                return KeyCheck { host, result, hub_ahead: None };
            }
            Err(error) => return KeyCheck { host, result: Err(error), hub_ahead: None },
        };
        let hub_ahead = wrong.and_then(|server_time| key.clock_difference(server_time, Utc::now()));
        let authorization = key.authorization(Instant::now(), Utc::now);
        let result = match self.ask_without_format(index, authorization).await {
            // The format does not exist.
            Ok(response) if response.status == 400 => Ok(KeyAnswer::Takes),
            Ok(response) => match response.error(false, Platform::Apns) {
                Some(error) => Err(error),
                None => Ok(KeyAnswer::Silent(response.status)),
            },
            Err(error) => Err(error),
        };
        KeyCheck { host, result, hub_ahead }
    }

    /// The answer to a Direct Send that the hub cannot take.
    async fn ask_without_format(&self, index: usize, authorization: HeaderValue) -> Result<HubResponse, SendError> {
        let mut request = reqwest::Request::new(Method::POST, self.credentials.key(index).messages.clone());
        let headers = [
            (AUTHORIZATION, authorization),
            (FORMAT.clone(), NO_FORMAT),
            (DEVICE_HANDLE.clone(), NO_DEVICE),
            (CONTENT_TYPE, JSON),
        ];
        request.headers_mut().extend(headers);
        *request.body_mut() = Some("{}".into());
        self.exchange_request(request, Instant::now() + LONGEST).await
    }
}

impl SendError {
    /// Whether a hub says it before it looks at a key.
    fn tells_nothing_of_key(&self) -> bool {
        matches!(self, Self::NotFound | Self::Throttled { .. } | Self::Unavailable { .. })
    }
}
