//! Stores events that can never succeed, for an operator to look at and replay.
//!
//! A call's `incomingCallContext` is a credential and is left out, wherever it stands.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::stream::{Stream, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::events::RawEvent;
use crate::events::fields::{Fields, Value, text_of};
use crate::storage::store::{Document, Store, StoreError};

/// The dead letters of a store.
#[derive(Debug)]
pub struct DeadLetters {
    store: Arc<Store>,
}

/// One dead letter.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Why, as in the event's log line.
    pub reason: String,
    /// The hub's status, where a hub refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_status: Option<u16>,
    /// The hub's own words, without what may come from event or device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_detail: Option<String>,
    /// The hub's id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<String>,
    /// The hub of an app that refused its key or was not found: the letter is sent again once it takes the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusing_hub: Option<String>,
    /// Ids of the installations that it did not reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub installations: Vec<String>,
    /// When it was stored.
    pub stored_at: DateTime<Utc>,
    /// The event as it came, without the call's context. A string where it was no JSON.
    pub event: Box<RawValue>,
}

/// The end of the key of a letter that a hub may take later.
const WAITS_FOR_HUB: &str = "-hub";

impl Document for DeadLetter {
    const VERSION: u32 = 1;
}

impl DeadLetter {
    /// A dead letter of an event that no device got.
    pub fn new(reason: String, raw_event: RawEvent<'_>, now: DateTime<Utc>) -> Self {
        let event = without_call_context(raw_event);
        Self {
            reason,
            hub_status: None,
            hub_detail: None,
            tracking_id: None,
            refusing_hub: None,
            installations: Vec::new(),
            stored_at: now,
            event,
        }
    }

    /// The same letter for these installations only.
    pub fn for_installations(self, installations: BTreeSet<String>) -> Self {
        Self { installations: installations.into_iter().collect(), ..self }
    }
}

impl DeadLetters {
    /// Dead letters in `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// The keys of all of them, in order.
    pub fn keys(&self) -> impl Stream<Item = Result<String, StoreError>> + Send {
        self.store.list("dead-letters").map_ok(|listed| listed.key)
    }

    /// How many there are, but not more than `most`.
    pub async fn count(&self, most: usize) -> Result<usize, StoreError> {
        self.keys().take(most).try_fold(0, async |count, _| Ok(count + 1)).await
    }

    /// Reads one.
    pub async fn read(&self, key: &str) -> Result<Option<DeadLetter>, StoreError> {
        self.store.read(key).await
    }

    /// Writes one under the key that it has.
    pub async fn rewrite(&self, key: &str, letter: &DeadLetter) -> Result<(), StoreError> {
        self.store.write(key, letter).await
    }

    /// Removes one.
    pub async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    /// Keeps one, under a key that sorts by time. The key says whether a hub may take it later, so that only those are read.
    pub async fn keep(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let day = letter.stored_at.format("%Y-%m-%d");
        let time = letter.stored_at.format("%H%M%S%6f");
        let waits = if letter.refusing_hub.is_some() { WAITS_FOR_HUB } else { "" };
        let key = format!("dead-letters/{day}/{time}-{:016x}{waits}", fastrand::u64(..));
        self.store.write(&key, letter).await
    }

    /// The keys of those that a hub may take later.
    pub fn keys_waiting_for_hub(&self) -> impl Stream<Item = Result<String, StoreError>> + Send {
        self.keys().try_filter(|key| ready(key.ends_with(WAITS_FOR_HUB)))
    }

    /// Keeps one as one that no hub will take later.
    pub async fn stop_waiting(&self, key: &str, letter: DeadLetter) -> Result<(), StoreError> {
        let letter = DeadLetter { refusing_hub: None, ..letter };
        self.store.write(key.trim_end_matches(WAITS_FOR_HUB), &letter).await?;
        self.store.delete(key).await
    }
}

/// The text of what was given, fit to be stored.
fn without_call_context(raw_event: RawEvent<'_>) -> Box<RawValue> {
    let text = match raw_event {
        RawEvent::Object(fields) => redacted_object(fields, 0),
        RawEvent::Json(raw) => redacted(raw, 0),
        // What is no JSON cannot be looked through, so one that mentions a context is not kept word for word.
        RawEvent::Text(text) if mentions_context(text) || text.contains("\\u") => {
            format!("\"{} bytes that are no JSON and mention {CONTEXT}\"", text.len())
        }
        RawEvent::Text(text) => serde_json::to_string(text).expect("a string always serializes"),
    };
    RawValue::from_string(text).expect("it is put together from JSON values")
}

/// Deeper than any event; what lies below is dropped where it may hold the context.
const MAX_DEPTH: u8 = 12;

fn redacted(raw: &RawValue, depth: u8) -> String {
    // An escape may hide the name, so it is looked behind.
    if !mentions_context(raw.get()) && !raw.get().contains("\\u") {
        return raw.get().to_owned();
    }
    if let Some(text) = text_of(raw) {
        // A string that mentions it: JSON in JSON.
        return if mentions_context(&text) { "null".to_owned() } else { raw.get().to_owned() };
    }
    if depth == MAX_DEPTH {
        return "null".to_owned();
    }
    if let Ok(object) = Fields::parse(raw, &[], &[]) {
        return redacted_object(&object, depth);
    }
    let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else { return "null".to_owned() };
    let elements: Vec<String> = elements.into_iter().map(|element| redacted(element, depth + 1)).collect();
    format!("[{}]", elements.join(","))
}

fn redacted_object(object: &Fields<'_>, depth: u8) -> String {
    let members = object.members().filter(|(name, _)| !mentions_context(name));
    let members = members.map(|(name, value)| {
        let name = serde_json::to_string(name).expect("a string always serializes");
        let value = match value {
            Value::Raw(raw) => redacted(raw, depth + 1),
            Value::Object(fields) => redacted_object(fields, depth + 1),
        };
        format!("{name}:{value}")
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn mentions_context(text: &str) -> bool {
    text.to_ascii_lowercase().contains(CONTEXT)
}

const CONTEXT: &str = "incomingcallcontext";

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(event: &str) -> String {
        without_call_context(RawEvent::Json(serde_json::from_str(event).unwrap())).get().to_owned()
    }

    #[test]
    fn the_call_context_is_left_out_wherever_it_stands() {
        assert_eq!(
            kept(r#"{"id":"1","data":{"to":{},"incomingCallContext":"secret"}}"#),
            r#"{"id":"1","data":{"to":{}}}"#
        );
        assert_eq!(kept(r#"[{"IncomingCallContext":"secret","a":[1, 2]},7]"#), r#"[{"a":[1, 2]},7]"#);
        assert_eq!(kept(r#"{"event":"{\"incomingCallContext\":\"secret\"}"}"#), r#"{"event":null}"#);
        assert_eq!(kept(r#"{"incomingCall\u0043ontext":"secret","b" : "c"}"#), r#"{"b":"c"}"#);
        assert_eq!(kept(r#"{"a": {"b" : "\u00e9"}}"#), r#"{"a":{"b":"\u00e9"}}"#);
    }

    #[test]
    fn an_event_that_was_read_with_its_data_is_stored_alike() {
        let event = r#"{"id":"1","data":{"to":{"a":[1]},"incomingCallContext":"secret","n":"\u00e9"},"Data":null}"#;
        let fields = Fields::from_slice(event.as_bytes(), &["data"]).unwrap();
        let letter = without_call_context(RawEvent::Object(&fields));
        assert_eq!(letter.get(), r#"{"id":"1","data":{"to":{"a":[1]},"n":"\u00e9"},"Data":null}"#);
        assert_eq!(letter.get(), kept(event));
    }

    #[test]
    fn the_call_context_is_left_out_at_any_depth() {
        let deep = format!(r#"{}{{"incomingCallContext":"secret"}}{}"#, "[".repeat(5000), "]".repeat(5000));
        assert!(!kept(&deep).contains("secret"));
    }

    #[test]
    fn text_is_kept_as_a_string() {
        let letter = without_call_context(RawEvent::Text("not \"JSON\""));
        assert_eq!(letter.get(), r#""not \"JSON\"""#);
        let cut_off = without_call_context(RawEvent::Text(r#"{"data":{"incomingCallContext":"secret"#));
        assert!(!cut_off.get().contains("secret"), "{cut_off}");
    }
}
