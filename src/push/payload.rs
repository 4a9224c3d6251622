//! A notification in one platform's JSON, never over its limit. No network here.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;

use crate::notifications::device::{AndroidMode, Device, Os, Platform};
use crate::notifications::{Call, CallContext, Effect, Notification, Wording};

mod apns;
mod fcm;
mod fcm_data;
mod fcm_ios;
mod truncate;
#[cfg(test)]
mod tests;

/// The payload format of a kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadFormat {
    /// APNs.
    Apns,
    /// FCM, for Android.
    FcmAndroid(AndroidMode),
    /// FCM, which forwards it to APNs.
    FcmIos,
}

/// Headers and body for one kind of device.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The platform of the JSON.
    pub platform: Platform,
    /// Headers that the hub passes on to the push service, by lower-case name.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The JSON, of at most [`MAX_PAYLOAD_BYTES`] bytes.
    pub body: Bytes,
}

/// The fixed part of a payload alone is over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payload is larger than {MAX_PAYLOAD_BYTES} bytes even without its texts")]
pub struct PayloadTooLarge;

/// The hub's limit for APNs, calls included, and FCM's own.
pub const MAX_PAYLOAD_BYTES: usize = 4096;

/// Most payloads are smaller.
const TYPICAL_BYTES: usize = 1024;

impl Payload {
    /// An alert or a background push; for a call, the alert that is sent instead of it.
    pub fn new(notification: &Notification<'_>, format: PayloadFormat) -> Result<Self, PayloadTooLarge> {
        match format {
            PayloadFormat::Apns => apns::payload(notification),
            PayloadFormat::FcmAndroid(mode) => fcm::payload(notification, mode),
            PayloadFormat::FcmIos => fcm_ios::payload(notification),
        }
    }

    /// A call, on APNs for a VoIP handle. `None` if the notification is not a call that the Calling SDK can handle, if it is too
    /// large, or if such a device cannot ring.
    pub fn call(notification: &Notification<'_>, format: PayloadFormat) -> Option<Self> {
        let Effect::Ring(Call { context: Ok(context), display_name, .. }) = &notification.effect else { return None };
        match format {
            PayloadFormat::Apns => apns::voip_payload(context, display_name).ok(),
            PayloadFormat::FcmAndroid(_) => fcm::call_payload(notification, context, display_name).ok(),
            PayloadFormat::FcmIos => None,
        }
    }
}

impl PayloadFormat {
    /// The format of a device. FCM reaches both systems; without `os` it is taken for Android. What the installation says of
    /// Android goes before what the type says.
    pub fn of(device: &Device, notification: &Notification<'_>) -> Self {
        match (device.platform, device.os) {
            (Platform::Apns, _) => Self::Apns,
            (Platform::FcmV1, Some(Os::Ios)) => Self::FcmIos,
            (Platform::FcmV1, Some(Os::Android) | None) => {
                Self::FcmAndroid(device.android.unwrap_or(notification.android))
            }
        }
    }
}

/// The data for the app, of any notification but a call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AppData<'a> {
    op: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
}

/// The data of a call for the Calling SDK. The event id is a number on one platform and a text on the other.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallData<'a, EventId> {
    event_id: EventId,
    cp: &'a str,
    call_id: &'a str,
    recipient_id: &'a str,
    caller_id: &'a str,
    display_name: &'a str,
    video_call: &'static str,
}

impl<'a> AppData<'a> {
    fn new(notification: &'a Notification<'_>, wording: &'a Wording) -> Self {
        Self {
            op: notification.effect.op(),
            id: &notification.id,
            thread_id: notification.thread_id,
            message_id: notification.message_id,
            sender_id: notification.sender_id.as_deref(),
            sender: Some(wording.sender.as_str()).filter(|name| !name.is_empty()),
            topic: if matches!(notification.effect, Effect::UpdateThread) {
                wording.title.text()
            } else {
                Some(wording.topic.as_str()).filter(|topic| !topic.is_empty())
            },
        }
    }
}

impl<'a, EventId> CallData<'a, EventId> {
    /// The title is the caller's name.
    fn new(event_id: EventId, context: &CallContext<'a>, wording: &'a Wording) -> Self {
        Self {
            event_id,
            cp: context.cp,
            call_id: context.call_id,
            recipient_id: context.recipient_id,
            caller_id: context.caller_id,
            display_name: wording.title.text().unwrap_or_default(),
            video_call: "false",
        }
    }
}

fn json(body: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::with_capacity(TYPICAL_BYTES);
    serde_json::to_writer(&mut json, body).expect("structs of texts and numbers always serialize");
    json
}
