//! Which devices got which event, so that a repeated event is not shown twice.
//!
//! Event Grid delivers at least once, and repeats a whole batch if one event of it failed. This instance has its own events in
//! memory. What other instances may need is written to the store: the devices that were served before an invocation fails,
//! the devices that a call rang, and the last version of an edited or deleted chat message. The normal delivery of a message
//! writes nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::storage::store::{Change, Document, Fingerprint, ListedDocument, Store, StoreError, run_to_completion};

mod recent_entries;
#[cfg(test)]
mod tests;

pub use recent_entries::EntryGuard;
use recent_entries::RecentEntries;

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    store: Arc<Store>,
    /// What became of recent events here.
    events: RecentEntries<Entry>,
    /// Versions of recent chat messages that were handled here.
    messages: RecentEntries<Option<MessageVersion>>,
    /// Make of a message's key what stands for it in memory. Twice 64 bits, so that no two keys of a day meet.
    hashers: [RandomState; 2],
    /// The last event's source and its fingerprint: an app has one source or few.
    last_source: Mutex<Option<(String, Fingerprint)>>,
}

/// Under which key an event is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventKey(Fingerprint);

/// Under which key the versions of one chat message are remembered, for one recipient.
/// `Debug` redacts: one of the texts is the recipient.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageKey<'a>([&'a str; 3]);

/// What became of an event so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Ids of the installations that need nothing more: the hub accepted, or refused for good. Of no interest, and empty,
    /// once it is complete.
    #[serde(default)]
    pub settled: BTreeSet<String>,
    /// Whether the hub accepted for one of them at least.
    #[serde(default)]
    pub delivered: bool,
    /// Whether nothing is left to be done.
    #[serde(default)]
    pub complete: bool,
    /// Whether other instances should know what this one knows, and the store did not take it.
    #[serde(skip)]
    pub is_unwritten: bool,
}

/// A version of a chat message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageVersion {
    /// Whether this is the deletion, which is newer than anything.
    pub deleted: bool,
    /// The number that grows with each edit; `None` where the event has none.
    pub version: Option<i64>,
}

/// A version of which nothing is known.
const UNNUMBERED: MessageVersion = MessageVersion { deleted: false, version: None };

/// The kinds of the ledger's documents.
const EVENTS: &str = "ledger";
const MESSAGES: &str = "markers";

/// A repeat that no failure asked for comes soon, so the most recent events are enough: twice as many as a table of 8192
/// places takes.
const HALF: usize = 7_000;

impl Document for Entry {
    const VERSION: u32 = 1;
}

impl Document for MessageVersion {
    const VERSION: u32 = 1;
}

impl EventKey {
    /// The key of an event for one recipient: its id is unique within its source, or should be.
    fn new(source: &Fingerprint, id: &str, recipient: &str) -> Self {
        Self(source.and(&["event", id, recipient]))
    }

    fn in_store(&self) -> String {
        self.0.key(EVENTS)
    }
}

impl<'a> MessageKey<'a> {
    /// The key of a chat message, as one recipient sees it.
    pub fn new(thread_id: &'a str, message_id: &'a str, recipient: &'a str) -> Self {
        Self([thread_id, message_id, recipient])
    }

    fn in_store(&self) -> String {
        Fingerprint::of(&self.0).key(MESSAGES)
    }
}

impl fmt::Debug for MessageKey<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MessageKey(redacted)")
    }
}

impl Entry {
    /// Whether a repeat has to know of it.
    pub fn is_worth_storing(&self) -> bool {
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
    /// Whether this version need not be sent after `handled`. Versions without numbers cannot be compared.
    pub fn is_superseded_by(self, handled: Self) -> bool {
        let is_later = handled.version.zip(self.version).is_some_and(|(handled, this)| handled >= this);
        handled.deleted || (is_later && !self.deleted)
    }
}

impl Ledger {
    /// A ledger in `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            events: RecentEntries::new(HALF),
            messages: RecentEntries::new(HALF),
            hashers: Default::default(),
            last_source: Mutex::default(),
        }
    }

    /// The key of an event for one recipient.
    pub fn event_key(&self, source: &str, id: &str, recipient: &str) -> EventKey {
        EventKey::new(&self.fingerprint_of_source(source), id, recipient)
    }

    fn fingerprint_of_source(&self, source: &str) -> Fingerprint {
        let mut last = self.last_source.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, fingerprint)) if known == source => *fingerprint,
            _ => {
                let fingerprint = Fingerprint::of(&[&source.to_ascii_lowercase()]);
                *last = Some((source.to_owned(), fingerprint));
                fingerprint
            }
        }
    }

    fn in_memory(&self, key: MessageKey<'_>) -> u128 {
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(key)));
        high << 64 | low
    }

    /// Locks this instance's entry of the event: a concurrent repeat waits, and then finds the result.
    pub async fn lock_event(&self, key: &EventKey) -> EntryGuard<'_, Entry> {
        self.events.hold(key.0.first_half()).await
    }

    /// Locks the newest version of a message that this instance handled: a concurrent edit waits until it was sent.
    pub async fn lock_message(&self, key: MessageKey<'_>) -> EntryGuard<'_, Option<MessageVersion>> {
        self.messages.hold(self.in_memory(key)).await
    }

    /// What other instances wrote about the event.
    pub async fn read(&self, key: &EventKey) -> Result<Entry, StoreError> {
        Ok(self.read_if_present(&key.in_store()).await?.unwrap_or_default())
    }

    /// Writes which devices got the event, so that a repeat on any instance goes to the others only.
    pub async fn write(&self, key: &EventKey, entry: &Entry) -> Result<(), StoreError> {
        let (store, key, entry) = (Arc::clone(&self.store), key.in_store(), entry.clone());
        run_to_completion(async move { add(&store, &key, &entry).await }).await
    }

    /// The newest edit or the deletion that any instance handled.
    pub async fn read_version(&self, key: MessageKey<'_>) -> Result<Option<MessageVersion>, StoreError> {
        self.read_if_present(&key.in_store()).await
    }

    /// A damaged document counts as absent: a second push is better than none.
    async fn read_if_present<T: Document>(&self, key: &str) -> Result<Option<T>, StoreError> {
        match self.store.read_if_present(key).await {
            Err(error @ StoreError::Unreadable(_)) => {
                tracing::error!("{error}; it is treated as absent, so this event may be pushed twice");
                Ok(None)
            }
            found => found,
        }
    }

    /// Removes the ids of installations from all entries: they are gone, so no repeat has to know what they got.
    pub async fn forget_installations(&self, ids: &BTreeSet<String>) -> Result<(), StoreError> {
        let is_named = |entry: &Entry| !entry.settled.is_disjoint(ids);
        let forget = |listed: Result<ListedDocument, StoreError>| async move {
            let key = listed?.key;
            if !self.read_if_present::<Entry>(&key).await?.is_some_and(|entry| is_named(&entry)) {
                return Ok(());
            }
            let forget = |entry: Option<Entry>| match entry {
                Some(mut entry) => {
                    entry.settled.retain(|id| !ids.contains(id));
                    Change::Write(entry, ())
                }
                None => Change::Keep(()),
            };
            self.store.update(&key, forget).await
        };
        self.store.list(EVENTS).map(forget).buffer_unordered(self.store.max_concurrent_changes()).try_collect().await
    }

    /// Has every instance know that an edit or the deletion was handled.
    pub async fn write_version(&self, key: MessageKey<'_>, version: MessageVersion) -> Result<(), StoreError> {
        let (store, key) = (Arc::clone(&self.store), key.in_store());
        run_to_completion(async move { write_if_newer(&store, &key, version).await }).await
    }
}

/// Adds what an attempt found out to what others wrote.
async fn add(store: &Store, key: &str, entry: &Entry) -> Result<(), StoreError> {
    let merge = |stored: Option<Entry>| {
        let mut merged = stored.unwrap_or_default();
        merged.merge(entry);
        Change::Write(merged, ())
    };
    update(store, key, Entry::default(), merge).await
}

/// Writes a version, unless a later one was written. One without a number doesn't replace one that has one: whoever comes
/// after that would forget how far it was.
async fn write_if_newer(store: &Store, key: &str, version: MessageVersion) -> Result<(), StoreError> {
    let write = |stored: Option<MessageVersion>| match stored {
        Some(stored) if version.is_superseded_by(stored) => Change::Keep(()),
        Some(stored) if stored.version.is_some() && version == UNNUMBERED => Change::Keep(()),
        Some(_) | None => Change::Write(version, ()),
    };
    update(store, key, version, write).await
}

/// Changes a document; one that is damaged is replaced first.
async fn update<T: Document>(
    store: &Store,
    key: &str,
    instead: T,
    mut change: impl FnMut(Option<T>) -> Change<T, ()> + Send,
) -> Result<(), StoreError> {
    match store.update(key, &mut change).await {
        Err(StoreError::Unreadable(_)) => {
            store.replace_damaged(key, &instead).await?;
            store.update(key, change).await
        }
        updated => updated,
    }
}
