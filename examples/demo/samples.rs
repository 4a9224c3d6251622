//! The sample events of `tests/events`, and whom each of them is for. Nothing is sent from here.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::Failure;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/events");
/// Where an event names the user, or the number, that it is for.
const USERS: [&str; 3] = ["/data/recipientCommunicationIdentifier/rawId", "/data/recipientId", "/data/to/rawId"];
const NUMBERS: [&str; 2] = ["/data/to", "/data/To"];
const FOLDERS: [&str; 4] = ["seed", "current", "current/cloudevents", "current/constructed"];

/// One event of a file.
pub struct Sample {
    /// The last part of the folder's name.
    pub folder: &'static str,
    /// The name of its file, without the ending.
    pub file: String,
    /// As published, but for its ids.
    pub event: Value,
}

/// All events of all files, in the order of their names within each folder.
pub fn read_all() -> Result<Vec<Sample>, Failure> {
    let mut samples = Vec::new();
    for folder in FOLDERS {
        let path = Path::new(ROOT).join(folder);
        let entries = fs::read_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        for file in files {
            let json =
                serde_json::from_slice(&fs::read(&file)?).map_err(|error| format!("{}: {error}", file.display()))?;
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let events = if let Value::Array(events) = json { events } else { vec![json] };
            for mut event in events {
                make_unique(&mut event, samples.len());
                let folder = folder.rsplit('/').next().unwrap_or(folder);
                samples.push(Sample { folder, file: name.to_string(), event });
            }
        }
    }
    Ok(samples)
}

/// The published samples share ids: the same event stands in both schemas. Only the first of them would be delivered, and
/// the rest be its duplicates; so each gets ids of its own.
fn make_unique(event: &mut Value, number: usize) {
    for pointer in ["/id", "/data/messageId"] {
        if let Some(Value::String(id)) = event.pointer_mut(pointer) {
            *id = format!("{id}-{number}");
        }
    }
}

impl Sample {
    /// The type without its namespace.
    pub fn short_type(&self) -> &str {
        let name = ["eventType", "type"].iter().find_map(|member| self.event.get(member)?.as_str()).unwrap_or("?");
        name.trim_start_matches("Microsoft.Communication.")
    }

    /// Whether it is in the CloudEvents schema.
    pub fn is_cloud_event(&self) -> bool {
        let members = self.event.as_object();
        members.is_some_and(|members| members.keys().any(|name| name.eq_ignore_ascii_case("specversion")))
    }

    /// Whom it is for, as members of an installation; `None` for nobody, or for a placeholder.
    pub fn recipient(&self) -> Option<Value> {
        let text = |pointer: &&str| self.event.pointer(pointer)?.as_str().filter(|text| !text.starts_with('{'));
        if let Some(user) = USERS.iter().find_map(text) {
            return Some(json!({ "userId": user }));
        }
        let number = NUMBERS.iter().find_map(text).filter(|_| self.short_type().starts_with("SMS"));
        number.map(|number| json!({ "phoneNumbers": [number] }))
    }

    /// The event for somebody else, whom it also mentions if it did so.
    pub fn readdressed(&self, user: &str, number: &str) -> Value {
        let mut event = self.event.clone();
        let before = USERS.iter().find_map(|pointer| self.event.pointer(pointer)?.as_str());
        if let (Some(before), Some(Value::String(body))) = (before, event.pointer_mut("/data/messageBody")) {
            *body = body.replace(before, user);
        }
        for (pointers, recipient) in [(&USERS[..], user), (&NUMBERS[..], number)] {
            for pointer in pointers {
                if let Some(Value::String(text)) = event.pointer_mut(pointer) {
                    recipient.clone_into(text);
                }
            }
        }
        event
    }
}
