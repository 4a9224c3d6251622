//! What a visitor of the page can post: the sample events once more, all for one person who holds all phones, with the
//! emulator's placeholders where something has to be new each time.

use notification_hubs_emulator::Sample as Offer;
use serde_json::{Value, json};

use crate::samples::Sample;

const USER: &str = "8:acs:demo-user";
const NUMBER: &str = "14255550123";
/// One for all, so that edits, deletions and the end of a thread meet the messages that they are about.
const THREAD: &str = "19:demo@thread.v2";

/// A sample with words of its own.
struct Told {
    folder: &'static str,
    file: &'static str,
    name: &'static str,
    expect: &'static str,
}

/// Those that tell the story, in this order.
const STORY: [Told; 10] = [
    Told {
        folder: "constructed",
        file: "IncomingCall.jwt-context",
        name: "Incoming call",
        expect: "All phones ring: a VoIP push on iOS, a data message on Android. Enter accepts, Escape declines.",
    },
    Told { folder: "seed", file: "SMSReceived", name: "SMS", expect: "All phones show the number and the text." },
    Told {
        folder: "seed",
        file: "ChatMessageReceived",
        name: "Chat message",
        expect: "All phones show who wrote and what, grouped by thread.",
    },
    Told {
        folder: "seed",
        file: "ChatMessageEdited",
        name: "Edit of the last chat message",
        expect: "iOS replaces the message without a sound; on Android the app does.",
    },
    Told {
        folder: "seed",
        file: "ChatMessageDeleted",
        name: "Deletion of the last chat message",
        expect: "All phones withdraw the message.",
    },
    Told {
        folder: "constructed",
        file: "ChatMessageReceived.picture",
        name: "Picture",
        expect: "A message without words: the line says what was sent, in the reader's language.",
    },
    Told {
        folder: "constructed",
        file: "ChatMessageReceived.file",
        name: "File",
        expect: "The same with the file's name.",
    },
    Told {
        folder: "constructed",
        file: "ChatMessageReceived.card",
        name: "Bot's card",
        expect: "The card's own words for those who cannot show it, and none of its JSON.",
    },
    Told {
        folder: "constructed",
        file: "ChatMessageReceived.mention",
        name: "Mention",
        expect: "The title says that the reader is mentioned.",
    },
    Told {
        folder: "constructed",
        file: "ChatMessageReceived.right-to-left",
        name: "Hebrew and Arabic",
        expect: "Each line runs in its own direction.",
    },
];

/// The person whom all of them are for, as members of an installation.
pub fn person() -> Value {
    json!({ "userId": USER, "phoneNumbers": [NUMBER] })
}

/// The story, then all others.
pub fn of(samples: &[Sample]) -> Vec<Offer> {
    let story = STORY.iter().filter_map(|told| {
        let sample = samples.iter().find(|sample| told.is_about(sample))?;
        Some(offer(sample, told.name.to_owned(), told.expect.to_owned()))
    });
    let others = samples.iter().filter(|sample| !STORY.iter().any(|told| told.is_about(sample))).map(|sample| {
        let name = format!("{} ({})", sample.file, sample.folder);
        let schema = if sample.is_cloud_event() { "CloudEvents" } else { "Event Grid" };
        offer(sample, name, format!("{} in the {schema} schema.", sample.short_type()))
    });
    story.chain(others).collect()
}

impl Told {
    fn is_about(&self, sample: &Sample) -> bool {
        sample.folder == self.folder && sample.file == self.file
    }
}

fn is_uuid(id: &str) -> bool {
    id.is_ascii() && id.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

fn offer(sample: &Sample, name: String, description: String) -> Offer {
    let mut event = sample.readdressed(USER, NUMBER);
    let message = match sample.short_type() {
        change if change.starts_with("ChatMessageEdited") || change.starts_with("ChatMessageDeleted") => {
            "{{last message}}"
        }
        new if new.starts_with("ChatMessage") => "{{new message}}",
        _ => "{{new}}",
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
