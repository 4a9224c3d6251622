//! Forgets a user or a number: removes it from every installation, so that no document holds a value of it.
//!
//! It is a change as any other, with all its traces, because an older change may still be running. But what it leaves behind for
//! Maintenance holds hashes only. All installations are read: one whose change was interrupted may be in no recipient's
//! document.

use std::collections::BTreeSet;
use std::pin::pin;

use chrono::{DateTime, Utc};
use futures_util::stream::{StreamExt, TryStreamExt};

use super::pending::end_name;
use super::recipients::Trigger;
use super::records::{InstallationRecord, MaintenanceNote, RecipientRecord};
use super::{ChangeStart, Installation, Installations, StoredInstallation, hashed, recipient_key};
use crate::events::recipient::Recipient;
use crate::notifications::device::DeviceHandle;
use crate::storage::store::{Change, StoreError};

/// How many documents are read at the same time.
const MAX_CONCURRENT_READS: usize = 32;

/// What the register holds of a person.
#[derive(Debug)]
pub struct Holdings {
    /// By installation.
    pub installations: Vec<Holding>,
    /// How many documents of installations cannot be read.
    pub unreadable: usize,
}

/// What is held of a person under one installation's id.
#[derive(Debug)]
pub struct Holding {
    /// The id.
    pub id: String,
    /// The installation, if it is the person's. Else only traces of an older form are.
    pub installation: Option<Installation>,
    /// Whether it is somebody else's, too, and stays.
    pub stays: bool,
    handles: Vec<DeviceHandle>,
}

impl Installations {
    /// Reads what the register holds of a person. `progress` is told how many documents were read.
    pub async fn holdings_of(
        &self,
        recipient: &Recipient,
        mut progress: impl FnMut(usize),
    ) -> Result<Holdings, StoreError> {
        let (mut installations, mut unreadable, mut read) = (Vec::new(), 0, 0);
        let listed = self.store.list("installations");
        let records = listed.map(|listed| async {
            match self.store.read::<InstallationRecord>(&listed?.key).await {
                Err(StoreError::Unreadable(_)) => Ok(None),
                record => record.map(|record| Some(record.unwrap_or_default())),
            }
        });
        let mut records = pin!(records.buffer_unordered(MAX_CONCURRENT_READS));
        while let Some(record) = records.try_next().await? {
            match record {
                Some(record) => installations.extend(Holding::of(recipient, record)),
                None => unreadable += 1,
            }
            read += 1;
            progress(read);
        }
        // What its own document names beside these was removed before, or is left from a damaged store.
        let own = match self.store.read::<RecipientRecord>(&recipient_key(recipient)).await {
            Err(StoreError::Unreadable(_)) => None,
            own => own?,
        };
        let RecipientRecord { installations: entries, fences } = own.unwrap_or_default();
        let named = entries.into_iter().map(|entry| entry.id).chain(fences.into_iter().map(|fence| fence.id));
        for id in named.filter(|id| !hashed::is_hash(id)) {
            if installations.iter().all(|holding| holding.id != id) {
                installations.push(Holding { id, installation: None, stays: false, handles: Vec::new() });
            }
        }
        installations.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(Holdings { installations, unreadable })
    }

    /// Removes a person from what is held, and deletes the installations that are left with nobody; those of a user in any case.
    /// `progress` is told how many installations are done.
    pub async fn forget(
        &self,
        recipient: &Recipient,
        holdings: &Holdings,
        now: DateTime<Utc>,
        mut progress: impl FnMut(usize),
    ) -> Result<(), StoreError> {
        for (done, holding) in holdings.installations.iter().enumerate() {
            progress(done);
            self.forget_in(recipient, &holding.id, ChangeStart::now(now)).await?;
        }
        self.clear_document_of(recipient, ChangeStart::now(now)).await?;
        self.hash_notes(holdings).await?;
        self.forget_ends(holdings).await?;
        self.store.remove_partial_writes().await
    }

    async fn forget_in(&self, recipient: &Recipient, id: &str, began: ChangeStart) -> Result<(), StoreError> {
        let pending = self.note_pending(&hashed::of_id(id), []).await?;
        let leave = |record: Option<InstallationRecord>| {
            let Some(record) = record else { return Change::Keep(None) };
            let names_it = |stored: &StoredInstallation| stored.recipients().contains(recipient);
            let written = match record.installation.clone().filter(names_it) {
                Some(stored) => {
                    let revision = record.next_revision(began.now);
                    let rest = match recipient {
                        Recipient::User(_) => None,
                        Recipient::Number(_) => stored.without(recipient, revision),
                    };
                    record.replaced(id, revision, rest)
                }
                // It left before.
                None => record,
            };
            let written = written.hashed();
            Change::Write(written.clone(), Some(written))
        };
        let Some(record) = self.update(id, None, leave).await? else {
            return self.forget_pending(&pending).await;
        };
        self.finish(&record, Trigger::Resumed, Vec::new(), began).await?;
        for recipient in record.leaving() {
            self.hash_fences(&recipient).await?;
        }
        Ok(())
    }

    /// Removes from a person's own document what no installation confirms, and the ids from its fences.
    async fn clear_document_of(&self, recipient: &Recipient, began: ChangeStart) -> Result<(), StoreError> {
        let record = self.read_versioned::<RecipientRecord>(recipient).await?.document.unwrap_or_default();
        self.remove_stale_entries(recipient, &record.installations, began).await?;
        self.hash_fences(recipient).await
    }

    async fn hash_fences(&self, recipient: &Recipient) -> Result<(), StoreError> {
        let hash = |record: Option<RecipientRecord>| match record {
            Some(record) => Change::Write(record.with_hashed_fences(), ()),
            None => Change::Keep(()),
        };
        self.update(recipient, None, hash).await
    }

    /// Removes the values from notes about these installations and handles.
    async fn hash_notes(&self, holdings: &Holdings) -> Result<(), StoreError> {
        let is_about = |note: &MaintenanceNote| {
            let names = |handle: &DeviceHandle| note.handles.iter().any(|named| named.handle() == *handle);
            let mut held = holdings.installations.iter();
            held.any(|holding| holding.id == note.installation_id || holding.handles.iter().any(names))
        };
        let mut listed = self.store.list("pending");
        while let Some(listed) = listed.try_next().await? {
            let hash = |note: Option<MaintenanceNote>| match note {
                Some(note) if is_about(&note) => Change::Write(note.hashed(), ()),
                Some(_) | None => Change::Keep(()),
            };
            match self.store.update(&listed.key, hash).await {
                // As Maintenance does.
                Err(StoreError::Unreadable(_)) => self.store.delete(&listed.key).await?,
                hashed => hashed?,
            }
        }
        Ok(())
    }

    /// Removes the notes about when the installations end, which name them.
    async fn forget_ends(&self, holdings: &Holdings) -> Result<(), StoreError> {
        let gone = holdings.installations.iter().filter(|holding| holding.installation.is_some() && !holding.stays);
        let gone: BTreeSet<String> = gone.map(|holding| end_name(&holding.id)).collect();
        let mut listed = self.store.list("expiring");
        while let Some(listed) = listed.try_next().await? {
            if listed.key.rsplit_once('-').is_some_and(|(_, name)| gone.contains(name)) {
                self.store.delete(&listed.key).await?;
            }
        }
        Ok(())
    }
}

impl Holding {
    /// What a record holds of a person.
    fn of(recipient: &Recipient, record: InstallationRecord) -> Option<Self> {
        if !record.recipients().contains(recipient) {
            return None;
        }
        let handles = record.handles();
        let installation = record.installation.filter(|stored| stored.recipients().contains(recipient));
        let stays = match recipient {
            Recipient::User(_) => false,
            Recipient::Number(_) => installation.as_ref().is_some_and(|stored| stored.recipients().len() > 1),
        };
        let installation = installation.map(StoredInstallation::into_installation);
        Some(Self { id: record.id, installation, stays, handles })
    }
}
