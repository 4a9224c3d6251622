//! APNs: the payload dictionary and the headers that go with it. Nothing of FCM.
//!
//! <https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification> and
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>. The hub sets
//! `apns-topic` itself. A call's dictionary is what the ACS Calling SDK's `handlePush` reads:
//! <https://learn.microsoft.com/azure/communication-services/tutorials/add-voip-push-notifications-event-grid>

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fit::fit;
use super::{Payload, PayloadTooLarge, USUAL, write_call};
use crate::device::Platform;
use crate::json::{self, Object};
use crate::notification::{CallContext, Effect, Expiry, Line, Notification, Urgency, Wording};

/// An alert or a background push.
pub fn payload(notification: &Notification<'_>) -> Result<Payload, PayloadTooLarge> {
    let body = fit(&notification.wording, |wording| {
        json::object(USUAL, |body| {
            body.object("aps", |aps| write_aps(aps, notification, wording));
            body.object("acs", |acs| {
                acs.text("op", notification.effect.op());
                acs.text("id", &notification.id);
                acs.optional_text("threadId", notification.thread_id);
                acs.optional_text("messageId", notification.message_id);
                if matches!(notification.effect, Effect::UpdateThread) {
                    acs.optional_text("topic", wording.title.text());
                }
            });
            let data: BTreeMap<_, _> = wording.data.iter().map(|(name, value)| (name, value)).collect();
            data.into_iter().for_each(|(name, value)| body.text(name, value));
        })
    })?;
    Ok(Payload { platform: Platform::Apns, headers: headers(notification), body: body.into() })
}

/// A call for a VoIP handle. It is sent once, now or never: a phone that rings late rings for nothing.
pub fn voip_payload(context: &CallContext<'_>, display_name: &str) -> Result<Payload, PayloadTooLarge> {
    let body = fit(&Wording { title: Line::Text(display_name.to_owned()), ..Wording::default() }, |wording| {
        json::object(USUAL, |body| {
            // The hub refuses a body without it.
            body.object("aps", |_| ());
            body.object("data", |data| {
                data.number("eventId", context.event_id.into());
                write_call(data, context, wording);
            });
        })
    })?;
    let headers = vec![
        ("apns-push-type", Cow::Borrowed("voip")),
        ("apns-priority", Cow::Borrowed("10")),
        ("apns-expiration", Cow::Borrowed("0")),
    ];
    Ok(Payload { platform: Platform::Apns, headers, body: body.into() })
}

/// The headers of an alert or a background push.
pub fn headers(notification: &Notification<'_>) -> Vec<(&'static str, Cow<'static, str>)> {
    let (push_type, priority) = match notification.effect.alert() {
        Some(alert) => ("alert", priority(alert.urgency)),
        None => ("background", "5"),
    };
    let expiration = match notification.effect {
        // APNs keeps one push for an app: a withdrawal is worth the place, news of a topic is not.
        Effect::UpdateThread => Cow::Borrowed("0"),
        Effect::Show(_) | Effect::Edit(_) | Effect::Remove | Effect::RemoveThread | Effect::Ring(_) => {
            expiration(&notification.expiry)
        }
    };
    vec![
        ("apns-push-type", Cow::Borrowed(push_type)),
        ("apns-priority", Cow::Borrowed(priority)),
        ("apns-expiration", expiration),
        ("apns-collapse-id", Cow::Owned(notification.id.clone())),
    ]
}

/// Writes what iOS itself reads of an alert or a background push.
pub fn write_aps(aps: &mut Object<'_>, notification: &Notification<'_>, wording: &Wording) {
    let Some(alert) = notification.effect.alert() else {
        return aps.number("content-available", 1);
    };
    let Wording { title, body, .. } = wording;
    aps.object("alert", |texts| {
        texts.optional_text("title", title.text());
        texts.optional_text("title-loc-key", title.key());
        texts.texts("title-loc-args", title.args());
        texts.optional_text("body", body.text());
        texts.optional_text("loc-key", body.key());
        texts.texts("loc-args", body.args());
    });
    aps.optional_text("sound", alert.sound);
    aps.optional_text("thread-id", notification.group.as_deref());
    aps.optional_text("category", alert.category);
    aps.optional_text("interruption-level", interruption_level(alert.urgency));
    if alert.mutable {
        aps.number("mutable-content", 1);
    }
}

/// Seconds of Unix time, or 0, "now or never", for what is over already.
fn expiration(expiry: &Expiry) -> Cow<'static, str> {
    if expiry.remaining.is_zero() { Cow::Borrowed("0") } else { Cow::Owned(expiry.at.timestamp().to_string()) }
}

fn priority(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Passive => "5",
        Urgency::Active | Urgency::TimeSensitive => "10",
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
