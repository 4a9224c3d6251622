//! Removes what is over: expired installations and what is left of them, and ledger entries, markers and dead letters
//! that are old enough.
//!
//! It works through the store in slices that fit into one run of the timer, and goes on where it stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::installations::Installations;
use crate::store::{Document, Listed, Store, StoreError};

/// The timer's work.
#[derive(Debug)]
pub struct Maintenance {
    store: Arc<Store>,
    installations: Arc<Installations>,
    /// Two runs at a time would do the same work.
    running: Mutex<()>,
}

/// How far the last run came, which may have been another instance's: by kind of document, the last key looked at.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Reached {
    keys: BTreeMap<String, String>,
}

impl Document for Reached {
    const VERSION: u32 = 1;
}

const REACHED: &str = "maintenance/reached";

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
        Self { store, installations, running: Mutex::default() }
    }

    /// Works until everything was looked at once or the slice is over.
    pub async fn run(&self, now: DateTime<Utc>) -> Result<Removed, StoreError> {
        let _running = self.running.lock().await;
        let until = Instant::now() + SLICE;
        let mut removed = KINDS.map(|kind| (kind, 0)).into();
        let before: Option<Reached> = self.store.read(REACHED).await?;
        let mut reached = before.unwrap_or_default();
        let is_resumed = !reached.keys.is_empty();
        for kind in KINDS {
            self.look_through(kind, &mut reached.keys, &mut removed, until, now).await?;
        }
        match (reached.keys.is_empty(), is_resumed) {
            (true, false) => {}
            (true, true) => self.store.delete(REACHED).await?,
            (false, _) => self.store.write(REACHED, &reached).await?,
        }
        Ok(removed)
    }

    async fn look_through(
        &self,
        kind: &'static str,
        reached: &mut BTreeMap<String, String>,
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
                reached.insert(kind.to_owned(), listed.key.clone());
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
