//! What is posted to a hub: one payload to one device handle, or to several at once.
//!
//! The only place that names `ServiceBusNotification-*`.
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::time::Instant;
use url::Url;

use super::access::Key;
use super::batch;
use crate::device::{DeviceHandle, Platform};
use crate::payload::Payload;

/// One thing to send.
#[derive(Debug, Clone, Copy)]
pub struct DirectSend<'a> {
    /// Where it goes; several go out as one batch.
    pub handles: &'a [&'a DeviceHandle],
    /// What goes there.
    pub payload: &'a Payload,
    /// Whether it goes before others when the hub is busy.
    pub urgent: bool,
    /// How long one attempt may take.
    pub attempt_limit: Duration,
    /// When all attempts have to be over.
    pub deadline: Instant,
    /// When it stops being worth another attempt, if ever.
    pub expires_at: Option<Instant>,
}

/// A request without its signature, the same for every attempt.
pub struct Request<'a> {
    payload: &'a Payload,
    to: To<'a>,
    /// What is posted.
    pub body: Bytes,
}

enum To<'a> {
    One(&'a DeviceHandle),
    Many { content_type: String },
}

impl<'a> Request<'a> {
    /// What is to be posted. Of `random` comes what separates the parts of a batch.
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

    /// Where it is posted.
    pub fn url(&self, key: &Key) -> Url {
        match self.to {
            To::One(_) => key.url.clone(),
            To::Many { .. } => key.batch_url.clone(),
        }
    }

    /// All its headers; `None` when something cannot stand in one.
    pub fn headers(&self, authorization: &str) -> Option<HeaderMap> {
        let secret = |text: &str| {
            let mut value = HeaderValue::from_str(text).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let format = match self.payload.platform {
            Platform::Apns => "apple",
            Platform::FcmV1 => "fcmv1",
        };
        let mut headers = HeaderMap::with_capacity(10);
        headers.insert("authorization", secret(authorization)?);
        headers.insert("servicebusnotification-format", HeaderValue::from_static(format));
        match &self.to {
            To::One(handle) => {
                headers.insert("servicebusnotification-devicehandle", secret(handle.expose())?);
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
            }
            To::Many { content_type } => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).ok()?);
            }
        }
        for (name, value) in &self.payload.headers {
            headers.insert(*name, HeaderValue::from_str(value).ok()?);
        }
        Some(headers)
    }
}
