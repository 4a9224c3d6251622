//! Removes what is over: expired installations and what is left of them, and ledger entries, markers and dead letters
//! that are old enough. Finishes changes of the register that were cut off.
//!
//! What may be over is decided by the listing's own times, and only that is opened: a run costs what is over, and not what
//! is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use futures_util::stream::StreamExt;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::storage::installations::{Installations, Look};
use crate::storage::store::{Listed, Store, StoreError};

/// The timer's work.
#[derive(Debug)]
pub struct Maintenance {
    store: Arc<Store>,
    installations: Arc<Installations>,
    /// Two runs at a time would do the same work.
    running: Mutex<()>,
}

/// What one run removed, by kind of document.
pub type Removed = BTreeMap<&'static str, u64>;

/// Well inside the `functionTimeout` of `host.json`, which is two minutes.
const SLICE: Duration = Duration::from_secs(45);

/// So many documents of a kind are worked on at a time.
const AT_ONCE: usize = 16;

/// Event Grid repeats for a day.
const LEDGER_KEPT: TimeDelta = TimeDelta::hours(25);
const DEAD_LETTERS_KEPT: TimeDelta = TimeDelta::days(7);

/// What is looked through, all of it side by side.
const KINDS: [&str; 6] = ["ledger", "markers", "dead-letters", "pending", "expiring", "installations"];

impl Maintenance {
    /// Maintenance of `store`.
    pub fn new(store: Arc<Store>, installations: Arc<Installations>) -> Self {
        Self { store, installations, running: Mutex::default() }
    }

    /// Works until everything was looked at once or the slice is over. What cannot be read or removed is told and passed
    /// over; the first such error is returned at the end.
    pub async fn run(&self, now: DateTime<Utc>) -> Result<Removed, StoreError> {
        let _running = self.running.lock().await;
        self.store.check_layout().await?;
        self.store.tidy().await?;
        let until = Instant::now() + SLICE;
        let looked = join_all(KINDS.map(|kind| self.look_through(kind, until, now))).await;
        let mut removed = Removed::new();
        let mut failed = None;
        for (kind, (n, error)) in KINDS.into_iter().zip(looked) {
            // Notes are no one's business; the installations that they are about are counted.
            let kind = if matches!(kind, "pending" | "expiring") { "installations" } else { kind };
            *removed.entry(kind).or_default() += n;
            failed = failed.or(error);
        }
        failed.map_or(Ok(removed), Err)
    }

    /// How much of a kind was removed, and the first error that is no document's own.
    async fn look_through(&self, kind: &'static str, until: Instant, now: DateTime<Utc>) -> (u64, Option<StoreError>) {
        let (mut removed, mut failed) = (0, None);
        let look = |listed: Result<Listed, StoreError>| async move {
            match listed {
                Ok(listed) => self.remove_if_over(kind, &listed, now).await,
                Err(error) => Err(error),
            }
        };
        let mut looks = self.store.list(kind).map(look).buffer_unordered(AT_ONCE);
        while let Ok(Some(looked)) = timeout_at(until, looks.next()).await {
            match looked {
                Ok(is_removed) => removed += u64::from(is_removed),
                Err(error @ (StoreError::Unreadable(_) | StoreError::NewerFormat { .. })) => {
                    tracing::error!("maintenance: {error}");
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        (removed, failed)
    }

    async fn remove_if_over(&self, kind: &str, listed: &Listed, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let look = match kind {
            "installations" => self.installations.look_at_old(listed, now).await?,
            "pending" => self.installations.look_at_pending(listed, now).await?,
            "expiring" => self.installations.look_at_expiring(listed, now).await?,
            _ => {
                let kept = if kind == "dead-letters" { DEAD_LETTERS_KEPT } else { LEDGER_KEPT };
                return if now - listed.modified > kept { self.store.delete_listed(listed).await } else { Ok(false) };
            }
        };
        Ok(look == Look::Removed)
    }
}
