//! The register of devices: who has which phone in a pocket.
//!
//! Three kinds of documents. `installations/…` holds what was PUT, by id, and is the truth. `recipients/…` holds a copy
//! of everything that belongs to one user or number, so that an event costs one read. `handles/…` says which
//! installation a device handle belongs to. A change goes through them in an order that never leaves a device with two
//! owners: the old recipient loses it before the new one gets it, and where two changes of one installation overlap,
//! a fence left behind by the newer one keeps the older one out.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::device::{AppName, ContentMode, Device, DeviceHandle, Platform};
use crate::recipient::{PhoneNumber, Recipient, UserId};
use crate::store::{self, Change, Store, StoreError};

mod stored;
mod submitted;

pub use stored::ShownInstallation;
use stored::{Fence, HandleOwner, InstallationRecord, RecipientRecord, StoredInstallation};
pub use submitted::{InstallationError, Submitted};

/// A registered device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// What it is called; unique.
    pub id: String,
    /// The user who holds it.
    pub user_id: Option<UserId>,
    /// The numbers whose messages it shows.
    pub phone_numbers: Vec<PhoneNumber>,
    /// The push service that reaches it.
    pub platform: Platform,
    /// Where alerts go.
    pub handle: DeviceHandle,
    /// Where calls go on iOS.
    pub voip_handle: Option<DeviceHandle>,
    /// The app it belongs to; `None` is the default one.
    pub app: Option<AppName>,
    /// Its operating system.
    pub os: Option<Os>,
    /// The language of its user.
    pub locale: Option<String>,
    /// How much its lock screen may show.
    pub content: Option<ContentMode>,
    /// Threads that its user does not want to hear of.
    pub muted_threads: Vec<String>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The operating system of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    /// iOS or iPadOS.
    Ios,
    /// Android.
    Android,
}

/// Limits of the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Installations of one user.
    pub per_user: usize,
    /// Installations of one number.
    pub per_number: usize,
    /// How long an installation lives without being PUT again.
    pub time_to_live: TimeDelta,
}

/// What a PUT did.
#[derive(Debug)]
pub struct Put {
    /// Whether nothing was there before.
    pub created: bool,
    /// Ids of installations that had to make room, because a user or number had too many.
    pub evicted: Vec<String>,
}

/// The register.
#[derive(Debug)]
pub struct Installations {
    store: Arc<Store>,
    limits: Limits,
}

/// Fences outlive every PUT that could still be under way.
const FENCE_LIFETIME: TimeDelta = TimeDelta::minutes(10);

impl Installations {
    /// A register in `store`.
    pub fn new(store: Arc<Store>, limits: Limits) -> Self {
        Self { store, limits }
    }

    /// The devices that show what is for `recipient`: one read.
    pub async fn devices_of(&self, recipient: &Recipient, now: DateTime<Utc>) -> Result<Vec<Device>, StoreError> {
        let record: Option<RecipientRecord> = self.store.read(&recipient_key(recipient)).await?;
        let entries = record.map(|record| record.installations).unwrap_or_default();
        Ok(entries
            .into_iter()
            .filter(|entry| self.is_alive(entry, now))
            .map(|entry| entry.installation().into())
            .collect())
    }

    /// The installation of that id.
    pub async fn get(&self, id: &str, now: DateTime<Utc>) -> Result<Option<Installation>, StoreError> {
        let record: Option<InstallationRecord> = self.store.read(&installation_key(id)).await?;
        let stored = record.and_then(|record| record.installation).filter(|stored| self.is_alive(stored, now));
        Ok(stored.map(|stored| stored.installation()))
    }

    /// Registers a device, in place of what had its id or its handle before.
    pub async fn put(&self, installation: &Installation, now: DateTime<Utc>) -> Result<Put, StoreError> {
        let recipients = recipients(installation);
        let key = installation_key(&installation.id);
        let (stored, leaving, before) = self
            .store
            .update(&key, |record: Option<InstallationRecord>| {
                let record = record.unwrap_or_default();
                let stored = StoredInstallation::new(installation, record.next_revision(now), now);
                let before = record.installation.as_ref().filter(|before| self.is_alive(before, now)).cloned();
                let mut leaving = record.recipients();
                leaving.retain(|recipient| !recipients.contains(recipient));
                let written = InstallationRecord::new(stored.clone(), &leaving);
                Change::Write(written, (stored, leaving, before))
            })
            .await?;
        self.claim_handle(installation, before.as_ref(), now).await?;
        for recipient in &leaving {
            self.take_from(recipient, &installation.id, stored.revision, now).await?;
        }
        let mut evicted = Vec::new();
        for recipient in &recipients {
            for other in self.give_to(recipient, &stored, now).await? {
                self.leave(&other, recipient, now).await?;
                evicted.push(other.id);
            }
        }
        if !leaving.is_empty() {
            self.settle(&key, stored.revision).await?;
        }
        Ok(Put { created: before.is_none(), evicted })
    }

    /// Forgets a device. Nothing happens when there is none of that id.
    pub async fn delete(&self, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.delete_if(id, now, |_| true).await
    }

    /// Removes the installation behind one key of a listing if it is over; says whether it was.
    pub async fn remove_if_over(&self, key: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let record: Option<InstallationRecord> = self.store.read(key).await?;
        let Some(record) = record else { return Ok(false) };
        let Some(stored) = record.installation.filter(|stored| !self.is_alive(stored, now)) else { return Ok(false) };
        self.delete_if(&stored.id, now, |current| current.revision == stored.revision).await?;
        Ok(true)
    }

    async fn delete_if(
        &self,
        id: &str,
        now: DateTime<Utc>,
        condition: impl Fn(&StoredInstallation) -> bool,
    ) -> Result<(), StoreError> {
        let key = installation_key(id);
        let gone = self
            .store
            .update(&key, |record: Option<InstallationRecord>| match record {
                Some(record) if record.installation.as_ref().is_none_or(&condition) => {
                    let (revision, leaving) = (record.next_revision(now), record.recipients());
                    let stored = record.installation;
                    Change::Write(InstallationRecord::gone(revision, &leaving), Some((revision, leaving, stored)))
                }
                Some(_) | None => Change::Keep(None),
            })
            .await?;
        let Some((revision, leaving, stored)) = gone else { return Ok(()) };
        for recipient in &leaving {
            self.take_from(recipient, id, revision, now).await?;
        }
        if let Some(stored) = stored {
            self.release_handle(stored.handle(), id).await?;
        }
        self.settle(&key, revision).await
    }

    /// Makes the handle this installation's own. One that had it before is a phone that was set up anew.
    async fn claim_handle(
        &self,
        installation: &Installation,
        before: Option<&StoredInstallation>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let handle = &installation.handle;
        let owner = HandleOwner { installation_id: installation.id.clone() };
        let other = self
            .store
            .update(&handle_key(handle), |current: Option<HandleOwner>| match current {
                Some(current) if current == owner => Change::Keep(None),
                current => Change::Write(owner.clone(), current),
            })
            .await?;
        if let Some(other) = other {
            self.delete_if(&other.installation_id, now, |stored| stored.handle() == *handle).await?;
        }
        match before.map(StoredInstallation::handle) {
            Some(old) if old != *handle => self.release_handle(old, &installation.id).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn release_handle(&self, handle: DeviceHandle, id: &str) -> Result<(), StoreError> {
        let release = |current: Option<HandleOwner>| match current {
            Some(current) if current.installation_id == id => Change::Delete(()),
            Some(_) | None => Change::Keep(()),
        };
        self.store.update(&handle_key(&handle), release).await
    }

    /// Removes an installation from a recipient, and keeps out what is older than `revision`.
    async fn take_from(
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
        self.store.update(&recipient_key(recipient), take).await
    }

    /// Adds an installation to a recipient, unless a newer change was there already. Returns what had to make room.
    async fn give_to(
        &self,
        recipient: &Recipient,
        stored: &StoredInstallation,
        now: DateTime<Utc>,
    ) -> Result<Vec<StoredInstallation>, StoreError> {
        let limit = match recipient {
            Recipient::User(_) => self.limits.per_user,
            Recipient::Number(_) => self.limits.per_number,
        };
        let give = |record: Option<RecipientRecord>| {
            let mut record = record.unwrap_or_default();
            let newer = |id: &str, revision: i64| id == stored.id && revision > stored.revision;
            let is_late = record.fences.iter().any(|fence| newer(&fence.id, fence.revision))
                || record.installations.iter().any(|entry| newer(&entry.id, entry.revision));
            if is_late {
                return Change::Keep(Vec::new());
            }
            record.installations.retain(|entry| entry.id != stored.id);
            self.tidy(&mut record, now);
            // In the order of writing, so the first one was not written for longest.
            record.installations.sort_by_key(|entry| entry.revision);
            record.installations.push(stored.clone());
            let excess = record.installations.len().saturating_sub(limit);
            let evicted = record.installations.drain(..excess).collect();
            Change::Write(record, evicted)
        };
        self.store.update(&recipient_key(recipient), give).await
    }

    /// Has an installation that was evicted from a recipient no longer name it.
    async fn leave(
        &self,
        evicted: &StoredInstallation,
        recipient: &Recipient,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut remaining = evicted.installation();
        match recipient {
            Recipient::User(_) => remaining.user_id = None,
            Recipient::Number(number) => remaining.phone_numbers.retain(|other| other != number),
        }
        if recipients(&remaining).is_empty() {
            return self.delete_if(&evicted.id, now, |current| current.revision == evicted.revision).await;
        }
        let key = installation_key(&evicted.id);
        let leave = |record: Option<InstallationRecord>| match record {
            Some(mut record) if record.revision == evicted.revision => {
                let stored = StoredInstallation::new(&remaining, evicted.revision, evicted.written_at);
                record.installation = Some(stored);
                Change::Write(record, ())
            }
            Some(_) | None => Change::Keep(()),
        };
        self.store.update(&key, leave).await
    }

    /// Notes that everybody who was to lose the installation did.
    async fn settle(&self, key: &str, revision: i64) -> Result<(), StoreError> {
        let settle = |record: Option<InstallationRecord>| match record {
            Some(record) if record.revision != revision => Change::Keep(()),
            Some(mut record) if record.installation.is_some() => {
                record.leaving.clear();
                Change::Write(record, ())
            }
            Some(_) => Change::Delete(()),
            None => Change::Keep(()),
        };
        self.store.update(key, settle).await
    }

    fn tidy(&self, record: &mut RecipientRecord, now: DateTime<Utc>) {
        record.installations.retain(|entry| self.is_alive(entry, now));
        record.fences.retain(|fence| now - fence.set_at < FENCE_LIFETIME);
    }

    fn is_alive(&self, stored: &StoredInstallation, now: DateTime<Utc>) -> bool {
        now - stored.written_at < self.limits.time_to_live
            && stored.expires_at().is_none_or(|expires_at| now < expires_at)
    }
}

/// Everybody whose events the installation shows.
fn recipients(installation: &Installation) -> Vec<Recipient> {
    let user = installation.user_id.iter().cloned().map(Recipient::User);
    user.chain(installation.phone_numbers.iter().cloned().map(Recipient::Number)).collect()
}

fn installation_key(id: &str) -> String {
    store::key("installations", &[id])
}

fn handle_key(handle: &DeviceHandle) -> String {
    store::key("handles", &[handle.expose()])
}

fn recipient_key(recipient: &Recipient) -> String {
    match recipient {
        Recipient::User(user) => store::key("recipients", &["user", user.as_str()]),
        Recipient::Number(number) => store::key("recipients", &["number", number.as_str()]),
    }
}

impl From<Installation> for Device {
    fn from(installation: Installation) -> Self {
        Self {
            installation_id: installation.id,
            app: installation.app,
            platform: installation.platform,
            handle: installation.handle,
            voip_handle: installation.voip_handle,
            content: installation.content,
            muted_threads: installation.muted_threads,
        }
    }
}
