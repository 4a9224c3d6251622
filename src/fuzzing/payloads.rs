//! An event of either schema, from its JSON to the payloads of every kind of device.

use std::sync::LazyLock;

use serde_json::value::RawValue;

use super::{NOW, assert_payload};
use crate::events::{Event, EventData, EventGridEvent, EventType, RawEvent};
use crate::notifications::device::{AndroidMode, ContentMode};
use crate::notifications::{Audience, Language, Notification, Texts};
use crate::push::payload::{Payload, PayloadFormat};

/// A text that stands in one place of an event, where only the content mode `full` may show it.
const TEXT: &str = "planted-text";

/// What a smaller event has beside its texts fits into every payload.
const FITS: usize = 600;

static TEXTS: LazyLock<[Texts; 2]> = LazyLock::new(|| {
    let own = "[ChatMessageReceived]\ntitle_loc_key = 'T'\ntitle_loc_args = ['{{ sender }}']\nloc_key = 'B'
        loc_args = ['{{ sender }}', '{{ text }}']\ndata = { preview = '{{ text }}' }
        [SMSReceived]\nandroid = 'data'\ncontent = 'sender'";
    [None, Some(own)].map(|file| Texts::new(file).expect("the file has no mistakes"))
});

/// The event in `data`, or the only one of an array.
pub fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let alone = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let Ok(raw) = serde_json::from_str::<&RawValue>(alone) else { return };
    let Ok(envelope) = EventGridEvent::parse(RawEvent::Json(raw)) else { return };
    let Some(event_type) = EventType::from_full_name(&envelope.type_name) else { return };
    let Ok(event) = Event::read(&envelope, event_type) else { return };
    if event.ignore_reason().is_some() {
        return;
    }
    for texts in &*TEXTS {
        for mode in [ContentMode::Full, ContentMode::Sender, ContentMode::Hidden] {
            let audience =
                Audience { mode, language: Language::default(), quiet: data.len().is_multiple_of(2), mutable: false };
            let notification = Notification::new(&event, texts, audience, event.time.unwrap_or(NOW));
            for payload in payloads(&notification, raw.get().len() > FITS) {
                assert_payload(&payload);
                let is_planted = mode != ContentMode::Full && is_text(&event, TEXT) && alone.matches(TEXT).count() == 1;
                let shows = is_planted && String::from_utf8_lossy(&payload.body).contains(TEXT);
                assert!(!shows, "the content mode {} shows the text", mode.name());
            }
        }
    }
}

/// What each kind of device gets. Only a large event may be too large for one of them.
fn payloads(notification: &Notification<'_>, may_be_too_large: bool) -> Vec<Payload> {
    let [shown, data] = [AndroidMode::Notification, AndroidMode::Data].map(PayloadFormat::FcmAndroid);
    let mut payloads = Vec::new();
    for format in [PayloadFormat::Apns, shown, data, PayloadFormat::FcmIos] {
        let payload = Payload::new(notification, format);
        assert!(may_be_too_large || payload.is_ok(), "a small event is too large for {format:?}");
        payloads.extend(payload.ok().into_iter().chain(Payload::call(notification, format)));
    }
    payloads
}

fn is_text(event: &Event<'_>, text: &str) -> bool {
    match &event.data {
        EventData::Sms(sms) => sms.text.contains(text),
        EventData::ChatMessage(message) => message.body.contains(text),
        EventData::SmsDeliveryReport(_)
        | EventData::ThreadJoined(_)
        | EventData::ThreadLeft(_)
        | EventData::TopicChanged(_)
        | EventData::IncomingCall(_) => false,
    }
}
