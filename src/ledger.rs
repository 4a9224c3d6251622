//! Who was served already: what keeps a repeated event from being shown twice.
//!
//! Event Grid delivers at least once, and repeats a whole batch when one event of it failed. What happened on this
//! instance is known from memory. What another instance may have to know is written to the store: the devices served
//! before an invocation fails, the devices that a call rang, and which version of a chat message was handled last.
//! The normal delivery of a message writes nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::store::{self, Change, Document, Store, StoreError};

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    store: Arc<Store>,
    /// What became of recent events here, by key.
    recent: Cache<u128, Arc<tokio::sync::Mutex<Entry>>>,
    /// Versions of recent chat messages that were handled here, by key.
    versions: Cache<u128, MessageVersion>,
    /// Makes finding and adding an entry one step.
    finding: Mutex<()>,
}

/// Under which key an event, or all events of one call, are remembered.
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

/// A version of a chat message. A deleted one is newer than any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageVersion {
    /// Whether this is the deletion.
    pub deleted: bool,
    /// The number that grows with each edit; 0 where the event has none.
    pub version: i64,
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
    /// The key of an event: its id is unique within its source.
    pub fn of_event(source: &str, id: &str) -> Self {
        Self(store::key("ledger", &["event", &source.to_ascii_lowercase(), id]))
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

impl Ledger {
    /// A ledger in `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, recent: Cache::new(REMEMBERED), versions: Cache::new(REMEMBERED), finding: Mutex::new(()) }
    }

    /// What this instance knows of the event. Whoever locks it has the event for itself: a repeat that comes meanwhile
    /// waits, and then finds what became of it.
    pub fn recent(&self, key: &EventKey) -> Arc<tokio::sync::Mutex<Entry>> {
        let _finding = self.finding.lock().expect("nothing panics while it is held");
        if let Some(entry) = self.recent.get(&short(&key.0)) {
            return entry;
        }
        let entry = Arc::default();
        self.recent.insert(short(&key.0), Arc::clone(&entry));
        entry
    }

    /// What other instances wrote about the event.
    pub async fn read(&self, key: &EventKey) -> Result<Entry, StoreError> {
        Ok(self.store.read(&key.0).await?.unwrap_or_default())
    }

    /// Writes what became of the event, so that a repeat on any instance goes only to the rest.
    pub async fn write(&self, key: &EventKey, entry: &Entry) -> Result<(), StoreError> {
        let merge = |stored: Option<Entry>| {
            let mut merged = stored.unwrap_or_default();
            merged.merge(entry);
            Change::Write(merged, ())
        };
        self.store.update(&key.0, merge).await
    }

    /// The newest version of the message that this instance handled.
    pub fn recent_version(&self, key: &MessageKey) -> Option<MessageVersion> {
        self.versions.get(&short(&key.0))
    }

    /// The newest edit or the deletion that any instance handled.
    pub async fn read_version(&self, key: &MessageKey) -> Result<Option<MessageVersion>, StoreError> {
        self.store.read(&key.0).await
    }

    /// Remembers here that a version was handled.
    pub fn remember_version(&self, key: &MessageKey, version: MessageVersion) {
        let newest = self.versions.get(&short(&key.0)).map_or(version, |known| known.max(version));
        self.versions.insert(short(&key.0), newest);
    }

    /// Has every instance know that an edit or the deletion was handled.
    pub async fn write_version(&self, key: &MessageKey, version: MessageVersion) -> Result<(), StoreError> {
        let write = |stored: Option<MessageVersion>| match stored {
            Some(stored) if stored >= version => Change::Keep(()),
            Some(_) | None => Change::Write(version, ()),
        };
        self.store.update(&key.0, write).await
    }
}

/// 128 bits of the hash that a key ends with: enough to tell a memory's entries apart.
fn short(key: &str) -> u128 {
    let hash = key.get(key.len().saturating_sub(32)..).unwrap_or_default();
    u128::from_str_radix(hash, 16).expect("keys end with the hex digits of a hash")
}
