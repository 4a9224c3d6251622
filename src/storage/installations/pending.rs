//! `pending/…` and `expiring/…`: notes about installations that Maintenance has to review, so that it need not read all.
//!
//! Every change leaves a note before it begins, and removes it at its end when it left nothing behind. An installation
//! with an end has a note under the time of that end.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use futures_util::future::try_join_all;

use super::recipients::Trigger;
use super::records::{InstallationRecord, MaintenanceNote, StoredHandle, StoredInstallation};
use super::{ChangeStart, Installations, TRACE_LIFETIME, installation_key};
use crate::notifications::device::DeviceHandle;
use crate::storage::store::{Change, Fingerprint, ListedDocument, StoreError};

/// A change that is older is not running any more.
const INTERRUPTED_AFTER: TimeDelta = TimeDelta::minutes(3);

/// The result of reviewing an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewResult {
    /// It had expired, and was removed.
    Removed,
    /// Nothing is left to do.
    Done,
    /// It has to be reviewed again.
    NotYet,
}

/// The time in an entry's key under `expiring/`.
const TIME: &str = "%Y%m%d/%H%M%S";

/// What the key of a note under `expiring/` has after the time.
pub(super) fn end_name(id: &str) -> String {
    installation_key(id).split('/').skip(1).collect()
}

impl Installations {
    /// Notes that a change of the installation begins, and which handles it wants; returns the note's key.
    pub(super) async fn note_pending<'a>(
        &self,
        id: &str,
        handles: impl IntoIterator<Item = &'a DeviceHandle>,
    ) -> Result<String, StoreError> {
        let nonce = format!("{:032x}", fastrand::u128(..));
        let key = Fingerprint::of(&[id, &nonce]).key("pending");
        let handles = handles.into_iter().map(StoredHandle::from).collect();
        self.store.write(&key, &MaintenanceNote { installation_id: id.to_owned(), handles }).await.map(|()| key)
    }

    pub(super) async fn forget_pending(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    /// Notes when an installation ends.
    pub(super) async fn watch(&self, id: &str, until: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        let Some(until) = until else { return Ok(()) };
        // In whole seconds, and no sooner.
        let time = until + TimeDelta::milliseconds(999);
        let key = format!("expiring/{}-{}", time.format(TIME), end_name(id));
        self.store.write(&key, &MaintenanceNote { installation_id: id.to_owned(), handles: Vec::new() }).await
    }

    /// Documents of a kind that were written later need no review.
    pub fn written_until(&self, kind: &str, now: DateTime<Utc>) -> DateTime<Utc> {
        match kind {
            "pending" => now - INTERRUPTED_AFTER,
            "installations" => now - self.limits.time_to_live,
            // The time of a note under `expiring/` is in its key.
            _ => DateTime::<Utc>::MAX_UTC,
        }
    }

    /// Reviews the installation of a note under `pending/`, minutes after it was written: finishes an interrupted change, and
    /// removes its traces.
    pub async fn review_pending(
        &self,
        listed: &ListedDocument,
        now: DateTime<Utc>,
    ) -> Result<ReviewResult, StoreError> {
        let Some(note) = self.note(&listed.key).await? else {
            return self.store.delete(&listed.key).await.map(|()| ReviewResult::Done);
        };
        let review = self.review(&note.installation_id, now).await?;
        let long_ago = now - TRACE_LIFETIME;
        if review == ReviewResult::NotYet || (!note.handles.is_empty() && listed.modified > long_ago) {
            return Ok(review);
        }
        for handle in &note.handles {
            self.forget_unowned(&handle.handle(), long_ago.timestamp_micros()).await?;
        }
        self.store.delete(&listed.key).await.map(|()| review)
    }

    /// Reviews the installation of a note under `expiring/`, once its time has come.
    pub async fn review_expiring(
        &self,
        listed: &ListedDocument,
        now: DateTime<Utc>,
    ) -> Result<ReviewResult, StoreError> {
        let time = listed.key.strip_prefix("expiring/").and_then(|rest| rest.split_once('-'));
        let time = time.and_then(|(time, _)| NaiveDateTime::parse_from_str(time, TIME).ok());
        if time.is_some_and(|time| now < time.and_utc()) {
            return Ok(ReviewResult::NotYet);
        }
        let mut review = ReviewResult::Done;
        if let Some(MaintenanceNote { installation_id: id, .. }) = self.note(&listed.key).await? {
            review = self.review(&id, now).await?;
            // What is still there was PUT again with a later end.
            let record = self.read_versioned::<InstallationRecord>(&id).await?.document;
            let expires_at = record.and_then(|record| record.installation).and_then(|stored| stored.expires_at);
            self.watch(&id, expires_at).await?;
        }
        self.store.delete(&listed.key).await.map(|()| review)
    }

    /// Reviews an installation whose document was not written for longer than an installation lives.
    pub async fn review_old(&self, listed: &ListedDocument, now: DateTime<Utc>) -> Result<ReviewResult, StoreError> {
        match self.store.read::<InstallationRecord>(&listed.key).await {
            Ok(Some(record)) => self.review(&record.id, now).await,
            Ok(None) => Ok(ReviewResult::Done),
            // It has expired, whatever it was.
            Err(StoreError::Unreadable(_)) => self.store.delete_listed(listed).await.map(|_| ReviewResult::Done),
            Err(error) => Err(error),
        }
    }

    async fn review(&self, id: &str, now: DateTime<Utc>) -> Result<ReviewResult, StoreError> {
        let began = ChangeStart::now(now);
        let Some(record) = self.read_versioned::<InstallationRecord>(id).await?.document else {
            return Ok(ReviewResult::Done);
        };
        let expired = record.installation.as_ref().filter(|stored| !self.is_alive(stored, now));
        if let Some(expired) = expired {
            // Based on the last revision and not on now, so that its traces can be removed at once if no late change is possible.
            let revision = |record: &InstallationRecord| record.revision + 1;
            let is_it = |current: &StoredInstallation| current.revision == expired.revision;
            if let Some(pending) = self.remove_as(id, began, revision, is_it).await? {
                let gone = self.read_versioned::<InstallationRecord>(id).await?.document;
                if let Some(gone) = gone.filter(|gone| gone.installation.is_none())
                    && self.settle(&gone, now).await? == ReviewResult::Done
                {
                    self.forget_pending(&pending).await?;
                }
            }
            return Ok(ReviewResult::Removed);
        }
        self.finish(&record, Trigger::Resumed, Vec::new(), began).await?;
        let current = self.read_versioned::<InstallationRecord>(id).await?.document;
        match current {
            None => Ok(ReviewResult::Done),
            Some(current) if current.installation.is_some() && current.is_settled() => Ok(ReviewResult::Done),
            Some(current) => self.settle(&current, now).await,
        }
    }

    /// Removes the traces of older versions of an installation, once no change that could use them can be running. The document
    /// of a deleted one is removed with them.
    pub(super) async fn settle(
        &self,
        record: &InstallationRecord,
        now: DateTime<Utc>,
    ) -> Result<ReviewResult, StoreError> {
        if now - record.changed_at() < TRACE_LIFETIME {
            return Ok(ReviewResult::NotYet);
        }
        let leaving = record.leaving();
        let tidied = leaving.iter().map(|recipient| self.prune_after(recipient, &record.id, record.revision, now));
        try_join_all(tidied).await?;
        // One that was kept for a PUT that never claimed it.
        let long_ago = (now - TRACE_LIFETIME).timestamp_micros();
        let left_handles = record.left_handles();
        try_join_all(left_handles.iter().map(|handle| self.forget_unowned(handle, long_ago))).await?;
        let settle = |current: Option<InstallationRecord>| match current {
            Some(current) if current.revision != record.revision => Change::Keep(ReviewResult::NotYet),
            Some(current) if current.installation.is_none() => Change::Delete(ReviewResult::Done),
            Some(mut current) => {
                current.leaving.clear();
                current.left_handles.clear();
                Change::Write(current, ReviewResult::Done)
            }
            None => Change::Keep(ReviewResult::Done),
        };
        self.update(record.id.as_str(), None, settle).await
    }

    /// What a note says; nothing where it is damaged.
    async fn note(&self, key: &str) -> Result<Option<MaintenanceNote>, StoreError> {
        match self.store.read(key).await {
            Err(StoreError::Unreadable(kind)) => {
                tracing::error!("{}; it is removed", StoreError::Unreadable(kind));
                Ok(None)
            }
            read => read,
        }
    }
}

impl InstallationRecord {
    /// Whether Maintenance looks at it no later than it ends, and not before `now`.
    pub(super) fn is_watched(&self, expiry: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        expiry.zip(self.watched_until).is_some_and(|(expiry, watched)| now < watched && watched <= expiry)
    }
}
