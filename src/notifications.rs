//! What a person should see of an event. No platform and no JSON belong here.

use std::borrow::Cow;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::events::call::IncomingCall;
use crate::events::chat::MessageAction;
use crate::events::recipient::PhoneNumber;
use crate::events::{Event, EventData};
use crate::notifications::device::{AndroidMode, ContentMode, Device};

pub mod bidi;
pub mod device;
mod expiry;
mod template_fields;
pub mod locale;
pub mod preferences;
mod texts;
mod wording;

pub use expiry::Expiry;
use template_fields::{TemplateField, TemplateFields, number};
use texts::Options;
pub use texts::{Language, Texts};
pub use wording::{LocalizableText, Wording};

/// One notification for every device that shows as much, in the same language.
#[derive(Debug)]
pub struct Notification<'a> {
    /// What the notification is replaced and withdrawn by: derived from thread and message, 43 characters.
    pub id: String,
    /// The chat thread, if it is about one.
    pub thread_id: Option<&'a str>,
    /// The message, if it is about one.
    pub message_id: Option<&'a str>,
    /// Notifications of one group are shown as one stack.
    pub group: Option<Cow<'a, str>>,
    /// When it happened, if the event says so.
    pub event_time: Option<DateTime<Utc>>,
    /// Until when it is worth showing.
    pub expiry: Expiry,
    /// Whether APNs may keep it for a phone that is off, until it expires. It keeps one for each app, and nothing that shows
    /// nothing new deserves the place.
    pub kept_while_off: bool,
    /// Whose it is, for the app: a raw id, or the number of an SMS.
    pub sender_id: Option<Cow<'a, str>>,
    /// How Android gets it, where the installation does not say.
    pub android: AndroidMode,
    /// What Google's delivery statistics know it by.
    pub analytics_label: Option<&'a str>,
    /// What it says.
    pub wording: Wording,
    /// What should happen on the phone.
    pub effect: Effect<'a>,
}

/// Devices that get the same notification: how much of the event they show, in which language, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audience {
    /// How much.
    pub mode: ContentMode,
    /// In which language.
    pub language: Language,
    /// Whether without a sound.
    pub quiet: bool,
    /// Whether the app may change it before it is shown.
    pub mutable: bool,
}

/// What should happen on the phone.
#[derive(Debug)]
pub enum Effect<'a> {
    /// Show something new.
    Show(Alert<'a>),
    /// Show it instead of what carries the same id, without a sound.
    Edit(Alert<'a>),
    /// Withdraw what carries the same id.
    Remove,
    /// Withdraw everything of the thread.
    RemoveThread,
    /// Tell the app of the thread's topic, and the user of nothing. The title is the topic.
    UpdateThread,
    /// Ring.
    Ring(Call<'a>),
}

/// How something is shown.
#[derive(Debug)]
pub struct Alert<'a> {
    /// The interruption level.
    pub urgency: Urgency,
    /// iOS: the sound, if any.
    pub sound: Option<&'a str>,
    /// iOS: what can be done with it.
    pub category: Option<&'a str>,
    /// Android: the channel; `None` is the app's default one.
    pub android_channel: Option<&'a str>,
    /// Whether its reader wants no sound now. The rest says so, too: this is for whoever draws it without a channel.
    pub quiet: bool,
    /// Whether the app may put its own text in place of this one before it is shown.
    pub mutable: bool,
}

/// The interruption level of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Not at all.
    Passive,
    /// It may light up the screen and sound.
    Active,
    /// It may break through a focus.
    TimeSensitive,
}

/// An incoming call. `Debug` leaves everything out.
pub struct Call<'a> {
    /// What the Calling SDK needs to handle the call, or what the event lacks of it.
    pub context: Result<CallContext<'a>, CallDefect>,
    /// The caller's name; empty when it is to be hidden.
    pub display_name: Cow<'a, str>,
    /// Shown where the call itself cannot be handed over.
    pub alert: Alert<'a>,
}

/// Why the Calling SDK could not handle a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallDefect {
    /// The event has no context that can be read.
    ContextUnreadable,
    /// The call's id is no UUID.
    NoUuid,
    /// The caller or the callee has no raw id.
    NoRawId,
}

/// What the ACS Calling SDK needs to handle a call.
pub struct CallContext<'a> {
    /// 107 for a user's call, 111 for one from a telephone.
    pub event_id: u16,
    /// The claim `cc` of the call's context.
    pub cp: &'a str,
    /// A UUID.
    pub call_id: &'a str,
    /// Raw id of who is called.
    pub recipient_id: &'a str,
    /// Raw id of who calls.
    pub caller_id: &'a str,
}

/// The longest raw id has 119 bytes. What is much longer is none, and would take the place of the text.
const MAX_SENDER_ID_BYTES: usize = 256;

impl Audience {
    /// What a device may show of an event, and how it reads: the least of what setting, texts and installation allow.
    pub fn of(device: &Device, setting: ContentMode, texts: &Texts, event: &Event<'_>, now: DateTime<Utc>) -> Self {
        let language = texts.language(device.locale.as_ref());
        let mode = setting.max(texts.options(event.event_type, language).content);
        Self {
            mode: device.content.map_or(mode, |content| content.max(mode)),
            language,
            quiet: device.preferences.is_quiet(event, now),
            mutable: device.preferences.mutable,
        }
    }
}

impl<'a> Notification<'a> {
    /// What `audience` gets of the event, which is for a recipient and worth a push.
    pub fn new(event: &'a Event<'a>, texts: &'a Texts, audience: Audience, now: DateTime<Utc>) -> Self {
        let Audience { mode, language, .. } = audience;
        let event_type = event.event_type;
        let expiry = Expiry::new(event.time, texts.time_to_live(event_type), now);
        let fields = TemplateFields::of(event, mode, texts.custom_fields());
        let wording = texts.wording(event_type, language, &fields);
        let alert = Alert::new(texts.options(event_type, language), audience);
        let about = |thread_id: Option<&'a str>, message_id: &'a str, effect: Effect<'a>| Self {
            id: id(thread_id.unwrap_or_default(), message_id),
            thread_id,
            message_id: Some(message_id).filter(|id| !id.is_empty()),
            group: thread_id.map(Cow::Borrowed),
            event_time: event.time,
            expiry,
            kept_while_off: effect.shows_something_new() || texts.has_own_time_to_live(event_type),
            sender_id: None,
            android: texts.android_mode(event_type),
            analytics_label: texts.analytics_label(event_type),
            wording,
            effect,
        };
        let notification = match &event.data {
            EventData::Sms(sms) => Self {
                group: Some(conversation(sms.to.as_ref(), &sms.from, mode)),
                ..about(None, &sms.message_id, Effect::Show(alert))
            },
            EventData::SmsDeliveryReport(report) => Self {
                group: Some(conversation(report.from.as_ref(), &report.to, mode)),
                ..about(None, &report.message_id, Effect::Show(alert))
            },
            EventData::ChatMessage(message) => {
                let effect = match message.action {
                    MessageAction::Received => Effect::Show(alert),
                    MessageAction::Edited => Effect::Edit(alert),
                    MessageAction::Deleted => Effect::Remove,
                };
                about(Some(&message.thread_id), &message.message_id, effect)
            }
            EventData::ThreadJoined(joined) => about(Some(&joined.thread_id), "", Effect::Show(alert)),
            EventData::ThreadLeft(lost) => about(Some(&lost.thread_id), "", Effect::RemoveThread),
            EventData::TopicChanged(changed) => {
                let about = about(Some(&changed.thread_id), "", Effect::UpdateThread);
                let title = LocalizableText::Text(fields.get(TemplateField::Topic).to_owned());
                // An id of its own: it must not replace an alert about the thread.
                let id = id(&changed.thread_id, "topic");
                Self { id, wording: Wording { title, ..about.wording }, ..about }
            }
            EventData::IncomingCall(call) => {
                let display_name = if mode == ContentMode::Hidden {
                    Cow::Borrowed("")
                } else if call.is_anonymous() {
                    Cow::Owned(texts.built_in_title(event_type, language, &fields))
                } else {
                    bidi::isolated(&call.caller_name)
                };
                let ring = Call { context: call_context(call), display_name, alert };
                Self { message_id: None, ..about(None, &call.correlation_id, Effect::Ring(ring)) }
            }
        };
        if notification.effect.alert().is_some() { notification.with_names(event, &fields, mode) } else { notification }
    }

    /// With what the app needs to show whom it is from, as far as the content mode allows.
    fn with_names(self, event: &'a Event<'a>, fields: &TemplateFields<'_>, mode: ContentMode) -> Self {
        let sender_id = sender_id(&event.data).filter(|_| mode != ContentMode::Hidden);
        let (sender, topic) = (fields.from().to_owned(), fields.get(TemplateField::Topic).to_owned());
        Self { sender_id, wording: Wording { sender, topic, ..self.wording }, ..self }
    }
}

impl<'a> Effect<'a> {
    /// What is shown by an app that is asleep; of a call, where it cannot be handed over.
    pub fn alert(&self) -> Option<&Alert<'a>> {
        match self {
            Self::Show(alert) | Self::Edit(alert) | Self::Ring(Call { alert, .. }) => Some(alert),
            Self::Remove | Self::RemoveThread | Self::UpdateThread => None,
        }
    }

    fn shows_something_new(&self) -> bool {
        match self {
            Self::Show(_) | Self::Ring(_) => true,
            Self::Edit(_) | Self::Remove | Self::RemoveThread | Self::UpdateThread => false,
        }
    }

    /// The operation for the app.
    pub fn op(&self) -> &'static str {
        match self {
            Self::Show(_) | Self::Ring(_) => "show",
            Self::Edit(_) => "edit",
            Self::Remove => "remove",
            Self::RemoveThread => "removeThread",
            Self::UpdateThread => "updateThread",
        }
    }
}

impl<'a> Alert<'a> {
    fn new(options: &'a Options, audience: Audience) -> Self {
        let Audience { mode, quiet, mutable, .. } = audience;
        let quiet_channel = options.android_quiet_channel.as_deref().filter(|_| quiet);
        Self {
            urgency: if quiet { Urgency::Passive } else { options.urgency },
            sound: options.sound.as_deref().filter(|_| !quiet),
            category: options.category.as_deref(),
            android_channel: quiet_channel.or(options.android_channel.as_deref()),
            quiet,
            mutable: mutable || options.mutable || mode == ContentMode::Hidden,
        }
    }
}

/// Who caused the event.
fn sender_id<'a>(data: &'a EventData<'a>) -> Option<Cow<'a, str>> {
    let id = match data {
        EventData::Sms(sms) => Some(number(&sms.from)),
        EventData::ChatMessage(message) => message.sender.as_deref().map(Cow::Borrowed),
        EventData::ThreadJoined(joined) => joined.initiator_id.as_deref().map(Cow::Borrowed),
        EventData::IncomingCall(call) => Some(Cow::Borrowed(&*call.caller)),
        EventData::SmsDeliveryReport(_) | EventData::ThreadLeft(_) | EventData::TopicChanged(_) => None,
    };
    id.filter(|id| (1..=MAX_SENDER_ID_BYTES).contains(&id.len()))
}

/// The group of an SMS conversation: both numbers, which are not shown; without them when hidden.
fn conversation<'a>(own: Option<&PhoneNumber>, other: &str, mode: ContentMode) -> Cow<'a, str> {
    match mode {
        ContentMode::Full | ContentMode::Sender => {
            let own = own.map_or("", PhoneNumber::as_str);
            Cow::Owned(format!("sms:{own}:{}", other.trim_start_matches('+')))
        }
        ContentMode::Hidden => Cow::Borrowed("sms"),
    }
}

/// What the Calling SDK can take the call by. Anything less crashes the app that is woken by it.
fn call_context<'a>(call: &'a IncomingCall<'a>) -> Result<CallContext<'a>, CallDefect> {
    Ok(CallContext {
        event_id: if call.from_number { 111 } else { 107 },
        cp: call.calling_context.as_deref().ok_or(CallDefect::ContextUnreadable)?,
        call_id: call.has_uuid().then_some(&*call.correlation_id).ok_or(CallDefect::NoUuid)?,
        recipient_id: call.callee.as_deref().ok_or(CallDefect::NoRawId)?,
        caller_id: Some(&*call.caller).filter(|caller| !caller.is_empty()).ok_or(CallDefect::NoRawId)?,
    })
}

/// Differs for any two pairs, and is short enough for `apns-collapse-id`, which takes 64 bytes.
fn id(thread_id: &str, message_id: &str) -> String {
    let length = (thread_id.len() as u64).to_be_bytes();
    let hash = Sha256::new_with_prefix(length).chain_update(thread_id).chain_update(message_id).finalize();
    BASE64_URL_SAFE_NO_PAD.encode(hash)
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Call").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CallContext<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CallContext").field("event_id", &self.event_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_wherever_thread_or_message_does_and_fit_a_collapse_id() {
        let ids = [id("ab", "c"), id("a", "bc"), id("", "abc"), id("abc", "")];
        for (index, one) in ids.iter().enumerate() {
            assert!(one.len() <= 64);
            assert!(ids[index + 1..].iter().all(|other| other != one));
        }
        assert_eq!(id("ab", "c"), ids[0]);
    }
}
