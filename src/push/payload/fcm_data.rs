//! The `data` of an FCM message: what the app reads. All values are strings.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::SecondsFormat;
use serde::Serialize;

use super::AppData;
use crate::notifications::{Alert, LocalizableText, Notification, Urgency, Wording};

/// What the app reads of any notification but a call.
#[derive(Serialize)]
pub struct Data<'a> {
    #[serde(flatten)]
    app: AppData<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(flatten)]
    more: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

impl<'a> Data<'a> {
    /// The app's data, and further members of the texts.
    pub fn new(notification: &'a Notification<'_>, wording: &'a Wording) -> Self {
        let more = wording.data.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { app: AppData::new(notification, wording), tag: None, more }
    }

    /// The tag by which the app finds what it shows or withdraws.
    pub fn with_tag(self, notification: &'a Notification<'_>) -> Self {
        Self { tag: Some(&notification.id), ..self }
    }

    /// Title and body.
    pub fn with_texts(mut self, wording: &'a Wording) -> Self {
        for (name, line) in [("title", &wording.title), ("body", &wording.body)] {
            self.add_line(name, line);
        }
        self
    }

    /// Whatever else an app needs that shows the notification by itself.
    pub fn with_options(mut self, notification: &'a Notification<'_>, alert: &'a Alert<'_>) -> Self {
        let time = |time: chrono::DateTime<chrono::Utc>| Cow::Owned(time.to_rfc3339_opts(SecondsFormat::Secs, true));
        let yes = |is: bool| is.then_some(Cow::Borrowed("true"));
        let members = [
            ("group", notification.group.as_deref().map(Cow::Borrowed)),
            ("channel", alert.android_channel.map(Cow::Borrowed)),
            ("eventTime", notification.event_time.map(time)),
            ("expirationTime", Some(time(notification.expiry.at))),
            ("mutable", yes(alert.mutable)),
            ("quiet", yes(alert.urgency == Urgency::Passive)),
        ];
        let present = members.into_iter().filter_map(|(name, value)| Some((Cow::Borrowed(name), value?)));
        self.more.extend(present);
        self
    }

    /// A line as strings by name: `title`, or `titleLocKey`, `titleLocArg1` and so on.
    fn add_line(&mut self, name: &'static str, line: &'a LocalizableText) {
        match line {
            LocalizableText::Text(text) => {
                self.more.insert(name.into(), text.into());
            }
            LocalizableText::Localized { key, args } => {
                let args = args.iter().enumerate();
                let args = args.map(|(index, arg)| (format!("{name}LocArg{}", index + 1).into(), arg.into()));
                self.more.extend(args.chain([(format!("{name}LocKey").into(), key.into())]));
            }
        }
    }
}
