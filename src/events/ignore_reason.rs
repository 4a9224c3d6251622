//! Why an event needs no notification, as far as the event itself tells.

/// Why an event needs no notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgnoreReason {
    /// The message has neither text nor anything else to see.
    EmptyBody,
    /// A bot's event, which is for programs.
    BotEvent,
    /// An event of a contact centre's app, which is for programs.
    CustomEvent,
    /// The delivery report tells of a success.
    NotFailed,
    /// Somebody else joined or left the thread.
    SomebodyElse,
    /// The call is to a phone number.
    CallToNumber,
    /// The thread wrote the message, not a person.
    ControlMessage,
    /// The edit came too late to be shown.
    LateEdit,
}
