//! The register of devices: who has which phone in a pocket.
//!
//! Three kinds of documents. `installations/…` holds what was PUT, by id, and is the truth. `recipients/…` holds a copy
//! of everything that belongs to one user or number, so that an event costs one read. `handles/…` says which
//! installation a device handle belongs to. A change goes through them in an order that never leaves a device with two
//! owners: who had its handle goes first, then the old recipients lose it, then the new ones get it. Every change has a
//! revision, and wherever two meet, the greater one wins.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::device::{AppName, ContentMode, Device, DeviceHandle, Os, Platform};
use crate::recipient::{PhoneNumber, Recipient, UserId};
use crate::store::{Change, Fingerprint, Store, StoreError};

mod handles;
mod recently_read;
mod recipients;
mod stored;
mod submitted;
#[cfg(test)]
mod tests;

use recently_read::{RecentlyRead, USED_FOR};
use recipients::Place;
pub use stored::ShownInstallation;
use stored::{InstallationRecord, RecipientRecord, StoredInstallation};
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
    recently_read: RecentlyRead,
}

/// What a deletion leaves behind outlives every PUT that could still be under way.
const TRACES_LIVE: TimeDelta = TimeDelta::minutes(10);

impl Installations {
    /// A register in `store`.
    pub fn new(store: Arc<Store>, limits: Limits) -> Self {
        Self { store, limits, recently_read: RecentlyRead::default() }
    }

    /// The devices that show what is for `recipient`: one read.
    pub async fn devices_of(&self, recipient: &Recipient, now: DateTime<Utc>) -> Result<Arc<[Device]>, StoreError> {
        let reading = self.recently_read.begin();
        let record: Option<RecipientRecord> = self.store.read(&recipient_key(recipient)).await?;
        let mut entries = record.map(|record| record.installations).unwrap_or_default();
        entries.retain(|entry| self.is_alive(entry, now));
        let last = entries.iter().all(|entry| self.is_alive(entry, now + USED_FOR));
        let devices: Arc<[Device]> = entries.into_iter().map(Device::from).collect();
        if last {
            self.recently_read.keep(recipient, &devices, reading);
        }
        Ok(devices)
    }

    /// The devices of `recipient` as they were a moment ago, at least one, where that is known without a read.
    pub fn recent_devices_of(&self, recipient: &Recipient) -> Option<Arc<[Device]>> {
        self.recently_read.get(recipient)
    }

    /// The installation of that id.
    pub async fn get(&self, id: &str, now: DateTime<Utc>) -> Result<Option<Installation>, StoreError> {
        let record: Option<InstallationRecord> = self.store.read(&installation_key(id)).await?;
        let stored = record.and_then(|record| record.installation).filter(|stored| self.is_alive(stored, now));
        Ok(stored.map(StoredInstallation::into_installation))
    }

    /// Registers a device, in place of what had its id or its handle before.
    pub async fn put(&self, installation: &Installation, now: DateTime<Utc>) -> Result<Put, StoreError> {
        let recipients = installation.recipients();
        let key = installation_key(&installation.id);
        // Newer than whoever has a handle of it now, whatever that one's clock said.
        let mut least = 0;
        for handle in [Some(&installation.handle), installation.voip_handle.as_ref()].into_iter().flatten() {
            least = least.max(self.revision_of_handle(handle).await? + 1);
        }
        let (stored, leaving, before) = self
            .store
            .update(&key, |record: Option<InstallationRecord>| {
                let record = record.unwrap_or_default();
                let stored = StoredInstallation::new(installation, record.next_revision(now).max(least), now);
                let mut leaving = record.recipients();
                leaving.retain(|recipient| !recipients.contains(recipient));
                let written = InstallationRecord::new(stored.clone(), &leaving);
                Change::Write(written, (stored, leaving, record.installation))
            })
            .await?;
        let created = !before.as_ref().is_some_and(|before| self.is_alive(before, now));
        let handles = stored.handles();
        for handle in &handles {
            if !self.claim_handle(handle, &stored, now).await? {
                // A newer installation has the handle: it came after this one, and replaced it.
                self.delete_if(&installation.id, now, |current| current.revision == stored.revision).await?;
                return Ok(Put { created, evicted: Vec::new() });
            }
        }
        let before = before.map(|before| before.handles()).unwrap_or_default();
        for handle in before.iter().filter(|handle| !handles.contains(handle)) {
            self.release_handle(handle, &installation.id, stored.revision).await?;
        }
        for recipient in &leaving {
            self.take_from(recipient, &installation.id, stored.revision, now).await?;
        }
        let mut evicted = Vec::new();
        for recipient in &recipients {
            match self.give_to(recipient, &stored, now).await? {
                Place::Taken(others) => {
                    for other in others {
                        self.leave(&other, recipient, now).await?;
                        if !evicted.contains(&other.id) {
                            evicted.push(other.id);
                        }
                    }
                }
                Place::Late => self.insist_on_being_late(&key, stored.revision).await?,
            }
        }
        if !leaving.is_empty() {
            self.settle(&key, stored.revision).await?;
        }
        Ok(Put { created, evicted })
    }

    /// Forgets a device. Nothing happens when there is none of that id.
    pub async fn delete(&self, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.delete_if(id, now, |_| true).await
    }

    /// Removes the document behind one key of a listing if it is over: an installation that expired, a deletion that did
    /// not come to its end, or the trace of one that did. Says whether an installation went.
    pub async fn remove_if_over(
        &self,
        key: &str,
        modified: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let record: Option<InstallationRecord> = self.store.read(key).await?;
        let Some(record) = record else { return Ok(false) };
        let is_old = now - modified > TRACES_LIVE;
        match &record.installation {
            Some(stored) if self.is_alive(stored, now) => Ok(false),
            Some(stored) => {
                self.delete_if(&stored.id, now, |current| current.revision == stored.revision).await?;
                Ok(true)
            }
            None if is_old && !record.leaving.is_empty() => {
                self.delete_if(&record.id, now, |_| false).await?;
                Ok(false)
            }
            None if is_old => {
                let forget = |current: Option<InstallationRecord>| match current {
                    Some(current) if current.revision == record.revision => Change::Delete(()),
                    Some(_) | None => Change::Keep(()),
                };
                self.store.update(key, forget).await.map(|()| false)
            }
            None => Ok(false),
        }
    }

    /// Deletes an installation if the condition holds for it, and ends a deletion that stopped halfway in any case.
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
                    let gone = InstallationRecord::gone(id, revision, &leaving);
                    Change::Write(gone, Some((revision, leaving, record.installation)))
                }
                Some(_) | None => Change::Keep(None),
            })
            .await?;
        let Some((revision, leaving, stored)) = gone else { return Ok(()) };
        for recipient in &leaving {
            self.take_from(recipient, id, revision, now).await?;
        }
        for handle in stored.map(|stored| stored.handles()).unwrap_or_default() {
            self.release_handle(&handle, id, revision).await?;
        }
        self.settle(&key, revision).await
    }

    /// Notes that everybody who was to lose the installation did. The revision of one that is gone stays for a while, so
    /// that the next one is greater on every clock.
    async fn settle(&self, key: &str, revision: i64) -> Result<(), StoreError> {
        let settle = |record: Option<InstallationRecord>| match record {
            Some(mut record) if record.revision == revision => {
                record.leaving.clear();
                Change::Write(record, ())
            }
            Some(_) | None => Change::Keep(()),
        };
        self.store.update(key, settle).await
    }

    /// A PUT that came late somewhere was replaced by a newer change. If it was not, the backend has to repeat it.
    async fn insist_on_being_late(&self, key: &str, revision: i64) -> Result<(), StoreError> {
        let record: Option<InstallationRecord> = self.store.read(key).await?;
        let is_latest = record.is_some_and(|record| record.revision == revision);
        if is_latest { Err(StoreError::Contended("installations".to_owned())) } else { Ok(()) }
    }

    fn is_alive(&self, stored: &StoredInstallation, now: DateTime<Utc>) -> bool {
        now - stored.written_at < self.limits.time_to_live
            && stored.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

impl Installation {
    /// Everybody whose events it shows.
    fn recipients(&self) -> Vec<Recipient> {
        let user = self.user_id.iter().cloned().map(Recipient::User);
        user.chain(self.phone_numbers.iter().cloned().map(Recipient::Number)).collect()
    }
}

fn installation_key(id: &str) -> String {
    Fingerprint::of(&[id]).key("installations")
}

/// Where the register has everything of a recipient.
pub fn recipient_key(recipient: &Recipient) -> String {
    let kind = match recipient {
        Recipient::User(_) => "user",
        Recipient::Number(_) => "number",
    };
    Fingerprint::of(&[kind, recipient.as_str()]).key("recipients")
}
