//! The names of event types, those of 2020 included, and how long each is worth a push.
//! <https://learn.microsoft.com/azure/event-grid/event-schema-communication-services>

use chrono::TimeDelta;

/// The event types that a push can come of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A text message came in.
    SmsReceived,
    /// A chat message of somebody else.
    ChatMessageReceived,
    /// It was edited.
    ChatMessageEdited,
    /// It was deleted.
    ChatMessageDeleted,
    /// A chat thread was created with the recipient in it.
    ChatThreadCreatedWithUser,
    /// Somebody was added to one of the recipient's threads.
    ChatParticipantAddedToThreadWithUser,
    /// Somebody was removed from one.
    ChatParticipantRemovedFromThreadWithUser,
    /// One of them was deleted.
    ChatThreadWithUserDeleted,
    /// Somebody calls.
    IncomingCall,
}

/// What the name of an event type says about a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeName {
    /// A push can come of it.
    Pushed(EventType),
    /// A push could come of it, but does not unless switched on.
    SwitchedOff,
    /// No push ever comes of it: thread-level copies, call progress, foreign and unknown types.
    Unpushed,
}

const ACS: &str = "Microsoft.Communication.";

impl EventType {
    /// Reads the full name of a type; the names of 2020 mean what they were renamed to.
    pub fn named(name: &str) -> TypeName {
        let Some((namespace, short)) = name.split_at_checked(ACS.len()) else { return TypeName::Unpushed };
        if !namespace.eq_ignore_ascii_case(ACS) {
            return TypeName::Unpushed;
        }
        match short {
            "SMSReceived" => TypeName::Pushed(Self::SmsReceived),
            "ChatMessageReceived" => TypeName::Pushed(Self::ChatMessageReceived),
            "ChatMessageEdited" => TypeName::Pushed(Self::ChatMessageEdited),
            "ChatMessageDeleted" => TypeName::Pushed(Self::ChatMessageDeleted),
            "ChatThreadCreatedWithUser" => TypeName::Pushed(Self::ChatThreadCreatedWithUser),
            "ChatParticipantAddedToThreadWithUser" | "ChatMemberAddedToThreadWithUser" => {
                TypeName::Pushed(Self::ChatParticipantAddedToThreadWithUser)
            }
            "ChatParticipantRemovedFromThreadWithUser" | "ChatMemberRemovedFromThreadWithUser" => {
                TypeName::Pushed(Self::ChatParticipantRemovedFromThreadWithUser)
            }
            "ChatThreadWithUserDeleted" => TypeName::Pushed(Self::ChatThreadWithUserDeleted),
            "IncomingCall" => TypeName::Pushed(Self::IncomingCall),
            "SMSDeliveryReportReceived" | "ChatThreadPropertiesUpdatedPerUser" => TypeName::SwitchedOff,
            _ => TypeName::Unpushed,
        }
    }

    /// How long a push about it is worth something, counted from the event's time.
    pub fn time_to_live(self) -> TimeDelta {
        match self {
            Self::IncomingCall => TimeDelta::seconds(30),
            Self::SmsReceived
            | Self::ChatMessageReceived
            | Self::ChatMessageEdited
            | Self::ChatMessageDeleted
            | Self::ChatThreadCreatedWithUser
            | Self::ChatParticipantAddedToThreadWithUser
            | Self::ChatParticipantRemovedFromThreadWithUser
            | Self::ChatThreadWithUserDeleted => TimeDelta::hours(4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_types_keep_their_meaning_and_foreign_ones_have_none() {
        let added = TypeName::Pushed(EventType::ChatParticipantAddedToThreadWithUser);
        assert_eq!(EventType::named("Microsoft.Communication.ChatMemberAddedToThreadWithUser"), added);
        assert_eq!(EventType::named("Microsoft.Communication.ChatParticipantAddedToThreadWithUser"), added);
        for name in [
            "SMSReceived",
            "Contoso.Communication.X.SMSReceived",
            "Microsoft.Communication.ChatMessageReceivedInThread",
        ] {
            assert_eq!(EventType::named(name), TypeName::Unpushed, "{name}");
        }
    }
}
