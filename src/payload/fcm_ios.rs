//! FCM HTTP v1 for an app on iOS: a message whose `apns` block is what an APNs push would have been.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#apnsconfig>. FCM sets `apns-topic`, and has no
//! VoIP pushes: a call is an alert.

use super::fit::fit;
use super::{Payload, PayloadTooLarge, apns, fcm};
use crate::device::Platform;
use crate::notification::Notification;

/// An alert or a background push.
pub fn payload(notification: &Notification<'_>) -> Result<Payload, PayloadTooLarge> {
    let mut headers = apns::headers(notification);
    headers.sort_unstable_by_key(|(name, _)| *name);
    let body = fit(&notification.wording, |wording| {
        fcm::message(|message| {
            fcm::write_data(message, fcm::members(notification, wording));
            message.object("apns", |apns| {
                apns.object("headers", |object| headers.iter().for_each(|(name, value)| object.text(name, value)));
                apns.object("payload", |payload| {
                    payload.object("aps", |aps| apns::write_aps(aps, notification, wording));
                });
            });
        })
    })?;
    Ok(Payload { platform: Platform::FcmV1, headers: Vec::new(), body: body.into() })
}
