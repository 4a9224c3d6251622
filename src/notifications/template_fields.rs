//! The fields of an event that a template may show. What the content mode hides is empty here, so no template can show it.

use std::borrow::Cow;

use crate::events::call::IncomingCall;
use crate::events::recipient::PhoneNumber;
use crate::events::{Attachment, AttachmentKind, Event, EventData, EventType};
use crate::notifications::device::ContentMode;

mod custom_fields;

pub use custom_fields::{CustomField, CustomSource};

/// Something that a template may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateField {
    /// Who wrote: a number or a name.
    Sender,
    /// Who called: a name or a number.
    Caller,
    /// `yes` if a telephone calls that keeps its number to itself.
    Anonymous,
    /// For whom the call was before it was passed on: a number or a raw id.
    OnBehalfOf,
    /// Who added the recipient to a thread: a name.
    AddedBy,
    /// To whom a text message was sent: a number.
    Receiver,
    /// The recipient's own number.
    Number,
    /// What was written.
    Text,
    /// What was sent beside words: `picture`, `gif`, `video`, `audio`, `file`, `card`, `location`, or `several` kinds.
    Attachment,
    /// How many of those; empty for one.
    AttachmentCount,
    /// The name of the only file.
    FileName,
    /// `yes` if the message mentions the recipient.
    Mentioned,
    /// The name of a thread.
    Topic,
    /// Why a text message was not delivered, in the carrier's words.
    Details,
    /// The thread.
    ThreadId,
    /// The message.
    MessageId,
    /// The call.
    CallId,
}

/// The fields of one event by the names that templates call them, as far as a content mode allows.
pub struct TemplateFields<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl TemplateField {
    /// What a template calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Caller => "caller",
            Self::Anonymous => "anonymous",
            Self::OnBehalfOf => "on_behalf_of",
            Self::AddedBy => "added_by",
            Self::Receiver => "receiver",
            Self::Number => "number",
            Self::Text => "text",
            Self::Attachment => "attachment",
            Self::AttachmentCount => "attachment_count",
            Self::FileName => "file_name",
            Self::Mentioned => "mentioned",
            Self::Topic => "topic",
            Self::Details => "details",
            Self::ThreadId => "thread_id",
            Self::MessageId => "message_id",
            Self::CallId => "call_id",
        }
    }

    /// Those that an event of this type has.
    pub fn of(event_type: EventType) -> &'static [Self] {
        match event_type {
            EventType::SmsReceived => &[Self::Sender, Self::Number, Self::Text, Self::MessageId],
            EventType::SmsDeliveryReportReceived => &[Self::Receiver, Self::Number, Self::Details, Self::MessageId],
            EventType::ChatMessageReceived | EventType::ChatMessageEdited => {
                const {
                    &[
                        Self::Sender,
                        Self::Text,
                        Self::Attachment,
                        Self::AttachmentCount,
                        Self::FileName,
                        Self::Mentioned,
                        Self::ThreadId,
                        Self::MessageId,
                    ]
                }
            }
            EventType::ChatMessageDeleted => &[Self::Sender, Self::ThreadId, Self::MessageId],
            EventType::ChatThreadCreatedWithUser | EventType::ChatParticipantAddedToThreadWithUser => {
                &[Self::AddedBy, Self::Topic, Self::ThreadId]
            }
            EventType::ChatParticipantRemovedFromThreadWithUser | EventType::ChatThreadWithUserDeleted => {
                &[Self::ThreadId]
            }
            EventType::ChatThreadPropertiesUpdatedPerUser => &[Self::Topic, Self::ThreadId],
            EventType::IncomingCall => const { &[Self::Caller, Self::Anonymous, Self::OnBehalfOf, Self::CallId] },
        }
    }

    /// The content mode that shows the least and still shows this.
    fn strictest_mode(self) -> ContentMode {
        match self {
            Self::Text | Self::Attachment | Self::AttachmentCount | Self::FileName | Self::Topic | Self::Details => {
                ContentMode::Full
            }
            Self::Sender
            | Self::Mentioned
            | Self::Caller
            | Self::Anonymous
            | Self::OnBehalfOf
            | Self::AddedBy
            | Self::Receiver
            | Self::Number => ContentMode::Sender,
            Self::ThreadId | Self::MessageId | Self::CallId => ContentMode::Hidden,
        }
    }

    fn value<'a>(self, data: &'a EventData<'a>) -> Cow<'a, str> {
        let text: &str = match (self, data) {
            (Self::Sender, EventData::Sms(sms)) => return number(&sms.from),
            (Self::Receiver, EventData::SmsDeliveryReport(report)) => return number(&report.to),
            (Self::Number, EventData::Sms(sms)) => return own_number(sms.to.as_ref()),
            (Self::Number, EventData::SmsDeliveryReport(report)) => return own_number(report.from.as_ref()),
            (Self::Caller, EventData::IncomingCall(call)) => return caller(call),
            (Self::OnBehalfOf, EventData::IncomingCall(call)) => return on_behalf_of(call),
            (Self::Anonymous, EventData::IncomingCall(call)) if call.is_anonymous() => "yes",
            (Self::Sender, EventData::ChatMessage(message)) => &message.sender_name,
            (Self::Text, EventData::Sms(sms)) => &sms.text,
            (Self::Text, EventData::ChatMessage(message)) => &message.body,
            (Self::Attachment, EventData::ChatMessage(message)) => attachments(&message.attachments),
            (Self::AttachmentCount, EventData::ChatMessage(message)) => return count(&message.attachments),
            (Self::Mentioned, EventData::ChatMessage(message)) if message.mentions_recipient => "yes",
            (Self::FileName, EventData::ChatMessage(message)) => file_name(&message.attachments),
            (Self::Details, EventData::SmsDeliveryReport(report)) => &report.details,
            (Self::AddedBy, EventData::ThreadJoined(joined)) => &joined.initiator_name,
            (Self::Topic, EventData::ThreadJoined(joined)) => &joined.topic,
            (Self::Topic, EventData::TopicChanged(changed)) => &changed.topic,
            (Self::ThreadId, EventData::ChatMessage(message)) => &message.thread_id,
            (Self::ThreadId, EventData::ThreadJoined(joined)) => &joined.thread_id,
            (Self::ThreadId, EventData::ThreadLeft(lost)) => &lost.thread_id,
            (Self::ThreadId, EventData::TopicChanged(changed)) => &changed.thread_id,
            (Self::MessageId, EventData::Sms(sms)) => &sms.message_id,
            (Self::MessageId, EventData::SmsDeliveryReport(report)) => &report.message_id,
            (Self::MessageId, EventData::ChatMessage(message)) => &message.message_id,
            (Self::CallId, EventData::IncomingCall(call)) => &call.correlation_id,
            _ => "",
        };
        Cow::Borrowed(text)
    }
}

impl<'a> TemplateFields<'a> {
    /// What the event says, as far as `mode` allows: of what an app put into it, the fields of `custom`. What is blank counts
    /// as empty.
    pub fn of(event: &'a Event<'a>, mode: ContentMode, custom: &'a [CustomField]) -> Self {
        let shown = |strictest_mode, value: &dyn Fn() -> Cow<'a, str>| {
            let value = if mode <= strictest_mode { value() } else { Cow::Borrowed("") };
            if value.trim().is_empty() { Cow::Borrowed("") } else { value }
        };
        let fields = TemplateField::of(event.event_type).iter();
        let fields = fields.map(|field| (field.name(), shown(field.strictest_mode(), &|| field.value(&event.data))));
        // Nobody but the app knows what they say.
        let custom = custom.iter().filter(|field| field.is_of(event.event_type));
        let custom = custom.map(|field| (&*field.name, shown(ContentMode::Full, &|| field.value(event))));
        Self(fields.chain(custom).collect())
    }

    /// Each by its name.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }

    /// Who it is from; empty where the event does not say.
    pub fn from(&self) -> &str {
        let names = [TemplateField::Sender, TemplateField::Caller, TemplateField::AddedBy];
        names.into_iter().map(|name| self.get(name)).find(|name| !name.is_empty()).unwrap_or_default()
    }

    /// One of them; empty where the event has none.
    pub fn get(&self, field: TemplateField) -> &str {
        self.iter().find(|(name, _)| *name == field.name()).map_or("", |(_, value)| value)
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for TemplateFields<'a> {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(fields: T) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name, Cow::Borrowed(value))).collect())
    }
}

fn caller<'a>(call: &'a IncomingCall<'_>) -> Cow<'a, str> {
    if call.is_anonymous() {
        return Cow::Borrowed("");
    }
    match call.caller.strip_prefix("4:").filter(|_| call.caller_name.trim().is_empty()) {
        Some(caller) => number(caller),
        None => Cow::Borrowed(&*call.caller_name),
    }
}

fn on_behalf_of<'a>(call: &'a IncomingCall<'_>) -> Cow<'a, str> {
    let raw_id = call.on_behalf_of.as_deref().unwrap_or_default();
    raw_id.strip_prefix("4:").map_or(Cow::Borrowed(raw_id), number)
}

/// The kind of all attachments; empty where there are none.
fn attachments(attachments: &[Attachment]) -> &'static str {
    match attachments {
        [] => "",
        [first, others @ ..] if others.iter().all(|other| other.kind == first.kind) => first.kind.name(),
        [..] => "several",
    }
}

fn count(attachments: &[Attachment]) -> Cow<'static, str> {
    if attachments.len() > 1 { Cow::Owned(attachments.len().to_string()) } else { Cow::Borrowed("") }
}

/// The name of a file, where it is the only one. Those of pictures and recordings say nothing to people.
fn file_name(attachments: &[Attachment]) -> &str {
    match attachments {
        [Attachment { kind: AttachmentKind::File, name: Some(name) }] => name,
        _ => "",
    }
}

fn own_number(own: Option<&PhoneNumber>) -> Cow<'_, str> {
    own.map_or(Cow::Borrowed(""), |own| number(own.as_str()))
}

/// A number as people write it: with a `+` when it has a country's length. Short codes and sender ids as they are.
pub fn number(from: &str) -> Cow<'_, str> {
    let international = from.len() > 7 && from.bytes().all(|byte| byte.is_ascii_digit());
    if international { Cow::Owned(format!("+{from}")) } else { Cow::Borrowed(from) }
}

impl std::fmt::Debug for TemplateFields<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TemplateFields(redacted)")
    }
}
