//! Removes expired installations and their traces, and old ledger entries, markers, dead letters and reports of instances.
//! Finishes interrupted changes of the register.
//!
//! The times in a listing say what may have expired, and only that is read: the cost of a run depends on what has expired,
//! not on what is stored.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use futures_util::stream::StreamExt;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::storage::installations::{Installations, ReviewResult};
use crate::storage::store::{ListedDocument, Store, StoreError};

/// The timer's work.
#[derive(Debug)]
pub struct Maintenance {
    store: Arc<Store>,
    installations: Arc<Installations>,
    /// Two runs at a time would do the same work.
    running: Mutex<()>,
}

/// What one run removed, by kind of document, and under `failed` how many documents it could not read.
pub type Removed = BTreeMap<&'static str, u64>;

/// What became of the documents of a kind.
struct Swept {
    removed: u64,
    /// Documents that could not be read.
    passed_over: u64,
    /// The first error that is no document's own.
    failed: Option<StoreError>,
}

/// Well inside the `functionTimeout` of `host.json`, which is two minutes.
const MAX_RUN_TIME: Duration = Duration::from_secs(45);
/// So much longer for what is under way then, which a later run would otherwise have to finish.
const MAX_END_TIME: Duration = Duration::from_secs(15);

/// Event Grid repeats for a day.
const LEDGER_KEPT: TimeDelta = TimeDelta::hours(25);
const DEAD_LETTERS_KEPT: TimeDelta = TimeDelta::days(7);

/// Longer than `Status` counts them.
const INSTANCES_KEPT: TimeDelta = TimeDelta::hours(1);

/// The kinds of documents, reviewed concurrently.
const KINDS: [&str; 7] = ["ledger", "markers", "dead-letters", "instances", "pending", "expiring", "installations"];

impl Maintenance {
    /// Maintenance of `store`.
    pub fn new(store: Arc<Store>, installations: Arc<Installations>) -> Self {
        Self { store, installations, running: Mutex::default() }
    }

    /// Reviews everything once, or until the time is over. What cannot be read or removed is logged and skipped; the first such
    /// error is returned at the end.
    pub async fn run(&self, now: DateTime<Utc>) -> Result<Removed, StoreError> {
        let _running = self.running.lock().await;
        self.store.check_layout().await?;
        self.store.remove_partial_writes().await?;
        let until = Instant::now() + MAX_RUN_TIME;
        let reviewed = join_all(KINDS.map(|kind| self.sweep(kind, until, now))).await;
        let mut removed = Removed::new();
        let mut failed = None;
        for (kind, swept) in KINDS.into_iter().zip(reviewed) {
            // Not the notes are counted, but the installations that they are about.
            let kind = if matches!(kind, "pending" | "expiring") { "installations" } else { kind };
            // Reports of instances are no one's data.
            if kind != "instances" {
                *removed.entry(kind).or_default() += swept.removed;
            }
            if swept.passed_over > 0 {
                *removed.entry("failed").or_default() += swept.passed_over;
            }
            failed = failed.or(swept.failed);
        }
        failed.map_or(Ok(removed), Err)
    }

    async fn sweep(&self, kind: &'static str, until: Instant, now: DateTime<Utc>) -> Swept {
        let (mut removed, mut passed_over, mut failed) = (0, 0, None);
        let review = |listed: Result<ListedDocument, StoreError>| async move {
            match listed {
                Ok(listed) => self.remove_if_over(kind, &listed, now).await,
                Err(error) => Err(error),
            }
        };
        let listed = self.store.list_until(kind, self.written_until(kind, now));
        let listed = listed.take_until(sleep_until(until));
        let mut reviews = pin!(listed.map(review).buffer_unordered(self.store.max_concurrent_changes()));
        while let Ok(Some(reviewed)) = timeout_at(until + MAX_END_TIME, reviews.next()).await {
            match reviewed {
                Ok(is_removed) => removed += u64::from(is_removed),
                Err(error @ (StoreError::Unreadable(_) | StoreError::NewerFormat { .. })) => {
                    tracing::error!("maintenance: {error}");
                    passed_over += 1;
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Swept { removed, passed_over, failed }
    }

    /// Documents of a kind that were written later need no review.
    fn written_until(&self, kind: &str, now: DateTime<Utc>) -> DateTime<Utc> {
        match kind {
            "ledger" | "markers" => now - LEDGER_KEPT,
            "dead-letters" => now - DEAD_LETTERS_KEPT,
            "instances" => now - INSTANCES_KEPT,
            _ => self.installations.written_until(kind, now),
        }
    }

    async fn remove_if_over(
        &self,
        kind: &str,
        listed: &ListedDocument,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let review = match kind {
            "installations" => self.installations.review_old(listed, now).await?,
            "pending" => self.installations.review_pending(listed, now).await?,
            "expiring" => self.installations.review_expiring(listed, now).await?,
            _ => return self.store.delete_listed(listed).await,
        };
        Ok(review == ReviewResult::Removed)
    }
}
