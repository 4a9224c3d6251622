//! A bounded memory of what came last: the oldest entry makes room, unless somebody holds it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// Up to `capacity` entries by key, and those that are in use.
#[derive(Debug)]
pub struct Recent<V> {
    capacity: usize,
    kept: Mutex<Kept<V>>,
}

#[derive(Debug)]
struct Kept<V> {
    entries: HashMap<u128, Arc<V>>,
    /// The keys, in the order in which they came.
    order: VecDeque<u128>,
}

impl<V: Default> Recent<V> {
    /// A memory of so many entries.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, kept: Mutex::new(Kept { entries: HashMap::new(), order: VecDeque::new() }) }
    }

    /// The entry of that key, which is made if need be.
    pub fn get(&self, key: u128) -> Arc<V> {
        let mut kept = self.kept.lock().expect("nothing panics while it is held");
        if let Some(entry) = kept.entries.get(&key) {
            return Arc::clone(entry);
        }
        let entry = Arc::default();
        kept.entries.insert(key, Arc::clone(&entry));
        kept.order.push_back(key);
        // One pass at most: where everything is in use the memory grows for as long.
        let mut looked_at = 0;
        while kept.entries.len() > self.capacity && looked_at < self.capacity {
            let Some(oldest) = kept.order.pop_front() else { break };
            let in_use = kept.entries.get(&oldest).is_some_and(|entry| Arc::strong_count(entry) > 1);
            if in_use {
                kept.order.push_back(oldest);
            } else {
                kept.entries.remove(&oldest);
            }
            looked_at += 1;
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn the_most_recent_entries_are_known_and_no_more_than_that() {
        let recent: Recent<AtomicU32> = Recent::new(1000);
        for key in 0..50_000 {
            recent.get(key).store(1, Ordering::Relaxed);
        }
        assert_eq!(recent.kept.lock().unwrap().entries.len(), 1000);
        for key in 49_000..50_000 {
            assert_eq!(recent.get(key).load(Ordering::Relaxed), 1, "{key} was forgotten");
        }
    }

    #[test]
    fn an_entry_that_somebody_holds_is_not_forgotten() {
        let recent: Recent<AtomicU32> = Recent::new(10);
        let held = recent.get(7);
        for key in 100..200 {
            recent.get(key);
        }
        assert!(Arc::ptr_eq(&held, &recent.get(7)));
    }
}
