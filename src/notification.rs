//! What a person should see of an event. Knows no platform and no JSON.

use std::borrow::Cow;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::device::ContentMode;
use crate::event::call::IncomingCall;
use crate::event::chat::MessageAction;
use crate::event::{Event, Happening};

mod texts;

use texts::Texts;

/// One notification for every device that shows the same amount of content.
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
    /// Until when it is worth showing.
    pub expiry: Expiry,
    /// What should happen on the phone.
    pub effect: Effect<'a>,
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
    /// Ring.
    Ring(Call<'a>),
}

/// Texts on a lock screen. `Debug` leaves them out.
pub struct Alert<'a> {
    /// Who, as a rule.
    pub title: Cow<'a, str>,
    /// What; may be empty.
    pub body: Cow<'a, str>,
    /// How much it may disturb.
    pub urgency: Urgency,
    /// Whether the app may put its own text in place of this one before it is shown.
    pub mutable: bool,
}

/// How much a notification may disturb.
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
    /// What the Calling SDK needs to take it; `None` when the event does not hold that.
    pub context: Option<CallContext<'a>>,
    /// The caller's name; empty when it is to be hidden.
    pub display_name: &'a str,
    /// Shown where the call itself cannot be handed over.
    pub alert: Alert<'a>,
}

/// What the ACS Calling SDK takes a call by.
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

/// When a notification stops being worth showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The moment.
    pub at: DateTime<Utc>,
    /// What is left until then; zero when it is over.
    pub remaining: Duration,
}

impl Expiry {
    /// `lifetime` after the event's own time, or after `now` where that is unknown.
    pub fn new(event_time: Option<DateTime<Utc>>, lifetime: TimeDelta, now: DateTime<Utc>) -> Self {
        // An event from a clock ahead of ours does not live longer for it.
        let at = event_time.map_or(now, |time| time.min(now)) + lifetime;
        Self { at, remaining: (at - now).to_std().unwrap_or_default() }
    }
}

impl<'a> Notification<'a> {
    /// What is shown of the event where `mode` is allowed. The event is for a recipient, and worth a push.
    pub fn new(event: &'a Event<'a>, mode: ContentMode, now: DateTime<Utc>) -> Self {
        let expiry = Expiry::new(event.time, event.event_type.time_to_live(), now);
        let Texts { title, body } = texts::of(event, mode);
        let alert = |urgency| Alert { title, body, urgency, mutable: mode == ContentMode::Hidden };
        match &event.happening {
            Happening::Sms(sms) => Self {
                id: id("", &sms.message_id),
                thread_id: None,
                message_id: Some(&sms.message_id),
                group: Some(texts::sms_group(sms, mode)),
                expiry,
                effect: Effect::Show(alert(Urgency::Active)),
            },
            Happening::ChatMessage(message) => Self {
                id: id(&message.thread_id, &message.message_id),
                thread_id: Some(&message.thread_id),
                message_id: Some(&message.message_id),
                group: Some(Cow::Borrowed(&message.thread_id)),
                expiry,
                effect: match message.action {
                    MessageAction::Received => Effect::Show(alert(Urgency::Active)),
                    MessageAction::Edited => Effect::Edit(alert(Urgency::Passive)),
                    MessageAction::Deleted => Effect::Remove,
                },
            },
            Happening::ThreadJoined(joined) => {
                Self { effect: Effect::Show(alert(Urgency::Active)), ..Self::about_thread(&joined.thread_id, expiry) }
            }
            Happening::ThreadLost(lost) => Self::about_thread(&lost.thread_id, expiry),
            Happening::IncomingCall(call) => Self {
                id: id("", &call.correlation_id),
                thread_id: None,
                message_id: None,
                group: None,
                expiry,
                effect: Effect::Ring(Call {
                    context: call_context(call),
                    display_name: if mode == ContentMode::Hidden { "" } else { &call.caller_name },
                    alert: alert(Urgency::TimeSensitive),
                }),
            },
        }
    }

    /// About the thread itself rather than a message in it; withdraws it unless told otherwise.
    fn about_thread(thread_id: &'a str, expiry: Expiry) -> Self {
        Self {
            id: id(thread_id, ""),
            thread_id: Some(thread_id),
            message_id: None,
            group: Some(Cow::Borrowed(thread_id)),
            expiry,
            effect: Effect::RemoveThread,
        }
    }
}

/// What the Calling SDK can take the call by. Anything less crashes the app that is woken by it.
fn call_context<'a>(call: &'a IncomingCall<'a>) -> Option<CallContext<'a>> {
    let complete = call.has_uuid() && !call.caller.is_empty();
    Some(CallContext {
        event_id: if call.from_number { 111 } else { 107 },
        cp: call.calling_context.as_deref()?,
        call_id: complete.then_some(&call.correlation_id)?,
        recipient_id: call.callee.as_deref()?,
        caller_id: &call.caller,
    })
}

/// Differs for any two pairs, and is short enough for `apns-collapse-id`, which takes 64 bytes.
fn id(thread_id: &str, message_id: &str) -> String {
    let mut hash = Sha256::new();
    hash.update((thread_id.len() as u64).to_be_bytes());
    hash.update(thread_id);
    hash.update(message_id);
    BASE64_URL_SAFE_NO_PAD.encode(hash.finalize())
}

impl std::fmt::Debug for Alert<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Alert").field("urgency", &self.urgency).finish_non_exhaustive()
    }
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

    #[test]
    fn a_lifetime_counts_from_the_event_and_never_exceeds_itself() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let lifetime = TimeDelta::seconds(30);
        let remaining = |time| Expiry::new(time, lifetime, now).remaining.as_secs();
        assert_eq!(remaining(Some(now - TimeDelta::seconds(10))), 20);
        assert_eq!(remaining(Some(now - TimeDelta::days(1))), 0);
        assert_eq!(remaining(Some(now + TimeDelta::days(1))), 30);
        assert_eq!(remaining(None), 30);
    }
}
