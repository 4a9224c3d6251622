//! The names of the event types that can be pushed, including those of 2020.
//! <https://learn.microsoft.com/azure/event-grid/event-schema-communication-services>

/// The event types that can be pushed. Thread-level copies, call progress and unknown types are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// An SMS was received.
    SmsReceived,
    /// The delivery report of an SMS that was sent.
    SmsDeliveryReportReceived,
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
    /// The topic of one of them changed.
    ChatThreadPropertiesUpdatedPerUser,
    /// An incoming call.
    IncomingCall,
}

const ACS: &str = "Microsoft.Communication.";

/// Names of 2020, and what they were renamed to.
const RENAMED: [(&str, &str); 2] = [
    ("ChatMemberAddedToThreadWithUser", "ChatParticipantAddedToThreadWithUser"),
    ("ChatMemberRemovedFromThreadWithUser", "ChatParticipantRemovedFromThreadWithUser"),
];

impl EventType {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 11] = [
        Self::SmsReceived,
        Self::SmsDeliveryReportReceived,
        Self::ChatMessageReceived,
        Self::ChatMessageEdited,
        Self::ChatMessageDeleted,
        Self::ChatThreadCreatedWithUser,
        Self::ChatParticipantAddedToThreadWithUser,
        Self::ChatParticipantRemovedFromThreadWithUser,
        Self::ChatThreadWithUserDeleted,
        Self::ChatThreadPropertiesUpdatedPerUser,
        Self::IncomingCall,
    ];

    /// Reads the full name of a type; the names of 2020 mean what they were renamed to. `None` for one that no push ever
    /// comes of.
    pub fn from_full_name(name: &str) -> Option<Self> {
        let (namespace, short) = name.split_at_checked(ACS.len())?;
        if !namespace.eq_ignore_ascii_case(ACS) {
            return None;
        }
        let short = RENAMED.iter().find(|(old, _)| *old == short).map_or(short, |(_, today)| today);
        Self::ALL.into_iter().find(|event_type| event_type.name() == short)
    }

    /// Whether a full name is one of 2020 that Azure does not send any more.
    pub fn is_renamed(name: &str) -> bool {
        RENAMED.iter().any(|(old, _)| old.eq_ignore_ascii_case(Self::short(name)))
    }

    /// A full name without `Microsoft.Communication.`.
    pub fn short(name: &str) -> &str {
        name.strip_prefix(ACS).unwrap_or(name)
    }

    /// Its name as Event Grid knows it.
    pub fn full_name(self) -> String {
        format!("{ACS}{}", self.name())
    }

    /// How Communication Services begins the subjects of its events.
    pub fn subject_start(self) -> &'static str {
        match self {
            Self::SmsReceived | Self::SmsDeliveryReportReceived => "/phonenumber/",
            Self::ChatMessageReceived
            | Self::ChatMessageEdited
            | Self::ChatMessageDeleted
            | Self::ChatThreadCreatedWithUser
            | Self::ChatParticipantAddedToThreadWithUser
            | Self::ChatParticipantRemovedFromThreadWithUser
            | Self::ChatThreadWithUserDeleted
            | Self::ChatThreadPropertiesUpdatedPerUser => "thread/",
            Self::IncomingCall => "/caller/",
        }
    }

    /// Its name without `Microsoft.Communication.`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SmsReceived => "SMSReceived",
            Self::SmsDeliveryReportReceived => "SMSDeliveryReportReceived",
            Self::ChatMessageReceived => "ChatMessageReceived",
            Self::ChatMessageEdited => "ChatMessageEdited",
            Self::ChatMessageDeleted => "ChatMessageDeleted",
            Self::ChatThreadCreatedWithUser => "ChatThreadCreatedWithUser",
            Self::ChatParticipantAddedToThreadWithUser => "ChatParticipantAddedToThreadWithUser",
            Self::ChatParticipantRemovedFromThreadWithUser => "ChatParticipantRemovedFromThreadWithUser",
            Self::ChatThreadWithUserDeleted => "ChatThreadWithUserDeleted",
            Self::ChatThreadPropertiesUpdatedPerUser => "ChatThreadPropertiesUpdatedPerUser",
            Self::IncomingCall => "IncomingCall",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_types_keep_their_meaning_and_foreign_ones_have_none() {
        let added = Some(EventType::ChatParticipantAddedToThreadWithUser);
        assert_eq!(EventType::from_full_name("Microsoft.Communication.ChatMemberAddedToThreadWithUser"), added);
        assert_eq!(EventType::from_full_name("microsoft.communication.ChatParticipantAddedToThreadWithUser"), added);
        for name in [
            "SMSReceived",
            "Contoso.Communication.X.SMSReceived",
            "Microsoft.Communication.ChatMessageReceivedInThread",
        ] {
            assert_eq!(EventType::from_full_name(name), None, "{name}");
        }
    }
}
