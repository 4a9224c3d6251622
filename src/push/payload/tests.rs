//! Whatever text comes, each payload keeps its limit and shows a beginning of it.

use proptest::prelude::*;
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::*;
use crate::events::{Event, EventGridEvent, EventType, RawEvent};
use crate::notifications::device::{AndroidMode, ContentMode};
use crate::notifications::{Audience, Language, Texts};

/// A text, in the few words in which a failure tells it.
#[derive(Debug, Clone)]
struct Repeated {
    pieces: Vec<String>,
    times: usize,
}

impl Repeated {
    fn text(&self) -> String {
        self.pieces.concat().repeat(self.times)
    }
}

/// Texts of pieces that are cut wrongly if they are cut at all.
fn texts() -> impl Strategy<Value = Repeated> {
    const PIECES: [&str; 22] = [
        "a",
        " ",
        "\"",
        "\\",
        "\n",
        "\u{0}",
        "\u{1f}",
        "é",
        "안",
        "한국어",
        "你好",
        "שלום",
        "\u{202e}",
        "e\u{301}\u{302}\u{303}",
        "👍🏽",
        "👨‍👩‍👧‍👦",
        "🏳️‍🌈",
        "🇫🇷",
        "\u{200d}",
        "{{ text }}",
        "</b>",
        "\u{10ffff}",
    ];
    let piece =
        prop_oneof![prop::sample::select(&PIECES[..]).prop_map(str::to_owned), any::<char>().prop_map(String::from)];
    (prop::collection::vec(piece, 1..40), prop_oneof![Just(1_usize), 1..200_usize, Just(1_000)])
        .prop_map(|(pieces, times)| Repeated { pieces, times })
}

/// The payload of a chat message for each form.
fn payloads(sender: &str, text: &str, texts: &Texts) -> Vec<(PayloadFormat, Value, usize)> {
    let event = serde_json::json!({"id": "1", "type": "T", "data": {
        "messageId": "m", "threadId": "19:t@thread.v2", "recipientId": "8:acs:r", "senderDisplayName": sender, "messageBody": text,
    }});
    let raw = serde_json::value::to_raw_value(&event).unwrap();
    let envelope = EventGridEvent::parse(RawEvent::Json(&raw)).unwrap();
    let event = Event::read(&envelope, EventType::ChatMessageReceived).unwrap();
    let audience = Audience { mode: ContentMode::Full, language: Language::default(), quiet: false, mutable: false };
    let notification = Notification::new(&event, texts, audience, chrono::DateTime::UNIX_EPOCH);
    let [shown, data] = [AndroidMode::Notification, AndroidMode::Data].map(PayloadFormat::FcmAndroid);
    let made = [PayloadFormat::Apns, shown, data, PayloadFormat::FcmIos].map(|format| {
        let payload = Payload::new(&notification, format).unwrap();
        // Reading it checks that it is UTF-8 and JSON.
        (format, serde_json::from_slice(&payload.body).unwrap(), payload.body.len())
    });
    made.into()
}

fn at<'a>(payload: &'a Value, format: PayloadFormat, names: [&str; 2]) -> Option<&'a Value> {
    let [apns, fcm] = names;
    payload.pointer(&match format {
        PayloadFormat::FcmAndroid(AndroidMode::Data) => format!("/message/data/{apns}"),
        PayloadFormat::Apns => format!("/aps/alert/{apns}"),
        PayloadFormat::FcmIos => format!("/message/apns/payload/aps/alert/{apns}"),
        PayloadFormat::FcmAndroid(AndroidMode::Notification) => format!("/message/{fcm}"),
    })
}

/// Without the characters that change the direction of text, which are balanced where it is shown.
fn without_directions(text: &str) -> String {
    text.replace(|character| matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), "")
}

/// Whether `shown` is `original`, or an ellipsis after a beginning of it that ends where a character does.
fn is_shown_of(shown: &str, original: &str) -> bool {
    let (shown, whole) = (without_directions(shown), without_directions(original));
    let at_a_border = |beginning: &str| {
        let mut length = 0;
        let borders = original.graphemes(true).map(|grapheme| {
            length += without_directions(grapheme).len();
            length
        });
        whole.starts_with(beginning) && [0].into_iter().chain(borders).any(|at| at == beginning.len())
    };
    shown == whole || shown.is_empty() || shown.strip_suffix('…').is_some_and(at_a_border)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_shown_from_its_beginning_within_the_limit(sender in texts(), text in texts()) {
        let (sender, text) = (sender.text(), text.text());
        let texts = Texts::new(None).unwrap();
        for (format, payload, length) in payloads(&sender, &text, &texts) {
            prop_assert!(length <= MAX_PAYLOAD_BYTES, "{format:?}: {length}");
            let text_at = |names| at(&payload, format, names).and_then(Value::as_str).unwrap_or_default().to_owned();
            let title = text_at(["title", "notification/title"]);
            prop_assert!(is_shown_of(&title, &sender) || title == "New message", "{format:?}");
            let body = text_at(["body", "notification/body"]);
            prop_assert!(is_shown_of(&body, &text) || text.trim().is_empty(), "{format:?}");
            // Nothing is cut that would have fitted.
            let is_whole = |shown: &str, original: &str| without_directions(shown) == without_directions(original);
            let is_cut = |shown: &str| without_directions(shown).ends_with('…');
            let cut = is_cut(&title) || is_cut(&body) || body.is_empty();
            let whole = is_whole(&title, &sender) && is_whole(&body, &text);
            prop_assert!(cut || title == "New message" || whole || text.trim().is_empty());
        }
    }

    #[test]
    fn what_the_app_puts_into_its_own_sentence_is_cut_as_well(sender in texts(), text in texts()) {
        let (sender, text) = (sender.text(), text.text());
        let file = "[ChatMessageReceived]\ntitle_loc_key = 'T'\ntitle_loc_args = ['{{ sender }}']\nloc_key = 'B'
            loc_args = ['{{ sender }}', '{{ text }}']\ndata = { preview = '{{ text }}', screen = 'chat' }";
        let texts = Texts::new(Some(file)).unwrap();
        for (format, payload, length) in payloads(&sender, &text, &texts) {
            prop_assert!(length <= MAX_PAYLOAD_BYTES, "{format:?}: {length}");
            let args = |names| at(&payload, format, names).unwrap().as_array().unwrap().clone();
            let arg = |name: &str| payload["message"]["data"][name].clone();
            let (title, body) = match format {
                PayloadFormat::FcmAndroid(AndroidMode::Data) => {
                    (vec![arg("titleLocArg1")], vec![arg("bodyLocArg1"), arg("bodyLocArg2")])
                }
                PayloadFormat::Apns | PayloadFormat::FcmAndroid(AndroidMode::Notification) | PayloadFormat::FcmIos => (
                    args(["title-loc-args", "android/notification/title_loc_args"]),
                    args(["loc-args", "android/notification/body_loc_args"]),
                ),
            };
            prop_assert_eq!((title.len(), body.len()), (1, 2));
            let blank = |text: &str| text.trim().is_empty();
            prop_assert!(is_shown_of(title[0].as_str().unwrap(), &sender) || blank(&sender));
            prop_assert!(is_shown_of(body[1].as_str().unwrap(), &text) || blank(&text));
            let data = if format == PayloadFormat::Apns { &payload } else { &payload["message"]["data"] };
            prop_assert_eq!(&data["screen"], "chat");
            prop_assert!(data.get("preview").is_none_or(|shown| is_shown_of(shown.as_str().unwrap(), &text)));
        }
    }
}
