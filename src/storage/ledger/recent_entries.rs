//! A bounded map of recent entries, each locked by one user at a time. When it is full, the older half is dropped.
//!
//! A cache crate (moka) may drop an entry while somebody holds it, and may keep an old one in place of a new one.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;

/// The last `half` entries by key at least, twice as many at most, and those that are held.
#[derive(Debug)]
pub struct RecentEntries<V> {
    half: usize,
    memory: Mutex<Memory<V>>,
}

#[derive(Debug)]
struct Memory<V> {
    /// Entries that are locked or waited for.
    held: ByKey<Arc<tokio::sync::Mutex<V>>>,
    /// The newer half.
    newer: ByKey<V>,
    /// The older half.
    older: ByKey<V>,
}

type ByKey<V> = HashMap<u128, V, BuildHasherDefault<IdentityHasher>>;

/// Keys are hashes: nothing is left to be hashed.
#[derive(Debug, Default)]
struct IdentityHasher(u64);

/// A locked entry. When it is dropped, its value is kept unless it is the default.
#[derive(Debug)]
pub struct EntryGuard<'a, V: Clone + Default + PartialEq> {
    // Dropped before the slot, which checks whether another task waits.
    entry: OwnedMutexGuard<V>,
    _place: EntrySlot<'a, V>,
}

/// Keeps an entry while it is used or waited for.
#[derive(Debug)]
struct EntrySlot<'a, V: Clone + Default + PartialEq> {
    recent: &'a RecentEntries<V>,
    key: u128,
    entry: Arc<tokio::sync::Mutex<V>>,
}

impl<V: Clone + Default + PartialEq> RecentEntries<V> {
    /// A memory of the last `half` entries at least.
    pub fn new(half: usize) -> Self {
        let memory = Memory { held: ByKey::default(), newer: ByKey::default(), older: ByKey::default() };
        Self { half, memory: Mutex::new(memory) }
    }

    /// Waits for the entry of that key.
    pub async fn hold(&self, key: u128) -> EntryGuard<'_, V> {
        let place = self.place(key);
        EntryGuard { entry: Arc::clone(&place.entry).lock_owned().await, _place: place }
    }

    fn place(&self, key: u128) -> EntrySlot<'_, V> {
        let Memory { held, newer, older } = &mut *self.memory.lock().expect("nothing panics while it is held");
        let known = || newer.get(&key).or_else(|| older.get(&key)).cloned().unwrap_or_default();
        let entry = held.entry(key).or_insert_with(|| Arc::new(tokio::sync::Mutex::new(known())));
        EntrySlot { recent: self, key, entry: Arc::clone(entry) }
    }
}

impl<V: Clone + Default + PartialEq> Drop for EntrySlot<'_, V> {
    fn drop(&mut self) {
        let Memory { held, newer, older } = &mut *self.recent.memory.lock().expect("nothing panics while it is held");
        // The memory has the other one.
        let is_last = Arc::strong_count(&self.entry) == 2;
        let Some(entry) = self.entry.try_lock().ok().filter(|_| is_last) else { return };
        held.remove(&self.key);
        if *entry == V::default() {
            return;
        }
        if newer.len() == self.recent.half {
            std::mem::swap(newer, older);
            newer.clear();
        }
        newer.insert(self.key, entry.clone());
    }
}

impl<V: Clone + Default + PartialEq> Deref for EntryGuard<'_, V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.entry
    }
}

impl<V: Clone + Default + PartialEq> DerefMut for EntryGuard<'_, V> {
    fn deref_mut(&mut self) -> &mut V {
        &mut self.entry
    }
}

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        let [.., a, b, c, d, e, f, g, h] = key.to_be_bytes();
        self.0 = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    async fn write(recent: &RecentEntries<u32>, key: u128, value: u32) {
        *recent.hold(key).await = value;
    }

    #[tokio::test]
    async fn the_most_recent_entries_are_known_and_no_more_than_that() {
        let recent: RecentEntries<u32> = RecentEntries::new(1000);
        for key in 0..50_000 {
            write(&recent, key, 1).await;
            // Seen twice is not remembered twice.
            write(&recent, key, 2).await;
        }
        {
            let Memory { held, newer, older } = &*recent.memory.lock().unwrap();
            assert!(held.is_empty() && newer.len() <= 1000 && older.len() <= 1000);
        }
        for key in 49_000..50_000 {
            assert_eq!(*recent.hold(key).await, 2, "{key} was forgotten");
        }
    }

    #[tokio::test]
    async fn an_entry_is_for_one_at_a_time_and_is_not_forgotten_meanwhile() {
        let recent: RecentEntries<u32> = RecentEntries::new(10);
        let mut held = recent.hold(7).await;
        for key in 100..200 {
            write(&recent, key, 1).await;
        }
        assert!(recent.hold(7).now_or_never().is_none(), "two hold it");
        let mut waiting = Box::pin(recent.hold(7));
        assert!(waiting.as_mut().now_or_never().is_none(), "two hold it");
        *held = 5;
        drop(held);
        assert_eq!(*waiting.await, 5);
        assert_eq!(recent.memory.lock().unwrap().held.len(), 0);
    }

    #[tokio::test]
    async fn what_is_nothing_takes_no_place() {
        let recent: RecentEntries<u32> = RecentEntries::new(10);
        for key in 0..100 {
            drop(recent.hold(key).await);
        }
        assert_eq!(recent.memory.lock().unwrap().newer.len(), 0);
    }
}
