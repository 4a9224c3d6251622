//! FCM HTTP v1 for Android: the message that the hub completes with the token. Nothing of APNs.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>. All values of `data` are strings.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::fcm_data::Data;
use super::truncate::truncate_to_limit;
use super::{CallData, Payload, PayloadTooLarge, json};
use crate::notifications::device::{AndroidMode, Platform};
use crate::notifications::{Alert, Call, CallContext, Effect, LocalizableText, Notification, Urgency, Wording};

/// A message, but for the token.
#[derive(Serialize)]
struct Body<M> {
    message: M,
}

#[derive(Serialize)]
struct Message<'a, D> {
    data: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<Texts<'a>>,
    android: Android<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fcm_options: Option<FcmOptions<'a>>,
}

/// What Google's delivery statistics know a message by.
#[derive(Serialize)]
pub struct FcmOptions<'a> {
    analytics_label: &'a str,
}

#[derive(Serialize)]
struct Texts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
}

#[derive(Serialize)]
struct Android<'a> {
    priority: &'static str,
    #[serde(serialize_with = "in_seconds")]
    ttl: Duration,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<AndroidNotification<'a>>,
}

#[derive(Serialize)]
struct AndroidNotification<'a> {
    tag: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_loc_key: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    title_loc_args: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    body_loc_key: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    body_loc_args: &'a [String],
}

/// An alert, or a data message.
pub fn payload(notification: &Notification<'_>, mode: AndroidMode) -> Result<Payload, PayloadTooLarge> {
    let body = match (&notification.effect, mode) {
        (Effect::Show(alert) | Effect::Ring(Call { alert, .. }), AndroidMode::Notification) => {
            alert_body(notification, alert)?
        }
        (Effect::Edit(_) | Effect::Remove | Effect::RemoveThread | Effect::UpdateThread, _)
        | (_, AndroidMode::Data) => data_body(notification, mode)?,
    };
    Ok(Payload { platform: Platform::FcmV1, headers: Vec::new(), body: body.into() })
}

/// The JSON of a message, but for the token.
pub fn fcm_message(message: impl Serialize) -> Vec<u8> {
    json(&Body { message })
}

fn alert_body(notification: &Notification<'_>, alert: &Alert<'_>) -> Result<Vec<u8>, PayloadTooLarge> {
    truncate_to_limit(&notification.wording, |wording| {
        let Wording { title, body, .. } = wording;
        let texts = Texts { title: title.text(), body: body.text() };
        let shown = AndroidNotification {
            tag: &notification.id,
            channel_id: alert.android_channel,
            title_loc_key: title.key(),
            title_loc_args: title.args(),
            body_loc_key: body.key(),
            body_loc_args: body.args(),
        };
        fcm_message(Message {
            data: Data::new(notification, wording),
            notification: Some(texts).filter(|texts| texts.title.is_some() || texts.body.is_some()),
            android: Android { notification: Some(shown), ..Android::new(notification, priority(alert.urgency)) },
            fcm_options: FcmOptions::of(notification),
        })
    })
}

/// The app does it: the system would show an edit of a swiped-away message again, and withdraws nothing.
fn data_body(notification: &Notification<'_>, mode: AndroidMode) -> Result<Vec<u8>, PayloadTooLarge> {
    let priority = match &notification.effect {
        // It shows something, so Google lets the priority stand.
        Effect::Show(_) | Effect::Ring(_) => "HIGH",
        Effect::Edit(alert) => priority(alert.urgency),
        Effect::Remove | Effect::RemoveThread | Effect::UpdateThread => "NORMAL",
    };
    truncate_to_limit(&notification.wording, |wording| {
        let mut data = Data::new(notification, wording).with_tag(notification);
        if let Some(alert) = notification.effect.alert() {
            data = data.with_texts(wording);
            if mode == AndroidMode::Data {
                data = data.with_options(notification, alert);
            }
        }
        fcm_message(Message::of_data(notification, data, priority))
    })
}

/// A call.
pub fn call_payload(
    notification: &Notification<'_>,
    context: &CallContext<'_>,
    display_name: &str,
) -> Result<Payload, PayloadTooLarge> {
    let body = truncate_to_limit(
        &Wording { title: LocalizableText::Text(display_name.to_owned()), ..Wording::default() },
        |wording| {
            let data = CallData::new(context.event_id.to_string(), context, wording);
            fcm_message(Message::of_data(notification, data, "HIGH"))
        },
    )?;
    Ok(Payload { platform: Platform::FcmV1, headers: Vec::new(), body: body.into() })
}

impl<'a, D> Message<'a, D> {
    fn of_data(notification: &'a Notification<'_>, data: D, priority: &'static str) -> Self {
        let (android, fcm_options) = (Android::new(notification, priority), FcmOptions::of(notification));
        Self { data, notification: None, android, fcm_options }
    }
}

impl<'a> FcmOptions<'a> {
    /// Those of the notification's type.
    pub fn of(notification: &'a Notification<'_>) -> Option<Self> {
        notification.analytics_label.map(|analytics_label| Self { analytics_label })
    }
}

impl Android<'_> {
    /// How soon a message is sent, and for how long.
    fn new(notification: &Notification<'_>, priority: &'static str) -> Self {
        Self { priority, ttl: notification.expiry.remaining, notification: None }
    }
}

fn in_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}s", time.as_secs()))
}

fn priority(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Passive => "NORMAL",
        Urgency::Active | Urgency::TimeSensitive => "HIGH",
    }
}
