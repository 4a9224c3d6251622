//! What a visitor of the page can post: the sample events once more, all for one person who holds all phones, with the
//! emulator's placeholders where something has to be new each time.

use notification_hubs_emulator::Sample as Offer;
use serde_json::{Value, json};

use crate::samples::Sample;
use crate::story;

const USER: &str = "8:acs:demo-user";
const NUMBER: &str = "14255550123";
/// One for all, so that edits, deletions and the end of a thread meet the messages that they are about.
const THREAD: &str = "19:demo@thread.v2";

/// The person whom all of them are for, as members of an installation.
pub fn person() -> Value {
    json!({ "userId": USER, "phoneNumbers": [NUMBER] })
}

/// The story, then all other samples.
pub fn of(samples: &[Sample]) -> Vec<Offer> {
    let story = story::all();
    let told = story.iter().filter_map(|told| {
        let sample = samples.iter().find(|sample| told.is_about(sample))?;
        Some(offer(sample, &told.data, told.name.to_owned(), told.expect.to_owned()))
    });
    let others = samples.iter().filter(|sample| !story.iter().any(|told| told.is_about(sample))).map(|sample| {
        let name = format!("{} ({})", sample.file, sample.folder);
        let schema = if sample.is_cloud_event() { "CloudEvents" } else { "Event Grid" };
        offer(sample, &json!({}), name, format!("{} in the {schema} schema.", sample.short_type()))
    });
    told.chain(others).collect()
}

fn is_uuid(id: &str) -> bool {
    id.is_ascii() && id.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

fn offer(sample: &Sample, data: &Value, name: String, description: String) -> Offer {
    let mut event = sample.readdressed(USER, NUMBER);
    for (member, value) in data.as_object().into_iter().flatten() {
        event["data"][member] = value.clone();
    }
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
