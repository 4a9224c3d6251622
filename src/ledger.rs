//! Who was served already: what keeps a repeated event from being shown twice.
//!
//! Event Grid delivers at least once, and repeats a whole batch when one event of it failed. What happened on this
//! instance is known from memory. What another instance may have to know is written to the store: the devices served
//! before an invocation fails, the devices that a call rang, and which version of a chat message was handled last.
//! The normal delivery of a message writes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::store::{self, Change, Document, Store, StoreError};

mod recent;

use recent::Recent;

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    store: Arc<Store>,
    /// What became of recent events here.
    events: Recent<Mutex<Entry>>,
    /// Versions of recent chat messages that were handled here.
    messages: Recent<Mutex<Option<MessageVersion>>>,
}

/// Under which key an event, or all events that tell somebody of one call, are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventKey(String);

/// Under which key the versions of one chat message are remembered, for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageKey(String);

/// What became of an event so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Entry {
    /// Ids of the installations that need nothing more: the hub accepted, or refused for good.
    #[serde(default)]
    pub settled: BTreeSet<String>,
    /// Whether the hub accepted for one of them at least.
    #[serde(default)]
    pub delivered: bool,
    /// Whether nothing is left to be done.
    #[serde(default)]
    pub complete: bool,
}

/// A version of a chat message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageVersion {
    /// Whether this is the deletion, which is newer than anything.
    pub deleted: bool,
    /// The number that grows with each edit; `None` where the event has none.
    pub version: Option<i64>,
}

/// A repeat that no failure asked for comes soon, so the most recent events are enough.
const REMEMBERED: usize = 20_000;

impl Document for Entry {
    const VERSION: u32 = 1;
}

impl Document for MessageVersion {
    const VERSION: u32 = 1;
}

impl EventKey {
    /// The key of an event for one recipient: its id is unique within its source, or should be.
    pub fn of_event(source: &str, id: &str, recipient: &str) -> Self {
        Self(store::key("ledger", &["event", &source.to_ascii_lowercase(), id, recipient]))
    }

    /// The key of all events that tell one recipient of one call.
    pub fn of_call(correlation_id: &str, recipient: &str) -> Self {
        Self(store::key("ledger", &["call", correlation_id, recipient]))
    }
}

impl MessageKey {
    /// The key of a chat message, as one recipient sees it.
    pub fn new(thread_id: &str, message_id: &str, recipient: &str) -> Self {
        Self(store::key("markers", &[thread_id, message_id, recipient]))
    }
}

impl Entry {
    /// Whether a repeat has to know of it.
    pub fn is_worth_keeping(&self) -> bool {
        self.complete || !self.settled.is_empty()
    }

    /// Adds what another attempt found out.
    pub fn merge(&mut self, other: &Self) {
        self.settled.extend(other.settled.iter().cloned());
        self.delivered |= other.delivered;
        self.complete |= other.complete;
    }
}

impl MessageVersion {
    /// Whether nothing is left to be told of this version after `handled`. Versions without numbers tell nothing.
    pub fn is_outdone_by(self, handled: Self) -> bool {
        let is_later = handled.version.zip(self.version).is_some_and(|(handled, this)| handled >= this);
        handled.deleted || (is_later && !self.deleted)
    }
}

impl Ledger {
    /// A ledger in `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, events: Recent::new(REMEMBERED), messages: Recent::new(REMEMBERED) }
    }

    /// What this instance knows of the event. Whoever locks it has the event for itself: a repeat that comes meanwhile
    /// waits, and then finds what became of it.
    pub fn event(&self, key: &EventKey) -> Arc<Mutex<Entry>> {
        self.events.get(short(&key.0))
    }

    /// The newest version of a message that this instance handled. Whoever locks it has the message for itself: its edit
    /// waits until it was shown.
    pub fn message(&self, key: &MessageKey) -> Arc<Mutex<Option<MessageVersion>>> {
        self.messages.get(short(&key.0))
    }

    /// What other instances wrote about the event.
    pub async fn read(&self, key: &EventKey) -> Result<Entry, StoreError> {
        Ok(self.store.read(&key.0).await?.unwrap_or_default())
    }

    /// Writes what became of the event, so that a repeat on any instance goes only to the rest.
    pub async fn write(&self, key: &EventKey, entry: &Entry) -> Result<(), StoreError> {
        let (store, key, entry) = (Arc::clone(&self.store), key.0.clone(), entry.clone());
        store::to_its_end(async move {
            let merge = |stored: Option<Entry>| {
                let mut merged = stored.unwrap_or_default();
                merged.merge(&entry);
                Change::Write(merged, ())
            };
            store.update(&key, merge).await
        })
        .await
    }

    /// The newest edit or the deletion that any instance handled.
    pub async fn read_version(&self, key: &MessageKey) -> Result<Option<MessageVersion>, StoreError> {
        self.store.read(&key.0).await
    }

    /// Has every instance know that an edit or the deletion was handled.
    pub async fn write_version(&self, key: &MessageKey, version: MessageVersion) -> Result<(), StoreError> {
        let (store, key) = (Arc::clone(&self.store), key.0.clone());
        store::to_its_end(async move {
            let write = |stored: Option<MessageVersion>| match stored {
                Some(stored) if version.is_outdone_by(stored) => Change::Keep(()),
                Some(_) | None => Change::Write(version, ()),
            };
            store.update(&key, write).await
        })
        .await
    }
}

/// 128 bits of the hash that a key ends with: enough to tell a memory's entries apart.
fn short(key: &str) -> u128 {
    let hash = key.get(key.len().saturating_sub(32)..).unwrap_or_default();
    u128::from_str_radix(hash, 16).expect("keys end with the hex digits of a hash")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_outdone_by_a_later_one_and_by_the_deletion() {
        let version = |version| MessageVersion { deleted: false, version };
        let deletion = |version| MessageVersion { deleted: true, version };
        for (this, handled, outdone) in [
            (version(Some(1)), version(Some(1)), true),
            (version(Some(1)), version(Some(2)), true),
            (version(Some(2)), version(Some(1)), false),
            (version(None), version(Some(1)), false),
            (version(Some(1)), version(None), false),
            (version(Some(9)), deletion(Some(1)), true),
            (version(None), deletion(None), true),
            (deletion(Some(1)), version(Some(9)), false),
            (deletion(Some(1)), deletion(Some(1)), true),
        ] {
            assert_eq!(this.is_outdone_by(handled), outdone, "{this:?} after {handled:?}");
        }
    }
}
