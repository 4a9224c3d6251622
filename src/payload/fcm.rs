//! FCM HTTP v1 for Android: the message that the hub completes with the token. Nothing of APNs.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>. All values of `data` are strings.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::fit::fit;
use super::{Payload, PayloadTooLarge, json};
use crate::device::Platform;
use crate::notification::{Alert, CallContext, Effect, Line, Notification, Urgency, Wording};

/// A message, but for the token.
#[derive(Serialize)]
struct Body<T> {
    /// What the REST reference calls so.
    message: T,
}

/// What the app reads, in the order of the names.
pub struct Data<'a>(Vec<Member<'a>>);

/// A string by name.
pub type Member<'a> = (Cow<'a, str>, &'a str);

#[derive(Serialize)]
struct Message<'a, D> {
    data: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<Texts<'a>>,
    android: Android<'a>,
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
    ttl: String,
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
        Effect::Edit(alert) => data_body(notification, priority(alert.urgency))?,
        Effect::Remove | Effect::RemoveThread | Effect::UpdateThread => data_body(notification, "NORMAL")?,
        Effect::Ring(call) => match &call.context {
            // A call that does not fit is announced, at least.
            Some(context) => call_body(notification, context, call.display_name)
                .or_else(|PayloadTooLarge| alert_body(notification, &call.alert))?,
            None => alert_body(notification, &call.alert)?,
        },
    };
    Ok(Payload { platform: Platform::FcmV1, headers: Vec::new(), body: body.into() })
}

/// What the app is told of any notification but a call.
pub fn members<'a>(notification: &'a Notification<'_>, wording: &'a Wording) -> Vec<Member<'a>> {
    let mut members = Vec::with_capacity(8);
    members.push(("op".into(), notification.effect.op()));
    members.push(("id".into(), &notification.id));
    members.extend(notification.thread_id.map(|id| ("threadId".into(), id)));
    members.extend(notification.message_id.map(|id| ("messageId".into(), id)));
    if matches!(notification.effect, Effect::UpdateThread) {
        members.extend(wording.title.text().map(|topic| ("topic".into(), topic)));
    }
    members.extend(wording.data.iter().map(|(name, value)| (name.as_str().into(), value.as_str())));
    members
}

fn alert_body(notification: &Notification<'_>, alert: &Alert<'_>) -> Result<Vec<u8>, PayloadTooLarge> {
    fit(&notification.wording, |wording| {
        let Wording { title, body, .. } = wording;
        let shown = AndroidNotification {
            tag: &notification.id,
            channel_id: alert.android_channel,
            title_loc_key: title.key(),
            title_loc_args: title.args(),
            body_loc_key: body.key(),
            body_loc_args: body.args(),
        };
        let texts = Texts { title: title.text(), body: body.text() };
        message(Message {
            data: Data::from(members(notification, wording)),
            notification: Some(texts).filter(|texts| texts.title.is_some() || texts.body.is_some()),
            android: Android { notification: Some(shown), ..android(notification, priority(alert.urgency)) },
        })
    })
}

/// The app does it: the system would show an edit of a swiped-away message again, and withdraws nothing.
fn data_body(notification: &Notification<'_>, priority: &'static str) -> Result<Vec<u8>, PayloadTooLarge> {
    fit(&notification.wording, |wording| {
        let mut members = members(notification, wording);
        members.push(("tag".into(), &notification.id));
        if matches!(notification.effect, Effect::Edit(_)) {
            members.extend(line_members("title", &wording.title));
            members.extend(line_members("body", &wording.body));
        }
        message(Message { data: Data::from(members), notification: None, android: android(notification, priority) })
    })
}

/// A line as strings by name: `title`, or `titleLocKey`, `titleLocArg1` and so on.
fn line_members<'a>(name: &'static str, line: &'a Line) -> Vec<Member<'a>> {
    match line {
        Line::Text(text) => vec![(name.into(), text.as_str())],
        Line::Localized { key, args } => {
            let args = args.iter().enumerate();
            let args = args.map(|(index, arg)| (format!("{name}LocArg{}", index + 1).into(), arg.as_str()));
            args.chain([(format!("{name}LocKey").into(), key.as_str())]).collect()
        }
    }
}

fn call_body(
    notification: &Notification<'_>,
    context: &CallContext<'_>,
    display_name: &str,
) -> Result<Vec<u8>, PayloadTooLarge> {
    fit(&Wording { title: Line::Text(display_name.to_owned()), ..Wording::default() }, |wording| {
        let data = CallData {
            event_id: context.event_id.to_string(),
            cp: context.cp,
            call_id: context.call_id,
            recipient_id: context.recipient_id,
            caller_id: context.caller_id,
            display_name: wording.title.text().unwrap_or_default(),
            video_call: "false",
        };
        message(Message { data, notification: None, android: android(notification, "HIGH") })
    })
}

fn android<'a>(notification: &Notification<'_>, priority: &'static str) -> Android<'a> {
    Android { priority, ttl: format!("{}s", notification.expiry.remaining.as_secs()), notification: None }
}

impl<'a> From<Vec<Member<'a>>> for Data<'a> {
    fn from(mut members: Vec<Member<'a>>) -> Self {
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Self(members)
    }
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The JSON of a message.
pub fn message(message: impl Serialize) -> Vec<u8> {
    json(&Body { message })
}

fn priority(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Passive => "NORMAL",
        Urgency::Active | Urgency::TimeSensitive => "HIGH",
    }
}
