//! `feedback/…`: how far a hub's feedback was read, what came of it, and why it was not read further. A document for each hub and
//! use of it; it holds no handle.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::store::{Change, Document, Fingerprint, Store, StoreError};

/// How far one hub's feedback was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackReading {
    /// How many bytes of each blob were read.
    pub read: BTreeMap<String, u64>,
    /// When it was read last.
    pub read_at: Option<DateTime<Utc>>,
    /// How many handles were removed since `day_began`.
    pub removed: u64,
    /// When the day began whose removals are counted.
    pub day_began: Option<DateTime<Utc>>,
    /// Why it was not read to its end, or nothing was removed.
    pub problem: Option<FeedbackProblem>,
}

/// Why feedback was not read, or nothing removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackProblem {
    /// Its code in `docs/operate.md`.
    pub code: String,
    /// The sentence of the log.
    pub reason: String,
    /// When that was.
    pub at: DateTime<Utc>,
}

impl Document for FeedbackReading {
    const VERSION: u32 = 1;
}

/// All of these documents.
#[derive(Debug)]
pub struct FeedbackReadings {
    store: Arc<Store>,
}

/// Removals of this time are counted together.
const DAY: TimeDelta = TimeDelta::hours(24);

impl FeedbackReadings {
    /// Those in `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Where a hub's is: its host, its name, and whose handles it reports.
    pub fn key(parts: &[&str]) -> String {
        Fingerprint::of(parts).key("feedback")
    }

    /// What is known of a hub's; the removals of an earlier day are forgotten. A damaged one is begun anew: what was removed
    /// already is not there any more.
    pub async fn read(&self, key: &str, now: DateTime<Utc>) -> Result<FeedbackReading, StoreError> {
        let mut reading: FeedbackReading = match self.store.read(key).await {
            Err(StoreError::Unreadable(_)) => {
                self.store.replace_damaged(key, &FeedbackReading::default()).await?;
                FeedbackReading::default()
            }
            read => read?.unwrap_or_default(),
        };
        if reading.day_began.is_none_or(|began| now - began >= DAY || began > now) {
            (reading.day_began, reading.removed) = (Some(now), 0);
        }
        Ok(reading)
    }

    /// Adds what was removed since, by this process; another one may do the same.
    pub async fn add_removed(&self, key: &str, began: &FeedbackReading, removed: u64) -> Result<(), StoreError> {
        let add = |current: Option<FeedbackReading>| {
            let mut current = current.unwrap_or_default();
            if current.day_began != began.day_began {
                (current.day_began, current.removed) = (began.day_began, began.removed);
            }
            current.removed += removed;
            Change::Write(current, ())
        };
        self.store.update(key, add).await
    }

    /// Notes how far it was read, and the problem if there was one.
    pub async fn note(
        &self,
        key: &str,
        read: &BTreeMap<String, u64>,
        problem: Option<&FeedbackProblem>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let note = |current: Option<FeedbackReading>| {
            let current = current.unwrap_or_default();
            let (read, problem) = (read.clone(), problem.cloned());
            if problem.is_none() && (&current.read, &current.problem) == (&read, &None) && current.read_at.is_some() {
                return Change::Keep(());
            }
            Change::Write(FeedbackReading { read, problem, read_at: Some(now), ..current }, ())
        };
        self.store.update(key, note).await
    }
}
