//! FCM HTTP v1: the message that the hub completes with the token. Nothing of APNs.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>. All values of `data` are strings.

use serde::Serialize;

use super::fit::fit;
use super::{Payload, PayloadTooLarge};
use crate::device::Platform;
use crate::notification::{Alert, CallContext, Effect, Notification, Urgency};

#[derive(Serialize)]
struct Body<'a> {
    message: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    data: Data<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<Texts<'a>>,
    android: Android<'a>,
}

#[derive(Serialize)]
struct Texts<'a> {
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    body: &'a str,
}

#[derive(Serialize)]
struct Android<'a> {
    priority: &'static str,
    ttl: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<AndroidNotification<'a>>,
}

#[derive(Serialize)]
struct AndroidNotification<'a> {
    tag: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Acs(AcsData<'a>),
    Call(CallData<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AcsData<'a> {
    op: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallData<'a> {
    event_id: String,
    cp: &'a str,
    call_id: &'a str,
    recipient_id: &'a str,
    caller_id: &'a str,
    display_name: &'a str,
    video_call: &'static str,
}

/// An alert, a data message, or a call.
pub fn payload(notification: &Notification<'_>) -> Result<Payload, PayloadTooLarge> {
    let body = match &notification.effect {
        Effect::Show(alert) => alert_body(notification, alert)?,
        Effect::Edit(alert) => edit_body(notification, alert)?,
        Effect::Remove => data_body(notification, "remove")?,
        Effect::RemoveThread => data_body(notification, "removeThread")?,
        Effect::Ring(call) => match &call.context {
            // A call that does not fit is announced, at least.
            Some(context) => call_body(notification, context, call.display_name)
                .or_else(|PayloadTooLarge| alert_body(notification, &call.alert))?,
            None => alert_body(notification, &call.alert)?,
        },
    };
    Ok(Payload { platform: Platform::FcmV1, headers: Vec::new(), body: body.into() })
}

fn alert_body(notification: &Notification<'_>, alert: &Alert<'_>) -> Result<String, PayloadTooLarge> {
    fit(&alert.title, &alert.body, |title, body| {
        let android = Android {
            notification: Some(AndroidNotification { tag: &notification.id }),
            ..android(notification, priority(alert.urgency))
        };
        json(Message {
            data: Data::Acs(acs_data(notification, "show")),
            notification: Some(Texts { title, body }),
            android,
        })
    })
}

/// The app updates what is still shown; the system would show an edit of a swiped-away message again.
fn edit_body(notification: &Notification<'_>, alert: &Alert<'_>) -> Result<String, PayloadTooLarge> {
    fit(&alert.title, &alert.body, |title, body| {
        let data = AcsData {
            tag: Some(&notification.id),
            title: Some(title),
            body: Some(body),
            ..acs_data(notification, "edit")
        };
        json(Message {
            data: Data::Acs(data),
            notification: None,
            android: android(notification, priority(alert.urgency)),
        })
    })
}

fn data_body(notification: &Notification<'_>, op: &'static str) -> Result<String, PayloadTooLarge> {
    fit("", "", |_, _| {
        let data = AcsData { tag: Some(&notification.id), ..acs_data(notification, op) };
        json(Message { data: Data::Acs(data), notification: None, android: android(notification, "NORMAL") })
    })
}

fn call_body(
    notification: &Notification<'_>,
    context: &CallContext<'_>,
    display_name: &str,
) -> Result<String, PayloadTooLarge> {
    fit(display_name, "", |display_name, _| {
        let data = CallData {
            event_id: context.event_id.to_string(),
            cp: context.cp,
            call_id: context.call_id,
            recipient_id: context.recipient_id,
            caller_id: context.caller_id,
            display_name,
            video_call: "false",
        };
        json(Message { data: Data::Call(data), notification: None, android: android(notification, "HIGH") })
    })
}

fn acs_data<'a>(notification: &'a Notification<'_>, op: &'static str) -> AcsData<'a> {
    AcsData {
        op,
        id: &notification.id,
        thread_id: notification.thread_id,
        message_id: notification.message_id,
        tag: None,
        title: None,
        body: None,
    }
}

fn android<'a>(notification: &Notification<'_>, priority: &'static str) -> Android<'a> {
    Android { priority, ttl: format!("{}s", notification.expiry.remaining.as_secs()), notification: None }
}

fn json(message: Message<'_>) -> String {
    serde_json::to_string(&Body { message }).expect("structs of texts always serialize")
}

fn priority(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Passive => "NORMAL",
        Urgency::Active | Urgency::TimeSensitive => "HIGH",
    }
}
