//! Events: the wire form of both schemas, and what each type that can be pushed says.
//!
//! Nothing of the Functions host, of notifications or of devices belongs here. Identifiers and field names:
//! <https://learn.microsoft.com/azure/event-grid/event-schema-communication-services>, schemas:
//! <https://learn.microsoft.com/azure/event-grid/event-schema> and <https://github.com/cloudevents/spec> 1.0.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use serde_json::value::RawValue;

use crate::events::fields::{FieldError, Fields, Value};
use crate::events::recipient::{Recipient, UserId};

mod attachment;
pub mod call;
pub mod chat;
pub mod event_filter;
mod event_type;
pub mod fields;
pub mod html;
mod ignore_reason;
pub mod recipient;
pub mod sms;
pub mod subject_filter;
mod trace_id;

pub use attachment::{Attachment, AttachmentKind};
use call::IncomingCall;
use chat::{ChatMessage, MessageAction, ThreadJoined, ThreadLeft, TopicChanged};
pub use event_type::EventType;
pub use ignore_reason::IgnoreReason;
use sms::{Sms, SmsDeliveryReport};
pub use trace_id::trace_id;

/// One event as the host sent it, not yet read.
#[derive(Debug, Clone, Copy)]
pub enum RawEvent<'a> {
    /// An object that was read together with the body.
    Object(&'a Fields<'a>),
    /// Another JSON value, usually an object.
    Json(&'a RawValue),
    /// A string that is not JSON.
    Text(&'a str),
}

/// The envelope of an event, in either schema, with unread data.
#[derive(Debug)]
pub struct EventGridEvent<'a> {
    /// Unique per source.
    pub id: Cow<'a, str>,
    /// The resource that sent it: `topic`, or `source` in CloudEvents.
    pub source: Cow<'a, str>,
    /// The full type, such as `Microsoft.Communication.SMSReceived`.
    pub type_name: Cow<'a, str>,
    /// What it is about; empty when it has none.
    pub subject: Cow<'a, str>,
    /// When it happened; `None` when that cannot be read.
    pub time: Option<DateTime<Utc>>,
    /// The trace that it belongs to: the id in its `traceparent`, if it has one.
    pub trace: Option<String>,
    data: Option<Cow<'a, Value<'a>>>,
}

/// An event whose data was read.
#[derive(Debug)]
pub struct Event<'a> {
    /// Its type.
    pub event_type: EventType,
    /// When it happened, if that could be read.
    pub time: Option<DateTime<Utc>>,
    /// Whom it is for; `None` when it does not say.
    pub recipient: Option<Recipient>,
    /// What happened.
    pub data: EventData<'a>,
}

/// What happened, by kind.
#[derive(Debug)]
pub enum EventData<'a> {
    /// A text message.
    Sms(Sms<'a>),
    /// The delivery report of a text message that was sent.
    SmsDeliveryReport(SmsDeliveryReport<'a>),
    /// A chat message was received, edited or deleted.
    ChatMessage(ChatMessage<'a>),
    /// A participant joined a thread.
    ThreadJoined(ThreadJoined<'a>),
    /// A participant left a thread, or it was deleted.
    ThreadLeft(ThreadLeft<'a>),
    /// A thread has another topic.
    TopicChanged(TopicChanged<'a>),
    /// An incoming call.
    IncomingCall(IncomingCall<'a>),
}

impl<'a> EventGridEvent<'a> {
    /// Reads the envelope; the error says what keeps the value from being an event.
    pub fn parse(raw_event: RawEvent<'a>) -> Result<Self, FieldError> {
        let fields = match raw_event {
            RawEvent::Object(fields) => Cow::Borrowed(fields),
            RawEvent::Json(raw) => Cow::Owned(Fields::parse(raw, &["Data", "event"], &["data"])?),
            RawEvent::Text(_) => {
                return Err(FieldError { field: "Data.event".to_owned(), problem: "is a string that is not JSON" });
            }
        };
        let type_name = match fields.text("type")? {
            Some(name) => name,
            None => fields.required_text("eventType")?,
        };
        let source = match fields.text("topic").ok().flatten() {
            Some(topic) => topic,
            None => fields.text("source").ok().flatten().unwrap_or_default(),
        };
        let id = fields.required_text("id")?;
        if id.is_empty() {
            return Err(fields.error("id", "is empty"));
        }
        Ok(Self {
            id,
            source,
            type_name,
            subject: fields.text("subject").ok().flatten().unwrap_or_default(),
            time: time(&fields, "eventTime").or_else(|| time(&fields, "time")),
            trace: fields.text("traceparent").ok().flatten().and_then(|text| trace_id(&text).map(str::to_owned)),
            data: match fields {
                Cow::Borrowed(fields) => fields.value("data").map(Cow::Borrowed),
                Cow::Owned(fields) => fields.take("data").map(Cow::Owned),
            },
        })
    }
}

impl<'a> Event<'a> {
    /// Reads the data of an event of this type. A field of a wrong type, or one that is needed and missing, is an error.
    pub fn read(envelope: &EventGridEvent<'a>, event_type: EventType) -> Result<Self, FieldError> {
        let parsed;
        let data = match envelope.data.as_deref() {
            Some(Value::Object(fields)) => fields,
            Some(Value::Raw(raw)) => {
                parsed = Fields::parse(raw, &["data"], &[])?;
                &parsed
            }
            None => return Err(FieldError { field: "data".to_owned(), problem: "is missing" }),
        };
        let subject = &envelope.subject;
        let (recipient, event_data) = match event_type {
            EventType::SmsReceived => {
                let sms = Sms::read(data, subject)?;
                (sms.recipient(), EventData::Sms(sms))
            }
            EventType::SmsDeliveryReportReceived => {
                let report = SmsDeliveryReport::read(data, subject)?;
                (report.recipient(), EventData::SmsDeliveryReport(report))
            }
            EventType::IncomingCall => {
                let call = IncomingCall::read(data)?;
                let callee = call.callee.as_deref().map(UserId::new).or_else(|| recipient_in(subject));
                (callee.map(Recipient::User), EventData::IncomingCall(call))
            }
            EventType::ChatMessageReceived => chat_message(data, subject, MessageAction::Received)?,
            EventType::ChatMessageEdited => chat_message(data, subject, MessageAction::Edited)?,
            EventType::ChatMessageDeleted => chat_message(data, subject, MessageAction::Deleted)?,
            EventType::ChatThreadCreatedWithUser => {
                (chat_recipient(data, subject)?, EventData::ThreadJoined(ThreadJoined::read_created(data)?))
            }
            EventType::ChatParticipantAddedToThreadWithUser => {
                (chat_recipient(data, subject)?, EventData::ThreadJoined(ThreadJoined::read_added(data)?))
            }
            EventType::ChatParticipantRemovedFromThreadWithUser => {
                (chat_recipient(data, subject)?, EventData::ThreadLeft(ThreadLeft::read_removed(data)?))
            }
            EventType::ChatThreadWithUserDeleted => {
                (chat_recipient(data, subject)?, EventData::ThreadLeft(ThreadLeft::read_deleted(data)?))
            }
            EventType::ChatThreadPropertiesUpdatedPerUser => {
                (chat_recipient(data, subject)?, EventData::TopicChanged(TopicChanged::read(data)?))
            }
        };
        Ok(Self { event_type, time: envelope.time, recipient, data: event_data })
    }

    /// Why the event needs no notification, if it needs none.
    pub fn ignore_reason(&self) -> Option<IgnoreReason> {
        match &self.data {
            EventData::Sms(sms) => sms.text.trim().is_empty().then_some(IgnoreReason::EmptyBody),
            EventData::SmsDeliveryReport(report) => (!report.failed).then_some(IgnoreReason::NotFailed),
            EventData::ChatMessage(message) => message.ignore_reason(self.time),
            EventData::TopicChanged(_) => None,
            EventData::ThreadJoined(ThreadJoined { participant_id, .. })
            | EventData::ThreadLeft(ThreadLeft { participant_id, .. }) => {
                let somebody_else =
                    participant_id.as_deref().is_some_and(|participant_id| !self.is_for_user(participant_id));
                somebody_else.then_some(IgnoreReason::SomebodyElse)
            }
            EventData::IncomingCall(call) => call.to_number.then_some(IgnoreReason::CallToNumber),
        }
    }

    /// Whether the recipient did it. Only users are compared: a number that texts itself is served.
    pub fn is_own_action(&self) -> bool {
        let actor = match &self.data {
            EventData::Sms(_) | EventData::SmsDeliveryReport(_) => None,
            EventData::ChatMessage(message) => message.sender.as_deref(),
            EventData::ThreadJoined(joined) => joined.initiator_id.as_deref(),
            EventData::ThreadLeft(lost) => lost.initiator_id.as_deref(),
            EventData::TopicChanged(changed) => changed.initiator_id.as_deref(),
            EventData::IncomingCall(call) => Some(call.caller.as_ref()),
        };
        actor.is_some_and(|actor| self.is_for_user(actor))
    }

    fn is_for_user(&self, raw_id: &str) -> bool {
        matches!(&self.recipient, Some(Recipient::User(user)) if user.as_str() == raw_id)
    }
}

fn chat_message<'a>(
    data: &Fields<'a>,
    subject: &str,
    action: MessageAction,
) -> Result<(Option<Recipient>, EventData<'a>), FieldError> {
    let recipient = chat_recipient(data, subject)?;
    let message = ChatMessage::read(data, action, recipient.as_ref())?;
    Ok((recipient, EventData::ChatMessage(message)))
}

fn chat_recipient(data: &Fields<'_>, subject: &str) -> Result<Option<Recipient>, FieldError> {
    let stated = identifier(data, "recipientCommunicationIdentifier", "recipientId")?;
    Ok(stated.map(UserId::new).or_else(|| recipient_in(subject)).map(Recipient::User))
}

fn recipient_in(subject: &str) -> Option<UserId> {
    let (_, raw_id) = subject.rsplit_once("/recipient/")?;
    not_placeholder(Cow::Borrowed(raw_id)).map(UserId::new)
}

/// A raw id: `rawId` of the object `nested`, else the text `flat` of older events.
fn identifier<'a>(
    data: &Fields<'a>,
    nested: &'static str,
    flat: &'static str,
) -> Result<Option<Cow<'a, str>>, FieldError> {
    if let Some(object) = data.object(nested)?
        && let Some(raw_id) = object.text("rawId")?.and_then(not_placeholder)
    {
        return Ok(Some(raw_id));
    }
    Ok(data.text(flat)?.and_then(not_placeholder))
}

/// Samples of the documentation hold placeholders like `{rawId}`: such a value counts as absent, as an empty one does.
fn not_placeholder(value: Cow<'_, str>) -> Option<Cow<'_, str>> {
    (!value.is_empty() && !value.starts_with('{')).then_some(value)
}

/// A time in any of the forms seen: 0 to 7 digits of a second, an offset or none. What cannot be read, or reckoned with,
/// is absent: no event fails on a time.
fn time(fields: &Fields<'_>, name: &'static str) -> Option<DateTime<Utc>> {
    let text = fields.text(name).ok().flatten()?;
    let with_offset = DateTime::parse_from_rfc3339(&text).map(|time| time.to_utc());
    let time = with_offset.or_else(|_| text.parse::<NaiveDateTime>().map(|time| time.and_utc())).ok()?;
    (0..=9999).contains(&time.year()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(text: &str) -> Result<EventGridEvent<'_>, FieldError> {
        EventGridEvent::parse(RawEvent::Json(serde_json::from_str(text).unwrap()))
    }

    #[test]
    fn both_schemas_give_the_same_envelope() {
        let event_grid = r#"{"id":"1","topic":"/t","subject":"s","eventType":"T","eventTime":"2020-09-18T00:48:48.037823Z","data":{}}"#;
        let cloud_event = r#"{"specVersion":"1.0","id":"1","source":"/t","subject":"s","type":"T","time":"2020-09-18T00:48:48.037823Z","data":{}}"#;
        for text in [event_grid, cloud_event] {
            let event = envelope(text).unwrap();
            assert_eq!((&*event.id, &*event.source, &*event.subject, &*event.type_name), ("1", "/t", "s", "T"));
            assert_eq!(event.time.unwrap().timestamp_micros(), 1_600_390_128_037_823);
        }
    }

    #[test]
    fn a_value_without_type_or_id_is_not_an_event() {
        for text in [
            "1",
            "[]",
            r#""text""#,
            "{}",
            r#"{"id":"1"}"#,
            r#"{"eventType":"T"}"#,
            r#"{"id":7,"eventType":"T"}"#,
            r#"{"id":"","eventType":"T"}"#,
        ] {
            assert!(envelope(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_read_in_every_documented_format_and_others_are_absent() {
        for (text, millis) in [
            ("2020-09-18T00:22:20Z", 1_600_388_540_000),
            ("2020-09-18T00:22:20.2855749Z", 1_600_388_540_285),
            ("2021-02-20T00:59:10.464+00:00", 1_613_782_750_464),
            ("2020-09-18T00:22:20", 1_600_388_540_000),
        ] {
            let event = format!(r#"{{"id":"1","type":"T","time":"{text}"}}"#);
            assert_eq!(envelope(&event).unwrap().time.map(|time| time.timestamp_millis()), Some(millis), "{text}");
        }
        for wrong in [r#""3/28/2007 7:13:50 PM +00:00""#, r#""+262142-12-31T23:59:59""#, "17", "null", r#""""#] {
            let event = format!(r#"{{"id":"1","type":"T","time":{wrong}}}"#);
            assert_eq!(envelope(&event).unwrap().time, None, "{wrong}");
        }
    }
}
