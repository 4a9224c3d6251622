//! A notifications file: TOML and its templates.

use std::sync::LazyLock;

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::{NOW, assert_one_line, assert_payload};
use crate::events::{Event, EventGridEvent, EventType, RawEvent};
use crate::notifications::device::{AndroidMode, ContentMode};
use crate::notifications::locale::Locale;
use crate::notifications::{Audience, Notification, Texts};
use crate::push::payload::{Payload, PayloadFormat};

/// An event of each kind that shows something.
static EVENTS: LazyLock<[(EventType, Box<RawValue>); 3]> = LazyLock::new(|| {
    let event = |data| to_raw_value(&json!({"id": "1", "type": "T", "data": data})).expect("JSON serializes");
    let message = json!({"messageId": "m", "threadId": "19:t@thread.v2", "recipientId": "8:acs:r", "senderDisplayName": "Ada \"A\" <b>",
        "messageBody": "Hello\n{{ text }}", "metadata": {"room": "7"}});
    let call = json!({"to": {"rawId": "8:acs:r"}, "from": {"rawId": "8:acs:s"}, "callerDisplayName": "Ada",
        "correlationId": "d732db64-4803-462d-be9c-518943ea2b7a"});
    [
        (EventType::SmsReceived, event(json!({"messageId": "m", "from": "15551", "to": "15552", "message": "Hello"}))),
        (EventType::ChatMessageReceived, event(message)),
        (EventType::IncomingCall, event(call)),
    ]
});

/// Each mistake has its line; without mistakes, whatever the file says gives payloads that can be sent.
pub fn check(data: &[u8]) {
    let Ok(file) = str::from_utf8(data) else { return };
    let texts = match Texts::new(Some(file)) {
        Ok(texts) => texts,
        Err(mistakes) => {
            assert!(!mistakes.is_empty() && mistakes.is_sorted(), "refused without a reason");
            for mistake in &mistakes {
                assert!((1..=file.matches('\n').count() + 1).contains(&mistake.line), "{mistake}");
                assert_one_line(&mistake.to_string());
            }
            return;
        }
    };
    for (event_type, raw) in &*EVENTS {
        let envelope = EventGridEvent::parse(RawEvent::Json(raw)).expect("it is an event");
        let event = Event::read(&envelope, *event_type).expect("it is complete");
        for locale in [None, Locale::parse("fr-CA")] {
            let language = texts.language(locale.as_ref());
            let audience = Audience { mode: ContentMode::Full, language, quiet: false, mutable: false };
            let notification = Notification::new(&event, &texts, audience, NOW);
            let modes = [AndroidMode::Notification, AndroidMode::Data].map(PayloadFormat::FcmAndroid);
            for format in modes.into_iter().chain([PayloadFormat::Apns, PayloadFormat::FcmIos]) {
                assert_payload(&Payload::new(&notification, format).expect("whatever is too large is cut"));
            }
        }
    }
}
