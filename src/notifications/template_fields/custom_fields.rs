//! Values that an app puts into its own events: templates see those that the notifications file names, and no others.

use std::borrow::Cow;

use crate::events::{Event, EventData, EventType};

/// Where an app puts values of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CustomSource {
    /// `metadata` of a chat message.
    Metadata,
    /// `customContext` of a call: what came as headers.
    CustomContext,
}

/// One value that the notifications file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// Where it stands.
    pub source: CustomSource,
    /// Its name there.
    pub member: String,
    /// What a template calls it, such as `metadata.department`.
    pub name: String,
}

impl CustomSource {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Metadata, Self::CustomContext];

    /// The name in the notifications file, and in templates.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::CustomContext => "custom_context",
        }
    }

    /// The one that events of this type have.
    pub fn of(event_type: EventType) -> Option<Self> {
        match event_type {
            EventType::ChatMessageReceived | EventType::ChatMessageEdited => Some(Self::Metadata),
            EventType::IncomingCall => Some(Self::CustomContext),
            EventType::SmsReceived
            | EventType::SmsDeliveryReportReceived
            | EventType::ChatMessageDeleted
            | EventType::ChatThreadCreatedWithUser
            | EventType::ChatParticipantAddedToThreadWithUser
            | EventType::ChatParticipantRemovedFromThreadWithUser
            | EventType::ChatThreadWithUserDeleted
            | EventType::ChatThreadPropertiesUpdatedPerUser => None,
        }
    }
}

impl CustomField {
    /// The field that templates call so, with `_` in place of each `-`, which is a minus sign there.
    pub fn new(source: CustomSource, member: &str) -> Self {
        let name = format!("{}.{}", source.name(), member.replace('-', "_"));
        Self { source, member: member.to_owned(), name }
    }

    /// Whether events of this type have it.
    pub fn is_of(&self, event_type: EventType) -> bool {
        CustomSource::of(event_type) == Some(self.source)
    }

    /// What the event says.
    pub fn value<'a>(&self, event: &'a Event<'a>) -> Cow<'a, str> {
        let value = match (self.source, &event.data) {
            (CustomSource::Metadata, EventData::ChatMessage(message)) => message.metadata(&self.member),
            (CustomSource::CustomContext, EventData::IncomingCall(call)) => call.custom_header(&self.member),
            _ => None,
        };
        value.unwrap_or_default()
    }
}
