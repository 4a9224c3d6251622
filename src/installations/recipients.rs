//! `recipients/…`: everything that belongs to one user or number.

use chrono::{DateTime, Utc};

use super::stored::{Fence, InstallationRecord, RecipientRecord, StoredInstallation};
use super::{Installations, TRACES_LIVE, installation_key, recipient_key};
use crate::recipient::Recipient;
use crate::store::{Change, StoreError};

/// What became of giving an installation to a recipient.
#[derive(Debug)]
pub(super) enum Place {
    /// It is there; these had to make room.
    Taken(Vec<StoredInstallation>),
    /// A newer change of the same installation was there before.
    Late,
}

impl Installations {
    /// Removes an installation from a recipient, and keeps out what is older than `revision`.
    pub(super) async fn take_from(
        &self,
        recipient: &Recipient,
        id: &str,
        revision: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let take = |record: Option<RecipientRecord>| {
            let mut record = record.unwrap_or_default();
            record.installations.retain(|entry| entry.id != id || entry.revision > revision);
            record.fences.retain(|fence| fence.id != id || fence.revision > revision);
            record.fences.push(Fence { id: id.to_owned(), revision, set_at: now });
            self.tidy(&mut record, now);
            Change::Write(record, ())
        };
        let taken = self.store.update(&recipient_key(recipient), take).await;
        self.recently_read.forget(recipient);
        taken
    }

    /// Adds an installation to a recipient, unless a newer change was there already.
    pub(super) async fn give_to(
        &self,
        recipient: &Recipient,
        stored: &StoredInstallation,
        now: DateTime<Utc>,
    ) -> Result<Place, StoreError> {
        let limit = match recipient {
            Recipient::User(_) => self.limits.per_user,
            Recipient::Number(_) => self.limits.per_number,
        };
        let give = |record: Option<RecipientRecord>| {
            let mut record = record.unwrap_or_default();
            self.tidy(&mut record, now);
            let newer = |id: &str, revision: i64| id == stored.id && revision > stored.revision;
            let is_late = record.fences.iter().any(|fence| newer(&fence.id, fence.revision))
                || record.installations.iter().any(|entry| newer(&entry.id, entry.revision));
            if is_late {
                return Change::Keep(Place::Late);
            }
            record.installations.retain(|entry| entry.id != stored.id);
            // In the order of writing, so the first one was not written for longest.
            record.installations.sort_by_key(|entry| entry.revision);
            record.installations.extend(Some(stored.clone()).filter(|stored| self.is_alive(stored, now)));
            let excess = record.installations.len().saturating_sub(limit);
            let evicted = record.installations.drain(..excess).collect();
            Change::Write(record, Place::Taken(evicted))
        };
        let place = self.store.update(&recipient_key(recipient), give).await;
        self.recently_read.forget(recipient);
        place
    }

    /// Has an installation that was evicted from a recipient no longer name it. One that names nobody goes.
    pub(super) async fn leave(
        &self,
        evicted: &StoredInstallation,
        recipient: &Recipient,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let leave = |record: Option<InstallationRecord>| {
            let current = record.filter(|record| record.revision == evicted.revision);
            let Some((mut record, stored)) = current.and_then(|mut record| {
                let stored = record.installation.take()?;
                Some((record, stored))
            }) else {
                return Change::Keep(false);
            };
            let (revision, written_at) = (stored.revision, stored.written_at);
            let mut remaining = stored.into_installation();
            match recipient {
                Recipient::User(_) => remaining.user_id = None,
                Recipient::Number(number) => remaining.phone_numbers.retain(|other| other != number),
            }
            if remaining.recipients().is_empty() {
                return Change::Keep(true);
            }
            record.installation = Some(StoredInstallation::new(&remaining, revision, written_at));
            Change::Write(record, false)
        };
        let names_nobody = self.store.update(&installation_key(&evicted.id), leave).await?;
        if names_nobody {
            self.delete_if(&evicted.id, now, |current| current.revision == evicted.revision).await?;
        }
        Ok(())
    }

    /// Tidies the document behind one key of a listing, and removes it when nothing is left; says whether it did.
    pub async fn remove_empty_recipient(
        &self,
        key: &str,
        modified: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        if now - modified < TRACES_LIVE {
            return Ok(false);
        }
        let tidy = |record: Option<RecipientRecord>| {
            let Some(mut record) = record else { return Change::Keep(false) };
            let before = record.installations.len() + record.fences.len();
            self.tidy(&mut record, now);
            match record.installations.len() + record.fences.len() {
                0 => Change::Delete(true),
                after if after < before => Change::Write(record, false),
                _ => Change::Keep(false),
            }
        };
        self.store.update(key, tidy).await
    }

    fn tidy(&self, record: &mut RecipientRecord, now: DateTime<Utc>) {
        record.installations.retain(|entry| self.is_alive(entry, now));
        record.fences.retain(|fence| now - fence.set_at < TRACES_LIVE);
    }
}
