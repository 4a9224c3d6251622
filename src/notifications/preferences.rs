//! What the user of a device wants to hear of, and when: what is left out there, and what is quiet.

use chrono::{DateTime, Utc};

use crate::events::chat::MessageAction;
use crate::events::{Event, EventData};

mod quiet_hours;

pub use quiet_hours::{QuietHours, QuietWindow, TimeZone};

/// What the user of a device wants. `Debug` leaves it out: a schedule is personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Which chat messages are shown.
    pub notify: Notify,
    /// Whether calls come.
    pub calls: bool,
    /// Chat threads of which nothing is shown.
    pub muted_threads: Vec<MutedThread>,
    /// Until when everything but calls is quiet.
    pub snooze_until: Option<DateTime<Utc>>,
    /// At which hours everything but calls is quiet.
    pub quiet_hours: Option<QuietHours>,
    /// Whether the app may change every alert before it is shown.
    pub mutable: bool,
}

/// Which chat messages are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// All.
    All,
    /// Those that mention the user.
    Mentions,
    /// None.
    None,
}

/// A chat thread of which nothing is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct MutedThread {
    /// The thread.
    pub id: String,
    /// Until when; `None` is for good.
    pub until: Option<DateTime<Utc>>,
}

/// Why a device gets nothing of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// The thread is muted.
    Muted,
    /// `notify` leaves it out.
    Notify,
    /// Calls are switched off.
    CallsOff,
}

impl Preferences {
    /// Why the device gets nothing of the event, if that is so.
    pub fn left_out(&self, event: &Event<'_>, now: DateTime<Utc>) -> Option<LeftOut> {
        match &event.data {
            EventData::IncomingCall(_) => (!self.calls).then_some(LeftOut::CallsOff),
            EventData::ChatMessage(message) => match message.action {
                MessageAction::Received | MessageAction::Edited => {
                    self.chat_left_out(&message.thread_id, message.mentions_recipient, now)
                }
                // It shows nothing, and what was shown before has to go.
                MessageAction::Deleted => None,
            },
            EventData::ThreadJoined(joined) => self.chat_left_out(&joined.thread_id, false, now),
            EventData::ThreadLeft(_) | EventData::TopicChanged(_) => None,
            EventData::Sms(_) | EventData::SmsDeliveryReport(_) => None,
        }
    }

    /// Whether the event is shown without a sound. The one place that decides it.
    pub fn is_quiet(&self, event: &Event<'_>, now: DateTime<Utc>) -> bool {
        let is_call = matches!(event.data, EventData::IncomingCall(_));
        let is_snoozed = || self.snooze_until.is_some_and(|until| now < until);
        let is_quiet_hour = || self.quiet_hours.as_ref().is_some_and(|hours| hours.contain(now));
        !is_call && (is_snoozed() || is_quiet_hour())
    }

    fn chat_left_out(&self, thread_id: &str, mentions_user: bool, now: DateTime<Utc>) -> Option<LeftOut> {
        if self.muted_threads.iter().any(|muted| muted.id == thread_id && muted.until.is_none_or(|until| now < until)) {
            return Some(LeftOut::Muted);
        }
        let is_wanted = match self.notify {
            Notify::All => true,
            Notify::Mentions => mentions_user,
            Notify::None => false,
        };
        (!is_wanted).then_some(LeftOut::Notify)
    }
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            notify: Notify::All,
            calls: true,
            muted_threads: Vec::new(),
            snooze_until: None,
            quiet_hours: None,
            mutable: false,
        }
    }
}

impl std::fmt::Debug for Preferences {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Preferences(redacted)")
    }
}

impl std::fmt::Debug for MutedThread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MutedThread(redacted)")
    }
}
