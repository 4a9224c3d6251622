//! FCM HTTP v1 for an app on iOS: a message whose `apns` block is what an APNs push would have been.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#apnsconfig>. FCM sets `apns-topic`, and has no
//! VoIP pushes: a call is an alert.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::fit::fit;
use super::{Payload, PayloadTooLarge, apns, fcm};
use crate::device::Platform;
use crate::notification::Notification;

#[derive(Serialize)]
struct Message<'a> {
    data: fcm::Data<'a>,
    apns: Apns<'a>,
}

#[derive(Serialize)]
struct Apns<'a> {
    headers: &'a BTreeMap<&'static str, Cow<'static, str>>,
    payload: ApnsPayload<'a>,
}

#[derive(Serialize)]
struct ApnsPayload<'a> {
    aps: apns::Aps<'a>,
}

/// An alert or a background push.
pub fn payload(notification: &Notification<'_>) -> Result<Payload, PayloadTooLarge> {
    let headers: BTreeMap<_, _> = apns::headers(notification).into_iter().collect();
    let body = fit(&notification.wording, |wording| {
        let payload = ApnsPayload { aps: apns::aps(notification, wording) };
        let apns = Apns { headers: &headers, payload };
        fcm::message(Message { data: fcm::Data::from(fcm::members(notification, wording)), apns })
    })?;
    Ok(Payload { platform: Platform::FcmV1, headers: Vec::new(), body: body.into() })
}
