//! Versions of a chat message: once a newer version was handled, an older one is a duplicate.

use super::code::Code;
use crate::events::chat::MessageAction;
use crate::events::recipient::Recipient;
use crate::events::{Event, EventData};
use crate::storage::ledger::{MessageKey, MessageVersion};

/// The chat message that an event is about, as its recipient sees it.
#[derive(Debug)]
pub struct ChatMessageUpdate<'a> {
    /// Its key in the ledger.
    pub key: MessageKey<'a>,
    /// The version that the event brings.
    pub version: MessageVersion,
    /// Whether it is an edit or the deletion.
    pub is_change: bool,
}

impl<'a> ChatMessageUpdate<'a> {
    /// `None` for an event about something else.
    pub fn of(event: &'a Event<'_>) -> Option<Self> {
        let (EventData::ChatMessage(message), Some(Recipient::User(user))) = (&event.data, &event.recipient) else {
            return None;
        };
        let deleted = message.action == MessageAction::Deleted;
        Some(Self {
            key: MessageKey::new(&message.thread_id, &message.message_id, user.as_str()),
            version: MessageVersion { deleted, version: message.version },
            is_change: message.action != MessageAction::Received,
        })
    }

    /// Why this version is a duplicate after `handled`, if it is one.
    pub fn superseded_by(&self, handled: Option<MessageVersion>) -> Option<Code> {
        let handled = handled.filter(|handled| self.version.is_superseded_by(*handled))?;
        Some(if handled.deleted { Code::MessageDeleted } else { Code::VersionHandled })
    }
}
