//! FCM HTTP v1 for Android: the message that the hub completes with the token. Nothing of APNs.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>. All values of `data` are strings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::truncate::truncate_to_limit;
use super::{AppData, CallData, Payload, PayloadTooLarge, json};
use crate::notifications::device::Platform;
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
}

/// What the app reads of any notification but a call.
#[derive(Serialize)]
pub struct Data<'a> {
    #[serde(flatten)]
    app: AppData<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(flatten)]
    more: BTreeMap<Cow<'a, str>, &'a str>,
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
pub fn payload(notification: &Notification<'_>) -> Result<Payload, PayloadTooLarge> {
    let body = match &notification.effect {
        Effect::Show(alert) | Effect::Ring(Call { alert, .. }) => alert_body(notification, alert)?,
        Effect::Edit(alert) => data_body(notification, priority(alert.urgency))?,
        Effect::Remove | Effect::RemoveThread | Effect::UpdateThread => data_body(notification, "NORMAL")?,
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
        })
    })
}

/// The app does it: the system would show an edit of a swiped-away message again, and withdraws nothing.
fn data_body(notification: &Notification<'_>, priority: &'static str) -> Result<Vec<u8>, PayloadTooLarge> {
    truncate_to_limit(&notification.wording, |wording| {
        let mut data = Data { tag: Some(&notification.id), ..Data::new(notification, wording) };
        if matches!(notification.effect, Effect::Edit(_)) {
            data.more.extend(line_members("title", &wording.title));
            data.more.extend(line_members("body", &wording.body));
        }
        fcm_message(Message { data, notification: None, android: Android::new(notification, priority) })
    })
}

/// A line as strings by name: `title`, or `titleLocKey`, `titleLocArg1` and so on.
fn line_members<'a>(name: &'static str, line: &'a LocalizableText) -> Vec<(Cow<'a, str>, &'a str)> {
    match line {
        LocalizableText::Text(text) => vec![(name.into(), text.as_str())],
        LocalizableText::Localized { key, args } => {
            let args = args.iter().enumerate();
            let args = args.map(|(index, arg)| (format!("{name}LocArg{}", index + 1).into(), arg.as_str()));
            args.chain([(format!("{name}LocKey").into(), key.as_str())]).collect()
        }
    }
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
            fcm_message(Message { data, notification: None, android: Android::new(notification, "HIGH") })
        },
    )?;
    Ok(Payload { platform: Platform::FcmV1, headers: Vec::new(), body: body.into() })
}

impl<'a> Data<'a> {
    /// The app's data, and further members of the texts.
    pub fn new(notification: &'a Notification<'_>, wording: &'a Wording) -> Self {
        let more = wording.data.iter().map(|(name, value)| (name.into(), value.as_str())).collect();
        Self { app: AppData::new(notification, wording), tag: None, more }
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
