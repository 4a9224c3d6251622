//! A notification in one platform's JSON, never over its limit. No network here.

use std::borrow::Cow;

use bytes::Bytes;

use crate::device::{Device, Os, Platform};
use crate::json::Object;
use crate::notification::{Call, CallContext, Effect, Notification, Wording};

mod apns;
mod fcm;
mod fcm_ios;
mod fit;
#[cfg(test)]
mod tests;

/// What a kind of device reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// APNs.
    Apns,
    /// FCM, for Android.
    FcmAndroid,
    /// FCM, which hands it on to APNs.
    FcmIos,
}

/// What goes to the hub for one kind of device.
#[derive(Debug, Clone)]
pub struct Payload {
    /// Whose JSON it is.
    pub platform: Platform,
    /// Headers that the hub passes on to the push service, by lower-case name.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The JSON, of at most [`LIMIT`] bytes.
    pub body: Bytes,
}

/// The fixed part of a payload alone is over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payload is larger than {LIMIT} bytes even without its texts")]
pub struct PayloadTooLarge;

/// The hub's limit for APNs, calls included, and FCM's own.
pub const LIMIT: usize = 4096;

/// What most payloads have room in.
const USUAL: usize = 1024;

impl Payload {
    /// An alert or a background push; of a call the alert that stands for it.
    pub fn new(notification: &Notification<'_>, form: Form) -> Result<Self, PayloadTooLarge> {
        match form {
            Form::Apns => apns::payload(notification),
            Form::FcmAndroid => fcm::payload(notification),
            Form::FcmIos => fcm_ios::payload(notification),
        }
    }

    /// A call as such, on APNs for a VoIP handle. `None` when the notification is no call that the Calling SDK could take,
    /// when it does not fit, and where such a device cannot ring.
    pub fn call(notification: &Notification<'_>, form: Form) -> Option<Self> {
        let Effect::Ring(Call { context: Ok(context), display_name, .. }) = &notification.effect else { return None };
        match form {
            Form::Apns => apns::voip_payload(context, display_name).ok(),
            Form::FcmAndroid => fcm::call_payload(notification, context, display_name).ok(),
            Form::FcmIos => None,
        }
    }
}

impl Form {
    /// What the device reads. FCM reaches both systems; one that does not tell is taken for Android.
    pub fn of(device: &Device) -> Self {
        match (device.platform, device.os) {
            (Platform::Apns, _) => Self::Apns,
            (Platform::FcmV1, Some(Os::Ios)) => Self::FcmIos,
            (Platform::FcmV1, Some(Os::Android) | None) => Self::FcmAndroid,
        }
    }
}

/// Writes what the Calling SDK takes a call by, but for `eventId`, a number on one platform and a text on the other. The
/// title is the caller's name.
fn write_call(data: &mut Object<'_>, context: &CallContext<'_>, wording: &Wording) {
    data.text("cp", context.cp);
    data.text("callId", context.call_id);
    data.text("recipientId", context.recipient_id);
    data.text("callerId", context.caller_id);
    data.text("displayName", wording.title.text().unwrap_or_default());
    data.text("videoCall", "false");
}
