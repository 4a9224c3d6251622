//! FCM HTTP v1 for Android: the message that the hub completes with the token. Nothing of APNs.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>. All values of `data` are strings.

use std::borrow::Cow;

use super::fit::fit;
use super::{Payload, PayloadTooLarge, USUAL, write_call};
use crate::device::Platform;
use crate::json::{self, Object};
use crate::notification::{Alert, Call, CallContext, Effect, Line, Notification, Urgency, Wording};

/// What the app reads: a string by name.
pub type Member<'a> = (Cow<'a, str>, &'a str);

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
pub fn message(write: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    json::object(USUAL, |body| body.object("message", write))
}

/// What the app is told of any notification but a call; as a rule in the order of the names already.
pub fn members<'a>(notification: &'a Notification<'_>, wording: &'a Wording) -> Vec<Member<'a>> {
    let mut members = Vec::with_capacity(8);
    members.push(("id".into(), &*notification.id));
    members.extend(notification.message_id.map(|id| ("messageId".into(), id)));
    members.push(("op".into(), notification.effect.op()));
    members.extend(notification.thread_id.map(|id| ("threadId".into(), id)));
    if matches!(notification.effect, Effect::UpdateThread) {
        members.extend(wording.title.text().map(|topic| ("topic".into(), topic)));
    }
    members.extend(wording.data.iter().map(|(name, value)| (name.as_str().into(), value.as_str())));
    members
}

/// Writes what the app reads, in the order of the names.
pub fn write_data(message: &mut Object<'_>, mut members: Vec<Member<'_>>) {
    members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    message.object("data", |data| members.iter().for_each(|(name, value)| data.text(name, value)));
}

fn alert_body(notification: &Notification<'_>, alert: &Alert<'_>) -> Result<Vec<u8>, PayloadTooLarge> {
    fit(&notification.wording, |wording| {
        let Wording { title, body, .. } = wording;
        message(|message| {
            write_data(message, members(notification, wording));
            if title.text().is_some() || body.text().is_some() {
                message.object("notification", |texts| {
                    texts.optional_text("title", title.text());
                    texts.optional_text("body", body.text());
                });
            }
            message.object("android", |android| {
                write_sending(android, notification, priority(alert.urgency));
                android.object("notification", |shown| {
                    shown.text("tag", &notification.id);
                    shown.optional_text("channel_id", alert.android_channel);
                    shown.optional_text("title_loc_key", title.key());
                    shown.texts("title_loc_args", title.args());
                    shown.optional_text("body_loc_key", body.key());
                    shown.texts("body_loc_args", body.args());
                });
            });
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
        message(|message| {
            write_data(message, members);
            message.object("android", |android| write_sending(android, notification, priority));
        })
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

/// A call.
pub fn call_payload(
    notification: &Notification<'_>,
    context: &CallContext<'_>,
    display_name: &str,
) -> Result<Payload, PayloadTooLarge> {
    let body = fit(&Wording { title: Line::Text(display_name.to_owned()), ..Wording::default() }, |wording| {
        message(|message| {
            message.object("data", |data| {
                data.number_text("eventId", context.event_id.into(), "");
                write_call(data, context, wording);
            });
            message.object("android", |android| write_sending(android, notification, "HIGH"));
        })
    })?;
    Ok(Payload { platform: Platform::FcmV1, headers: Vec::new(), body: body.into() })
}

/// Writes how soon a message is sent, and for how long.
fn write_sending(android: &mut Object<'_>, notification: &Notification<'_>, priority: &'static str) {
    android.text("priority", priority);
    android.number_text("ttl", notification.expiry.remaining.as_secs(), "s");
}

fn priority(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Passive => "NORMAL",
        Urgency::Active | Urgency::TimeSensitive => "HIGH",
    }
}
