//! The sentences on a lock screen: who and what, as far as the content mode allows.

use std::borrow::Cow;

use crate::device::ContentMode;
use crate::event::call::IncomingCall;
use crate::event::chat::ThreadJoined;
use crate::event::sms::Sms;
use crate::event::{Event, Happening};
use crate::recipient::PhoneNumber;

/// Title and body of an alert.
pub struct Texts<'a> {
    pub title: Cow<'a, str>,
    pub body: Cow<'a, str>,
}

const NEW_MESSAGE: &str = "New message";
const INCOMING_CALL: &str = "Incoming call";
const ADDED: &str = "You were added to a chat";

/// The texts for an event; empty for one that shows nothing.
pub fn of<'a>(event: &'a Event<'a>, mode: ContentMode) -> Texts<'a> {
    match &event.happening {
        Happening::Sms(sms) => message(number(&sms.from), Cow::Borrowed(&*sms.text), mode),
        Happening::ChatMessage(chat) => message(Cow::Borrowed(&*chat.sender_name), Cow::Borrowed(&*chat.body), mode),
        Happening::ThreadJoined(joined) => added(joined, mode),
        Happening::ThreadLost(_) => Texts::new("", ""),
        Happening::IncomingCall(call) => calling(call, mode),
    }
}

/// What stacks the messages of one conversation: both numbers, which nobody sees, or nothing of them when hidden.
pub fn sms_group<'a>(sms: &Sms<'_>, mode: ContentMode) -> Cow<'a, str> {
    match mode {
        ContentMode::Full | ContentMode::Sender => {
            let to = sms.to.as_ref().map_or("", PhoneNumber::as_str);
            Cow::Owned(format!("sms:{to}:{}", sms.from.trim_start_matches('+')))
        }
        ContentMode::Hidden => Cow::Borrowed("sms"),
    }
}

fn message<'a>(sender: Cow<'a, str>, text: Cow<'a, str>, mode: ContentMode) -> Texts<'a> {
    let known = !sender.trim().is_empty();
    match mode {
        ContentMode::Full if known => Texts { title: sender, body: text },
        ContentMode::Full => Texts { title: Cow::Borrowed(NEW_MESSAGE), body: text },
        ContentMode::Sender if known => Texts { title: sender, body: Cow::Borrowed(NEW_MESSAGE) },
        ContentMode::Sender | ContentMode::Hidden => Texts::new(NEW_MESSAGE, ""),
    }
}

fn added<'a>(joined: &'a ThreadJoined<'_>, mode: ContentMode) -> Texts<'a> {
    let by: &str = if joined.by_name.is_empty() { "New chat" } else { &joined.by_name };
    match mode {
        ContentMode::Full if !joined.topic.trim().is_empty() => {
            Texts { title: Cow::Borrowed(by), body: Cow::Owned(format!("You were added to {}", joined.topic)) }
        }
        ContentMode::Full | ContentMode::Sender => Texts::new(by, ADDED),
        ContentMode::Hidden => Texts::new("New chat", ADDED),
    }
}

fn calling<'a>(call: &'a IncomingCall<'_>, mode: ContentMode) -> Texts<'a> {
    let name: Cow<'a, str> = match call.caller.strip_prefix("4:").filter(|_| call.caller_name.trim().is_empty()) {
        Some(caller) => number(caller),
        None => Cow::Borrowed(&*call.caller_name),
    };
    match mode {
        ContentMode::Full | ContentMode::Sender if !name.trim().is_empty() => {
            Texts { title: name, body: Cow::Borrowed(INCOMING_CALL) }
        }
        ContentMode::Full | ContentMode::Sender | ContentMode::Hidden => Texts::new(INCOMING_CALL, ""),
    }
}

/// A number as people write it: with a `+` when it has a country's length. Short codes and sender ids as they are.
fn number(from: &str) -> Cow<'_, str> {
    let international = from.len() > 7 && from.bytes().all(|byte| byte.is_ascii_digit());
    if international { Cow::Owned(format!("+{from}")) } else { Cow::Borrowed(from) }
}

impl<'a> Texts<'a> {
    fn new(title: &'a str, body: &'a str) -> Self {
        Self { title: Cow::Borrowed(title), body: Cow::Borrowed(body) }
    }
}
