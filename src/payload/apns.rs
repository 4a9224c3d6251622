//! APNs: the payload dictionary and the headers that go with it. Nothing of FCM.
//!
//! <https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification> and
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>. The hub sets
//! `apns-topic` itself. A call's dictionary is what the ACS Calling SDK's `handlePush` reads:
//! <https://learn.microsoft.com/azure/communication-services/tutorials/add-voip-push-notifications-event-grid>

use serde::Serialize;

use super::fit::fit;
use super::{Payload, PayloadTooLarge};
use crate::device::Platform;
use crate::notification::{Alert, Call, Effect, Expiry, Notification, Urgency};

#[derive(Serialize)]
struct Body<'a> {
    aps: Aps<'a>,
    acs: Acs<'a>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "kebab-case")]
struct Aps<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<AlertTexts<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sound: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interruption_level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutable_content: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_available: Option<u8>,
}

#[derive(Serialize)]
struct AlertTexts<'a> {
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    body: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Acs<'a> {
    op: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
}

#[derive(Serialize)]
struct VoipBody<'a> {
    aps: Empty,
    data: VoipData<'a>,
}

/// The hub refuses a body without `aps`.
#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VoipData<'a> {
    event_id: u16,
    cp: &'a str,
    call_id: &'a str,
    recipient_id: &'a str,
    caller_id: &'a str,
    display_name: &'a str,
    video_call: &'static str,
}

/// An alert or a background push.
pub fn payload(notification: &Notification<'_>) -> Result<Payload, PayloadTooLarge> {
    let (push_type, priority, body) = match &notification.effect {
        Effect::Show(alert) => ("alert", priority(alert.urgency), alert_body(notification, alert, "show")?),
        Effect::Edit(alert) => ("alert", priority(alert.urgency), alert_body(notification, alert, "edit")?),
        Effect::Remove => ("background", "5", background_body(notification, "remove")?),
        Effect::RemoveThread => ("background", "5", background_body(notification, "removeThread")?),
        Effect::Ring(call) => ("alert", priority(call.alert.urgency), alert_body(notification, &call.alert, "show")?),
    };
    let headers = vec![
        ("apns-push-type", push_type.to_owned()),
        ("apns-priority", priority.to_owned()),
        ("apns-expiration", expiration(&notification.expiry)),
        ("apns-collapse-id", notification.id.clone()),
    ];
    Ok(Payload { platform: Platform::Apns, headers, body: body.into() })
}

/// A call for a VoIP handle. It is sent once, now or never: a phone that rings late rings for nothing.
pub fn voip_payload(call: &Call<'_>) -> Result<Payload, PayloadTooLarge> {
    let context = call.context.as_ref().ok_or(PayloadTooLarge)?;
    let body = fit(call.display_name, "", |display_name, _| {
        json(&VoipBody {
            aps: Empty {},
            data: VoipData {
                event_id: context.event_id,
                cp: context.cp,
                call_id: context.call_id,
                recipient_id: context.recipient_id,
                caller_id: context.caller_id,
                display_name,
                video_call: "false",
            },
        })
    })?;
    let headers = vec![
        ("apns-push-type", "voip".to_owned()),
        ("apns-priority", "10".to_owned()),
        ("apns-expiration", "0".to_owned()),
    ];
    Ok(Payload { platform: Platform::Apns, headers, body: body.into() })
}

fn alert_body(notification: &Notification<'_>, alert: &Alert<'_>, op: &'static str) -> Result<String, PayloadTooLarge> {
    fit(&alert.title, &alert.body, |title, body| {
        let aps = Aps {
            alert: Some(AlertTexts { title, body }),
            sound: sound(alert.urgency),
            thread_id: notification.group.as_deref(),
            interruption_level: interruption_level(alert.urgency),
            mutable_content: alert.mutable.then_some(1),
            content_available: None,
        };
        json(&Body { aps, acs: acs(notification, op) })
    })
}

fn background_body(notification: &Notification<'_>, op: &'static str) -> Result<String, PayloadTooLarge> {
    fit("", "", |_, _| {
        let aps = Aps { content_available: Some(1), ..Aps::default() };
        json(&Body { aps, acs: acs(notification, op) })
    })
}

fn acs<'a>(notification: &'a Notification<'_>, op: &'static str) -> Acs<'a> {
    Acs { op, id: &notification.id, thread_id: notification.thread_id, message_id: notification.message_id }
}

/// Seconds of Unix time, or 0, "now or never", for what is over already.
fn expiration(expiry: &Expiry) -> String {
    if expiry.remaining.is_zero() { "0".to_owned() } else { expiry.at.timestamp().to_string() }
}

fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("structs of texts and numbers always serialize")
}

fn priority(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Passive => "5",
        Urgency::Active | Urgency::TimeSensitive => "10",
    }
}

fn sound(urgency: Urgency) -> Option<&'static str> {
    match urgency {
        Urgency::Passive => None,
        Urgency::Active | Urgency::TimeSensitive => Some("default"),
    }
}

/// Without the key iOS takes `active`.
fn interruption_level(urgency: Urgency) -> Option<&'static str> {
    match urgency {
        Urgency::Passive => Some("passive"),
        Urgency::Active => None,
        Urgency::TimeSensitive => Some("time-sensitive"),
    }
}
