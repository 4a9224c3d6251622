//! What a visitor of the page can post: the sample events once more, all for one person who holds both phones, with the
//! emulator's placeholders where something has to be new each time.

use notification_hubs_emulator::Sample as Offer;
use serde_json::{Value, json};

use crate::samples::{Sample, is_uuid};

const USER: &str = "8:acs:demo-user";
const NUMBER: &str = "14255550123";
/// One for all, so that edits, deletions and the end of a thread meet the messages that they are about.
const THREAD: &str = "19:demo@thread.v2";

/// Those that tell the story, in this order: folder, file, name, what to expect.
const STORY: [(&str, &str, &str, &str); 5] = [
    ("seed", "SMSReceived", "SMS", "Both phones show the number and the text."),
    ("seed", "ChatMessageReceived", "Chat message", "Both phones show who wrote and what, grouped by thread."),
    (
        "seed",
        "ChatMessageEdited",
        "Edit of the last chat message",
        "iOS replaces the message without a sound; on Android the app does.",
    ),
    ("seed", "ChatMessageDeleted", "Deletion of the last chat message", "Both phones withdraw the message."),
    (
        "constructed",
        "IncomingCall.jwt-context",
        "Incoming call",
        "Both phones ring: a VoIP push on iOS, a data message on Android. Enter accepts, Escape declines.",
    ),
];

/// The person whom all of them are for, as members of an installation.
pub fn person() -> Value {
    json!({ "userId": USER, "phoneNumbers": [NUMBER] })
}

/// The story, then all others.
pub fn of(samples: &[Sample]) -> Vec<Offer> {
    let is =
        |sample: &Sample, (folder, file, ..): (&str, &str, &str, &str)| sample.folder == folder && sample.file == file;
    let story = STORY.into_iter().filter_map(|told| {
        let sample = samples.iter().find(|sample| is(sample, told))?;
        Some(offer(sample, told.2.to_owned(), told.3.to_owned()))
    });
    let others = samples.iter().filter(|sample| !STORY.into_iter().any(|told| is(sample, told))).map(|sample| {
        let name = format!("{} ({})", sample.file, sample.folder);
        let schema = if sample.is_cloud_event() { "CloudEvents" } else { "Event Grid" };
        offer(sample, name, format!("{} in the {schema} schema.", sample.short_type()))
    });
    story.chain(others).collect()
}

fn offer(sample: &Sample, name: String, description: String) -> Offer {
    let mut event = sample.readdressed(USER, NUMBER);
    let is_change =
        ["Edited", "Deleted"].iter().any(|change| sample.short_type().starts_with(&format!("ChatMessage{change}")));
    let is_chat = sample.short_type().starts_with("ChatMessage");
    let message = match (is_chat, is_change) {
        (true, true) => "{{last message}}",
        (true, false) => "{{new message}}",
        (false, _) => "{{new}}",
    };
    for (pointer, value) in [
        ("/id", "{{new}}"),
        ("/eventTime", "{{now}}"),
        ("/time", "{{now}}"),
        ("/data/messageId", message),
        ("/data/MessageId", message),
        ("/data/threadId", THREAD),
        ("/data/composeTime", "{{now}}"),
        ("/data/editTime", "{{now}}"),
        ("/data/version", "{{millis}}"),
    ] {
        if let Some(old) = event.pointer_mut(pointer) {
            *old = json!(value);
        }
    }
    // The Calling SDK takes UUIDs only; what is none in a sample stays none.
    if let Some(Value::String(id)) = event.pointer_mut("/data/correlationId")
        && is_uuid(id)
    {
        "{{new}}".clone_into(id);
    }
    // As the Functions host hands it over.
    let body = format!("{:#}", json!({ "Data": { "event": event } }));
    Offer { name, description, body }
}
