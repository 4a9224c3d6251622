//! The HTTP request to a hub: one payload for one device handle, or for several at once.
//!
//! The only place that names `ServiceBusNotification-*`.
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, Url};
use tokio::time::Instant;

use super::batch;
use super::credentials::AccessKey;
use crate::notifications::device::{DeviceHandle, Platform};
use crate::push::payload::Payload;

/// One payload and its device handles, with limits.
#[derive(Debug, Clone, Copy)]
pub struct DirectSend<'a> {
    /// The device handles; several are sent as one batch.
    pub handles: &'a [&'a DeviceHandle],
    /// The payload.
    pub payload: &'a Payload,
    /// Whether it is sent before others when the hub is busy.
    pub urgent: bool,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
    /// When the last attempt has to end.
    pub deadline: Instant,
    /// When the event expires, if ever.
    pub expires_at: Option<Instant>,
}

/// A request without its signature, the same for every attempt.
pub struct Request<'a> {
    payload: &'a Payload,
    to: To<'a>,
    body: Bytes,
}

enum To<'a> {
    One(&'a DeviceHandle),
    Many { content_type: String },
}

/// The platform of a payload.
pub static FORMAT: HeaderName = HeaderName::from_static("servicebusnotification-format");
/// Where it goes.
pub static DEVICE_HANDLE: HeaderName = HeaderName::from_static("servicebusnotification-devicehandle");

impl<'a> Request<'a> {
    /// The request; `random` makes the boundary between the parts of a batch.
    pub fn new(direct_send: &DirectSend<'a>, random: u128) -> Self {
        let DirectSend { handles, payload, .. } = *direct_send;
        if let [handle] = handles {
            return Self { payload, to: To::One(handle), body: payload.body.clone() };
        }
        let boundary = batch::boundary(random);
        let content_type = format!("multipart/mixed; boundary=\"{boundary}\"");
        Self { payload, to: To::Many { content_type }, body: batch::body(payload, handles, &boundary).into() }
    }

    /// Whether it is for several handles.
    pub fn is_batch(&self) -> bool {
        matches!(self.to, To::Many { .. })
    }

    /// The request signed with `key`; `None` if a value is not valid in a header.
    pub fn signed(&self, key: &AccessKey, authorization: HeaderValue) -> Option<reqwest::Request> {
        let mut request = reqwest::Request::new(Method::POST, self.url(key).clone());
        *request.headers_mut() = self.headers(authorization)?;
        *request.body_mut() = Some(self.body.clone().into());
        Some(request)
    }

    fn url<'k>(&self, key: &'k AccessKey) -> &'k Url {
        match self.to {
            To::One(_) => &key.messages,
            To::Many { .. } => &key.batch,
        }
    }

    fn headers(&self, authorization: HeaderValue) -> Option<HeaderMap> {
        let format = match self.payload.platform {
            Platform::Apns => "apple",
            Platform::FcmV1 => "fcmv1",
        };
        // These, the payload's, and three that the client adds.
        let mut headers = HeaderMap::with_capacity(8 + self.payload.headers.len());
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(&FORMAT, HeaderValue::from_static(format));
        match &self.to {
            To::One(handle) => {
                let mut handle = HeaderValue::from_str(handle.expose()).ok()?;
                handle.set_sensitive(true);
                headers.insert(&DEVICE_HANDLE, handle);
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
            }
            To::Many { content_type } => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).ok()?);
            }
        }
        for (name, value) in &self.payload.headers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("acs-push/", env!("CARGO_PKG_VERSION"))));
        Some(headers)
    }
}
