//! APNs: the payload dictionary and the headers that go with it. Nothing of FCM.
//!
//! <https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification> and
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>. The hub sets
//! `apns-topic` itself. A call's dictionary is what the ACS Calling SDK's `handlePush` reads:
//! <https://learn.microsoft.com/azure/communication-services/tutorials/add-voip-push-notifications-event-grid>

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::truncate::truncate_to_limit;
use super::{AppData, CallData, Payload, PayloadTooLarge, json};
use crate::notifications::device::Platform;
use crate::notifications::{CallContext, LocalizableText, Notification, Urgency, Wording};

#[derive(Serialize)]
struct Body<'a> {
    aps: Aps<'a>,
    acs: AppData<'a>,
    #[serde(flatten)]
    data: BTreeMap<&'a str, &'a str>,
}

/// What iOS itself reads.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "kebab-case")]
pub enum Aps<'a> {
    Alert {
        alert: AlertTexts<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        sound: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thread_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        category: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        interruption_level: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        mutable_content: Option<u8>,
    },
    Background {
        content_available: u8,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AlertTexts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_loc_key: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    title_loc_args: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loc_key: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    loc_args: &'a [String],
}

#[derive(Serialize)]
struct VoipBody<'a> {
    /// The hub refuses a body without it.
    aps: Empty,
    data: CallData<'a, u16>,
}

#[derive(Serialize)]
struct Empty {}

/// An alert or a background push.
pub fn payload(notification: &Notification<'_>) -> Result<Payload, PayloadTooLarge> {
    let body = truncate_to_limit(&notification.wording, |wording| {
        json(&Body {
            aps: Aps::new(notification, wording),
            acs: AppData::new(notification, wording),
            data: wording.data.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        })
    })?;
    Ok(Payload { platform: Platform::Apns, headers: headers(notification), body: body.into() })
}

/// A call for a VoIP handle. It is sent once, now or never: a phone that rings late rings for nothing.
pub fn voip_payload(context: &CallContext<'_>, display_name: &str) -> Result<Payload, PayloadTooLarge> {
    let body = truncate_to_limit(
        &Wording { title: LocalizableText::Text(display_name.to_owned()), ..Wording::default() },
        |wording| json(&VoipBody { aps: Empty {}, data: CallData::new(context.event_id, context, wording) }),
    )?;
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
    // 0 is "now or never".
    let is_kept = notification.kept_while_off && !notification.expiry.remaining.is_zero();
    let expiration =
        if is_kept { Cow::Owned(notification.expiry.at.timestamp().to_string()) } else { Cow::Borrowed("0") };
    vec![
        ("apns-push-type", Cow::Borrowed(push_type)),
        ("apns-priority", Cow::Borrowed(priority)),
        ("apns-expiration", expiration),
        ("apns-collapse-id", Cow::Owned(notification.id.clone())),
    ]
}

impl<'a> Aps<'a> {
    /// Of an alert or a background push.
    pub fn new(notification: &'a Notification<'_>, wording: &'a Wording) -> Self {
        let Some(alert) = notification.effect.alert() else { return Self::Background { content_available: 1 } };
        let Wording { title, body, .. } = wording;
        Self::Alert {
            alert: AlertTexts {
                title: title.text(),
                title_loc_key: title.key(),
                title_loc_args: title.args(),
                body: body.text(),
                loc_key: body.key(),
                loc_args: body.args(),
            },
            sound: alert.sound,
            thread_id: notification.group.as_deref(),
            category: alert.category,
            interruption_level: interruption_level(alert.urgency),
            mutable_content: alert.mutable.then_some(1),
        }
    }
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
