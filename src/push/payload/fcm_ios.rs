//! FCM HTTP v1 for an app on iOS: a message whose `apns` block is what an APNs push would have been.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#apnsconfig>. FCM sets `apns-topic`, and has no
//! VoIP pushes: a call is an alert.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::apns::{self, Aps};
use super::fcm::{self, FcmOptions};
use super::fcm_data::Data;
use super::truncate::truncate_to_limit;
use super::{Payload, PayloadTooLarge};
use crate::notifications::Notification;
use crate::notifications::device::Platform;

#[derive(Serialize)]
struct Message<'a> {
    data: Data<'a>,
    apns: Apns<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fcm_options: Option<FcmOptions<'a>>,
}

#[derive(Serialize)]
struct Apns<'a> {
    headers: &'a BTreeMap<&'static str, Cow<'static, str>>,
    payload: ApnsPayload<'a>,
}

#[derive(Serialize)]
struct ApnsPayload<'a> {
    aps: Aps<'a>,
}

/// An alert or a background push.
pub fn payload(notification: &Notification<'_>) -> Result<Payload, PayloadTooLarge> {
    let headers = apns::headers(notification).into_iter().collect();
    let body = truncate_to_limit(&notification.wording, |wording| {
        let payload = ApnsPayload { aps: Aps::new(notification, wording) };
        fcm::fcm_message(Message {
            data: Data::new(notification, wording),
            apns: Apns { headers: &headers, payload },
            fcm_options: FcmOptions::of(notification),
        })
    })?;
    Ok(Payload { platform: Platform::FcmV1, headers: Vec::new(), body: body.into() })
}
