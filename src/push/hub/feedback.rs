//! A hub's feedback: the device handles to which the push services could not deliver. A Direct Send to such a handle is
//! answered with 201 all the same, so this is the only sign of it.
//!
//! The hub tells the address of a blob container, with the right to read and list it for a day. It is asked by a rule that may
//! Manage, and has feedback on the tier Standard only.
//! <https://learn.microsoft.com/rest/api/notificationhubs/get-pns-feedback>

use std::time::Duration;

use chrono::Utc;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use tokio::time::{Instant, timeout};
use url::Url;

pub mod blob;
pub mod container;
mod error;
pub mod report;

use super::Hub;
use super::connection_string::ConnectionString;
use super::credentials::AccessKey;
use crate::client::{CONNECT_TIMEOUT, Client};
pub use blob::BlobLines;
pub use container::Container;
pub use error::FeedbackError;
pub use report::{DeadReport, Unreadable};

/// Where a hub tells its feedback, and the key for it.
#[derive(Debug)]
pub struct FeedbackSource {
    client: Client,
    key: AccessKey,
}

/// How long one answer, or the next piece of a blob, may take.
const LONGEST: Duration = CONNECT_TIMEOUT.saturating_mul(4);

/// The address of a container is some 200 bytes.
const MAX_ADDRESS_BYTES: usize = 8 * 1024;

static MS_VERSION: HeaderName = HeaderName::from_static("x-ms-version");
const XML: HeaderValue = HeaderValue::from_static("application/xml;type=entry;charset=utf-8");

impl Hub {
    /// The same hub with a key that may Manage.
    #[must_use]
    pub fn with_feedback(mut self, manage: Option<&ConnectionString>) -> Self {
        let source = |manage| FeedbackSource { client: self.client.clone(), key: AccessKey::new(&self.name, manage) };
        self.feedback = manage.map(source);
        self
    }

    /// Its feedback, if there is a key for it.
    pub fn feedback(&self) -> Option<&FeedbackSource> {
        self.feedback.as_ref()
    }
}

impl FeedbackSource {
    /// The name of the hub's host.
    pub fn host(&self) -> &str {
        self.key.host()
    }

    /// Asks the hub for its container.
    pub async fn container(&self) -> Result<Container, FeedbackError> {
        let mut request = Request::new(Method::GET, self.key.feedback.clone());
        let headers = [
            (AUTHORIZATION, self.key.authorization(Instant::now(), Utc::now)),
            (CONTENT_TYPE, XML),
            (MS_VERSION.clone(), HeaderValue::from_static("2015-01")),
        ];
        request.headers_mut().extend(headers);
        let asked = async {
            let response = self.client.execute(request).await?;
            match response.status().as_u16() {
                200 => Ok(read(response, MAX_ADDRESS_BYTES).await?),
                status => Err(FeedbackError::of_hub(status)),
            }
        };
        let body = timeout(LONGEST, asked).await.map_err(|_| FeedbackError::Timeout)??;
        Ok(Container::new(self.client.clone(), read_address(&body, &self.key.feedback)?))
    }
}

/// The address of a container in the answer of a hub at that address. It has a signature: it is not told where it makes no sense.
pub fn read_address(body: &[u8], hub: &Url) -> Result<Url, FeedbackError> {
    let address = std::str::from_utf8(body).ok().and_then(|text| Url::parse(text.trim()).ok());
    let is_as_safe = |url: &Url| url.scheme() == "https" || url.scheme() == hub.scheme();
    address.filter(|url| url.has_host() && is_as_safe(url)).ok_or(FeedbackError::NoAddress)
}

/// A whole body, of so many bytes at most.
async fn read(mut response: reqwest::Response, most: usize) -> Result<Vec<u8>, FeedbackError> {
    let mut body = Vec::new();
    while let Some(data) = response.chunk().await.map_err(|_| FeedbackError::Lost)? {
        body.extend_from_slice(&data);
        if body.len() > most {
            return Err(FeedbackError::Form);
        }
    }
    Ok(body)
}
