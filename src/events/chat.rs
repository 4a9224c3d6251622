//! Chat events of the user level, in the shapes of 2020 (flat ids, members) and of today (identifiers, participants).
//! <https://learn.microsoft.com/azure/event-grid/communication-services-chat-events>

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::value::RawValue;

use super::attachment::{Attachment, AttachmentKind};
use super::html::{self, HtmlMessage};
use super::{IgnoreReason, identifier, not_placeholder, time};
use crate::events::fields::{FieldError, Fields, Value, text_of};
use crate::events::recipient::Recipient;

mod bot;

use bot::BotContent;

/// A message was sent, edited or deleted. Its `Debug` shows ids only.
pub struct ChatMessage<'a> {
    /// Which of the three.
    pub action: MessageAction,
    /// Its thread.
    pub thread_id: Cow<'a, str>,
    /// Unique within its thread.
    pub message_id: Cow<'a, str>,
    /// Grows with each edit and with the deletion.
    pub version: Option<i64>,
    /// Raw id of who wrote it.
    pub sender: Option<Cow<'a, str>>,
    /// The writer's name; empty when the app gave none.
    pub sender_name: Cow<'a, str>,
    /// What was written, as plain text; empty for a deletion.
    pub body: Cow<'a, str>,
    /// What it shows beside words.
    pub attachments: Vec<Attachment>,
    /// Whether it mentions the recipient.
    pub mentions_recipient: bool,
    /// What the app sent along with it.
    metadata: Option<Fields<'a>>,
    /// Whether it is for programs: a bot's event, or a contact centre's.
    for_programs: Option<IgnoreReason>,
    /// Whether it is a system message of the thread, about a topic or a participant.
    control: bool,
    composed: Option<DateTime<Utc>>,
    edited: Option<DateTime<Utc>>,
}

/// What was done with a chat message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageAction {
    /// It was sent.
    Received,
    /// It got another text.
    Edited,
    /// It was deleted.
    Deleted,
}

/// A participant joined a thread: it was created with them, or they were added.
pub struct ThreadJoined<'a> {
    /// The thread.
    pub thread_id: Cow<'a, str>,
    /// The thread's name; empty when it has none or the event does not say.
    pub topic: Cow<'a, str>,
    /// Raw id of who was added; `None` when all its members came with it.
    pub participant_id: Option<Cow<'a, str>>,
    /// Raw id of who did it.
    pub initiator_id: Option<Cow<'a, str>>,
    /// The name of who did it; empty when the event does not say.
    pub initiator_name: Cow<'a, str>,
}

/// A participant left a thread: it was deleted, or they were removed.
pub struct ThreadLeft<'a> {
    /// The thread.
    pub thread_id: Cow<'a, str>,
    /// Raw id of who was removed; `None` when the whole thread is gone.
    pub participant_id: Option<Cow<'a, str>>,
    /// Raw id of who did it.
    pub initiator_id: Option<Cow<'a, str>>,
}

/// The topic of a thread changed.
pub struct TopicChanged<'a> {
    /// The thread.
    pub thread_id: Cow<'a, str>,
    /// Its new name; empty when the event does not say.
    pub topic: Cow<'a, str>,
    /// Raw id of who did it.
    pub initiator_id: Option<Cow<'a, str>>,
}

/// An edit is shown while the message may still stand on a lock screen.
const EDIT_NOTIFIED_WITHIN: TimeDelta = TimeDelta::minutes(15);

impl<'a> ChatMessage<'a> {
    pub(super) fn read(
        data: &Fields<'a>,
        action: MessageAction,
        recipient: Option<&Recipient>,
    ) -> Result<Self, FieldError> {
        let body = match action {
            MessageAction::Deleted => Cow::Borrowed(""),
            // Null is how some serializers write an empty text.
            MessageAction::Received | MessageAction::Edited if data.has("messageBody") => {
                data.text("messageBody")?.unwrap_or_default()
            }
            MessageAction::Received | MessageAction::Edited => data.required_text("messageBody")?,
        };
        // `Text`, `RichText/Html`, or what the thread wrote: `ThreadActivity/…`, `topicUpdated`.
        let format = data.text("type")?.unwrap_or_default();
        let is_html = format.as_bytes().windows(4).any(|part| part.eq_ignore_ascii_case(b"html"));
        let is_plain = ["", "text", "richtext"].iter().any(|plain| format.eq_ignore_ascii_case(plain));
        let all_metadata = data.object("metadata").ok().flatten();
        let metadata = |name: &str| member_text(all_metadata.as_ref(), name);
        let bot = metadata(bot::CONTENT_TYPE).and_then(|kind| BotContent::parse(&kind));
        let mut content = match bot {
            Some(BotContent::AdaptiveCard) => cards(&body),
            Some(BotContent::Event) => HtmlMessage::default(),
            None if is_html => html::read(&body),
            None => HtmlMessage::default(),
        };
        let is_read = is_html || bot.is_some();
        if let Some(files) = metadata("fileSharingMetadata") {
            content.attachments.extend(Attachment::shared_files(&files));
        }
        // Only an edit can come late.
        let time = |name| if action == MessageAction::Edited { time(data, name) } else { None };
        Ok(Self {
            action,
            control: !is_html && !is_plain,
            thread_id: data.required_text("threadId")?,
            message_id: data.required_text("messageId")?,
            version: data.value("version").and_then(Value::raw).and_then(version),
            sender: identifier(data, "senderCommunicationIdentifier", "senderId")?,
            sender_name: data.text("senderDisplayName").ok().flatten().unwrap_or_default(),
            body: if is_read { Cow::Owned(content.text) } else { body },
            attachments: content.attachments,
            mentions_recipient: recipient.is_some_and(|to| content.mentions.iter().any(|id| id == to.as_str())),
            for_programs: match bot {
                Some(BotContent::Event) => Some(IgnoreReason::BotEvent),
                _ if metadata("customEvent").is_some_and(|value| value.eq_ignore_ascii_case("true")) => {
                    Some(IgnoreReason::CustomEvent)
                }
                _ => None,
            },
            metadata: all_metadata,
            composed: time("composeTime"),
            edited: time("editTime"),
        })
    }

    /// The value that its app gave it under this name.
    pub fn metadata(&self, name: &str) -> Option<Cow<'a, str>> {
        member_text(self.metadata.as_ref(), name)
    }

    pub(super) fn ignore_reason(&self, event_time: Option<DateTime<Utc>>) -> Option<IgnoreReason> {
        match self.action {
            MessageAction::Deleted => None,
            _ if self.control => Some(IgnoreReason::ControlMessage),
            _ if self.for_programs.is_some() => self.for_programs,
            _ if self.body.trim().is_empty() && self.attachments.is_empty() => Some(IgnoreReason::EmptyBody),
            MessageAction::Edited => self.edited_late(event_time).then_some(IgnoreReason::LateEdit),
            MessageAction::Received => None,
        }
    }

    fn edited_late(&self, event_time: Option<DateTime<Utc>>) -> bool {
        let edited = self.edited.or(event_time);
        self.composed.zip(edited).is_some_and(|(composed, edited)| edited - composed > EDIT_NOTIFIED_WITHIN)
    }
}

/// A bot's cards. A body that is no JSON is a text.
fn cards(body: &str) -> HtmlMessage {
    let Some(text) = bot::text_of_cards(body) else {
        return HtmlMessage { text: body.to_owned(), ..HtmlMessage::default() };
    };
    HtmlMessage { text, attachments: vec![Attachment::new(AttachmentKind::Card, None)], ..HtmlMessage::default() }
}

/// The text of that name in an object.
fn member_text<'a>(object: Option<&Fields<'a>>, name: &str) -> Option<Cow<'a, str>> {
    object?.value(name).and_then(Value::raw).and_then(text_of)
}

/// A number, or a text that holds one.
fn version(raw: &RawValue) -> Option<i64> {
    let text = raw.get();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).parse().ok()
}

impl<'a> ThreadJoined<'a> {
    pub(super) fn read_created(data: &Fields<'a>) -> Result<Self, FieldError> {
        let initiator_id = identifier(data, "createdByCommunicationIdentifier", "createdBy")?;
        Ok(Self {
            thread_id: data.required_text("threadId")?,
            topic: topic(data)?,
            participant_id: None,
            initiator_name: name_among_members(data, initiator_id.as_deref())?.unwrap_or_default(),
            initiator_id,
        })
    }

    pub(super) fn read_added(data: &Fields<'a>) -> Result<Self, FieldError> {
        Ok(Self {
            thread_id: data.required_text("threadId")?,
            topic: Cow::Borrowed(""),
            participant_id: Some(member(data, "participantAdded", "memberAdded")?),
            initiator_id: identifier(data, "addedByCommunicationIdentifier", "addedBy")?,
            initiator_name: Cow::Borrowed(""),
        })
    }
}

impl<'a> ThreadLeft<'a> {
    pub(super) fn read_deleted(data: &Fields<'a>) -> Result<Self, FieldError> {
        let initiator_id = identifier(data, "deletedByCommunicationIdentifier", "deletedBy")?;
        Ok(Self { thread_id: data.required_text("threadId")?, participant_id: None, initiator_id })
    }

    pub(super) fn read_removed(data: &Fields<'a>) -> Result<Self, FieldError> {
        Ok(Self {
            thread_id: data.required_text("threadId")?,
            participant_id: Some(member(data, "participantRemoved", "memberRemoved")?),
            initiator_id: identifier(data, "removedByCommunicationIdentifier", "removedBy")?,
        })
    }
}

impl<'a> TopicChanged<'a> {
    pub(super) fn read(data: &Fields<'a>) -> Result<Self, FieldError> {
        let initiator_id = identifier(data, "editedByCommunicationIdentifier", "editedBy")?;
        Ok(Self { thread_id: data.required_text("threadId")?, topic: topic(data)?, initiator_id })
    }
}

fn topic<'a>(data: &Fields<'a>) -> Result<Cow<'a, str>, FieldError> {
    let properties = data.object("properties")?;
    Ok(properties.and_then(|properties| properties.text("topic").ok().flatten()).unwrap_or_default())
}

/// The raw id of a participant, under today's name of the member or that of 2020.
fn member<'a>(data: &Fields<'a>, today: &'static str, of_2020: &'static str) -> Result<Cow<'a, str>, FieldError> {
    let participant = match data.object(today)? {
        Some(participant) => participant,
        None => data.object(of_2020)?.ok_or_else(|| data.error(today, "is missing"))?,
    };
    let raw_id = identifier(&participant, "participantCommunicationIdentifier", "memberId")?;
    raw_id.ok_or_else(|| participant.error("participantCommunicationIdentifier", "has no rawId"))
}

/// The display name of `raw_id` among the thread's first members.
fn name_among_members<'a>(data: &Fields<'a>, raw_id: Option<&str>) -> Result<Option<Cow<'a, str>>, FieldError> {
    let Some(raw_id) = raw_id else { return Ok(None) };
    let members = match data.array("participants")? {
        Some(participants) => Some(participants),
        None => data.array("members")?,
    };
    for element in members.unwrap_or_default() {
        let member = Fields::parse(element, &["data", "participants"], &[])?;
        if identifier(&member, "participantCommunicationIdentifier", "memberId")?.as_deref() == Some(raw_id) {
            return Ok(member.text("displayName")?.and_then(not_placeholder));
        }
    }
    Ok(None)
}

impl fmt::Debug for ChatMessage<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("ChatMessage");
        debug.field("action", &self.action).field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for ThreadJoined<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ThreadJoined").field("thread_id", &self.thread_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for ThreadLeft<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ThreadLeft").field("thread_id", &self.thread_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for TopicChanged<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TopicChanged").field("thread_id", &self.thread_id).finish_non_exhaustive()
    }
}
