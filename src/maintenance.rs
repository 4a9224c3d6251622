//! Removes what is over: expired installations and what is left of them, and ledger entries, markers and dead letters
//! that are old enough.
//!
//! It works through the store in slices that fit into one run of the timer, and goes on where it stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::installations::Installations;
use crate::store::{Listed, Store, StoreError};

/// The timer's work.
#[derive(Debug)]
pub struct Maintenance {
    store: Arc<Store>,
    installations: Arc<Installations>,
    /// By kind of document, the last key that was looked at.
    reached: Mutex<BTreeMap<&'static str, String>>,
}

/// What one run removed, by kind of document.
pub type Removed = BTreeMap<&'static str, u64>;

/// Well inside the `functionTimeout` of `host.json`, which is two minutes.
const SLICE: Duration = Duration::from_secs(45);

const KEYS_AT_ONCE: usize = 500;

/// Event Grid repeats for a day.
const LEDGER_KEPT: TimeDelta = TimeDelta::hours(25);
const DEAD_LETTERS_KEPT: TimeDelta = TimeDelta::days(7);

/// What is looked through, in this order.
const KINDS: [&str; 6] = ["ledger", "markers", "dead-letters", "installations", "recipients", "handles"];

impl Maintenance {
    /// Maintenance of `store`.
    pub fn new(store: Arc<Store>, installations: Arc<Installations>) -> Self {
        Self { store, installations, reached: Mutex::default() }
    }

    /// Works until everything was looked at once or the slice is over. Two runs at a time would do the same work.
    pub async fn run(&self, now: DateTime<Utc>) -> Result<Removed, StoreError> {
        let until = Instant::now() + SLICE;
        let mut removed = KINDS.map(|kind| (kind, 0)).into();
        let mut reached = self.reached.lock().await;
        for kind in KINDS {
            self.look_through(kind, &mut reached, &mut removed, until, now).await?;
        }
        Ok(removed)
    }

    async fn look_through(
        &self,
        kind: &'static str,
        reached: &mut BTreeMap<&'static str, String>,
        removed: &mut Removed,
        until: Instant,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        loop {
            let after = reached.get(kind).map(String::as_str);
            let keys = self.store.list(kind, after, KEYS_AT_ONCE).await?;
            for listed in &keys {
                if Instant::now() >= until {
                    return Ok(());
                }
                // Noted before, so that a document that cannot be read is not met first for ever.
                reached.insert(kind, listed.key.clone());
                match self.remove_if_over(kind, listed, now).await {
                    Ok(is_over) => *removed.entry(kind).or_default() += u64::from(is_over),
                    Err(error @ (StoreError::Unreadable { .. } | StoreError::NewerFormat { .. })) => {
                        tracing::error!("maintenance: {error}");
                    }
                    Err(error) => return Err(error),
                }
            }
            if keys.len() < KEYS_AT_ONCE {
                reached.remove(kind);
                return Ok(());
            }
        }
    }

    async fn remove_if_over(&self, kind: &str, listed: &Listed, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let kept = match kind {
            "installations" => return self.installations.remove_if_over(&listed.key, listed.modified, now).await,
            "recipients" => return self.installations.remove_empty_recipient(&listed.key, listed.modified, now).await,
            "handles" => return self.installations.remove_unused_handle(&listed.key).await,
            "dead-letters" => DEAD_LETTERS_KEPT,
            _ => LEDGER_KEPT,
        };
        if now - listed.modified <= kept {
            return Ok(false);
        }
        self.store.delete(&listed.key).await.map(|()| true)
    }
}
