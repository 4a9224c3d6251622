//! `pending/…` and `expiring/…`: which installations Maintenance has to look at, so that it need not look at all of them.
//!
//! Every change leaves a note before it begins, and removes it at its end when it left nothing behind. An installation
//! with an end has a note under the time of that end.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use futures_util::future::try_join_all;

use super::recipients::Urge;
use super::stored::{InstallationRecord, Reminder, StoredHandle, StoredInstallation};
use super::{Began, Installations, TRACES_LIVE};
use crate::notifications::device::DeviceHandle;
use crate::storage::store::{Change, Fingerprint, Listed, StoreError};

/// A change that is older is not under way any more.
const CUT_OFF_AFTER: TimeDelta = TimeDelta::minutes(3);

/// What looking at an installation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It was over, and is gone.
    Removed,
    /// Nothing is left to be done.
    Done,
    /// There will be more to do.
    NotYet,
}

/// The time in an entry's key under `expiring/`.
const TIME: &str = "%Y%m%d/%H%M%S";

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
        self.store.write(&key, &Reminder { installation_id: id.to_owned(), handles }).await.map(|()| key)
    }

    pub(super) async fn forget_pending(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }

    /// Notes when an installation ends.
    pub(super) async fn watch(&self, id: &str, until: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        let Some(until) = until else { return Ok(()) };
        let name = Fingerprint::of(&[id]).key("").replace('/', "");
        // In whole seconds, and no sooner.
        let time = until + TimeDelta::milliseconds(999);
        let key = format!("expiring/{}-{name}", time.format(TIME));
        self.store.write(&key, &Reminder { installation_id: id.to_owned(), handles: Vec::new() }).await
    }

    /// Looks at the installation of one note under `pending/`: finishes a change that was cut off, and removes what it left
    /// behind. Says whether an installation went.
    pub async fn look_at_pending(&self, listed: &Listed, now: DateTime<Utc>) -> Result<Look, StoreError> {
        if now - listed.modified < CUT_OFF_AFTER {
            return Ok(Look::NotYet);
        }
        let Some(reminder) = self.reminder(&listed.key).await? else {
            return self.store.delete(&listed.key).await.map(|()| Look::Done);
        };
        let look = self.look_at(&reminder.installation_id, now).await?;
        let long_ago = now - TRACES_LIVE;
        if look == Look::NotYet || (!reminder.handles.is_empty() && listed.modified > long_ago) {
            return Ok(look);
        }
        for handle in &reminder.handles {
            self.forget_unowned(&handle.handle(), long_ago.timestamp_micros()).await?;
        }
        self.store.delete(&listed.key).await.map(|()| look)
    }

    /// Looks at the installation of one note under `expiring/`, when its time has come.
    pub async fn look_at_expiring(&self, listed: &Listed, now: DateTime<Utc>) -> Result<Look, StoreError> {
        let time = listed.key.strip_prefix("expiring/").and_then(|rest| rest.split_once('-'));
        let time = time.and_then(|(time, _)| NaiveDateTime::parse_from_str(time, TIME).ok());
        if time.is_some_and(|time| now < time.and_utc()) {
            return Ok(Look::NotYet);
        }
        let mut look = Look::Done;
        if let Some(Reminder { installation_id: id, .. }) = self.reminder(&listed.key).await? {
            look = self.look_at(&id, now).await?;
            let record = self.see::<InstallationRecord>(&id).await?.document;
            // It was PUT again with a later end.
            let expires_at = record.and_then(|record| record.installation).and_then(|stored| stored.expires_at);
            self.watch(&id, expires_at.filter(|expires_at| *expires_at > now)).await?;
        }
        self.store.delete(&listed.key).await.map(|()| look)
    }

    /// Looks at an installation whose document was not written for as long as one lives.
    pub async fn look_at_old(&self, listed: &Listed, now: DateTime<Utc>) -> Result<Look, StoreError> {
        if now - listed.modified < self.limits.time_to_live {
            return Ok(Look::NotYet);
        }
        match self.store.read::<InstallationRecord>(&listed.key).await {
            Ok(Some(record)) => self.look_at(&record.id, now).await,
            Ok(None) => Ok(Look::Done),
            // Whatever it was is over.
            Err(StoreError::Unreadable(_)) => self.store.delete_listed(listed).await.map(|_| Look::Done),
            Err(error) => Err(error),
        }
    }

    async fn look_at(&self, id: &str, now: DateTime<Utc>) -> Result<Look, StoreError> {
        let began = Began::now(now);
        let Some(record) = self.see::<InstallationRecord>(id).await?.document else { return Ok(Look::Done) };
        let expired = record.installation.as_ref().filter(|stored| !self.is_alive(stored, now));
        if let Some(expired) = expired {
            // No later than the one before, so nobody waits for those that come late when there can be none.
            let revision = |record: &InstallationRecord| record.revision + 1;
            let is_it = |current: &StoredInstallation| current.revision == expired.revision;
            if let Some(pending) = self.remove_as(id, began, revision, is_it).await? {
                let gone = self.see::<InstallationRecord>(id).await?.document;
                if let Some(gone) = gone.filter(|gone| gone.installation.is_none())
                    && self.settle(&gone, now).await? == Look::Done
                {
                    self.forget_pending(&pending).await?;
                }
            }
            return Ok(Look::Removed);
        }
        self.finish(&record, Urge::Left, Vec::new(), began).await?;
        let current = self.see::<InstallationRecord>(id).await?.document;
        match current {
            None => Ok(Look::Done),
            Some(current) if current.installation.is_some() && current.is_settled() => Ok(Look::Done),
            Some(current) => self.settle(&current, now).await,
        }
    }

    /// Forgets where older forms of an installation were, once no change can be under way that knows them. The document of
    /// one that is gone goes with that.
    async fn settle(&self, record: &InstallationRecord, now: DateTime<Utc>) -> Result<Look, StoreError> {
        if now - record.changed_at() < TRACES_LIVE {
            return Ok(Look::NotYet);
        }
        let leaving = record.leaving();
        let tidied = leaving.iter().map(|recipient| self.tidy_after(recipient, &record.id, record.revision, now));
        try_join_all(tidied).await?;
        let settle = |current: Option<InstallationRecord>| match current {
            Some(current) if current.revision != record.revision => Change::Keep(Look::NotYet),
            Some(current) if current.installation.is_none() => Change::Delete(Look::Done),
            Some(mut current) => {
                current.leaving.clear();
                current.left_handles.clear();
                Change::Write(current, Look::Done)
            }
            None => Change::Keep(Look::Done),
        };
        self.update(record.id.as_str(), None, settle).await
    }

    /// What a note says; nothing where it is damaged.
    async fn reminder(&self, key: &str) -> Result<Option<Reminder>, StoreError> {
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
