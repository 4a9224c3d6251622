//! The register of devices: which user or number has which device.
//!
//! Three kinds of documents. `installations/…` holds what was PUT, by id, and is the truth. `recipients/…` holds a copy
//! of everything that belongs to one user or number, so that an event costs one read. `handles/…` says which installation
//! a device handle belongs to. The rule: *each installation in a recipient's document owns its handle in
//! the handle's document*, so a handle never gets pushes of two installations.
//!
//! A change is written to the installation's document first, with all recipients and handles that may still have an older
//! version. Then it is finished, in an order that keeps the rule even if it is interrupted: it claims its handles, whose former
//! owners lose them; it is removed from the old recipients; it is added to the new ones; it releases handles that it does not
//! need any more. An interrupted change is finished by the next change of the same installation, or by Maintenance, for which
//! there is a note under `pending/…`.
//!
//! Every change has a revision, greater than those before it on any clock. Of two changes of one installation, the greater
//! revision wins; of two installations that want one handle, the greater pair of revision and id.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{try_join, try_join_all};
use tokio::time::Instant;

use crate::events::recipient::{PhoneNumber, Recipient, UserId};
use crate::notifications::device::{AndroidMode, AppName, ContentMode, Device, DeviceHandle, Os, Platform};
use crate::notifications::preferences::Preferences;
use crate::storage::store::{Change, Fingerprint, Store, StoreError, Versioned};

mod changes;
mod dead_handles;
mod documents;
mod forgetting;
mod handles;
mod hashed;
mod repair;
mod pending;
mod device_cache;
mod names;
mod recipients;
mod response;
mod records;
mod put_request;
mod stored_preferences;
#[cfg(test)]
mod tests;

pub use dead_handles::HubScope;
use device_cache::{CACHE_TTL, DeviceCache};
pub use forgetting::{Holding, Holdings};
pub use pending::ReviewResult;
pub use put_request::{InstallationError, PutRequest, read_recipient};
use recipients::Trigger;
use records::{HandleRecord, InstallationRecord, RecipientRecord, StoredInstallation};
pub use response::InstallationResponse;

/// A registered device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its unique id.
    pub id: String,
    /// The user who holds it.
    pub user_id: Option<UserId>,
    /// The numbers whose SMS it gets.
    pub phone_numbers: Vec<PhoneNumber>,
    /// The push service that reaches it.
    pub platform: Platform,
    /// Where alerts go; `None` if the push service reported it as dead, and calls still go elsewhere.
    pub handle: Option<DeviceHandle>,
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
    /// What its user wants to hear of.
    pub preferences: Preferences,
    /// How Android gets what is to be shown.
    pub android: Option<AndroidMode>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Limits of the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Installations of one user.
    pub per_user: usize,
    /// Installations of one number.
    pub per_number: usize,
    /// How long an installation lives without another PUT.
    pub time_to_live: TimeDelta,
}

impl Limits {
    /// For who only looks, or takes away: nothing expires or has to make room for anything.
    pub const NONE: Self =
        Self { per_user: usize::MAX, per_number: usize::MAX, time_to_live: TimeDelta::days(1_000_000) };
}

/// The result of a PUT.
#[derive(Debug)]
pub struct PutResult {
    /// Whether the installation is new.
    pub created: bool,
    /// Ids of installations that were removed because a user or number had too many.
    pub evicted: Vec<String>,
}

/// The register.
#[derive(Debug)]
pub struct Installations {
    store: Arc<Store>,
    limits: Limits,
    device_cache: DeviceCache,
    /// Recipients whose damaged document is being rebuilt.
    repairs: repair::RepairsInProgress,
}

/// When a change began, on both clocks.
#[derive(Debug, Clone, Copy)]
struct ChangeStart {
    now: DateTime<Utc>,
    at: Instant,
}

/// A change gives up after this time, so that no older one can still be running.
const MAX_CHANGE_TIME: Duration = Duration::from_secs(60);

/// How long fences and other traces of a change are kept: longer than any change can run, whatever the clocks say.
const TRACE_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// What a PUT reads from the store, in one round trip.
struct Found {
    record: Versioned<InstallationRecord>,
    handles: Vec<Versioned<HandleRecord>>,
    recipients: Vec<Versioned<RecipientRecord>>,
}

impl Installations {
    /// A register in `store`.
    pub fn new(store: Arc<Store>, limits: Limits) -> Self {
        Self { store, limits, device_cache: DeviceCache::default(), repairs: repair::RepairsInProgress::default() }
    }

    /// The devices of `recipient`: one read.
    pub async fn devices_of(&self, recipient: &Recipient, now: DateTime<Utc>) -> Result<Arc<[Device]>, StoreError> {
        let reading = self.device_cache.begin_read();
        let record: Option<RecipientRecord> = self.store.read(&recipient_key(recipient)).await?;
        let mut entries = record.map(|record| record.installations).unwrap_or_default();
        entries.retain(|entry| self.is_alive(entry, now));
        let last = entries.iter().all(|entry| self.is_alive(entry, now + CACHE_TTL));
        let devices: Arc<[Device]> = entries.into_iter().map(Device::from).collect();
        if last {
            self.device_cache.insert(recipient, &devices, reading);
        }
        Ok(devices)
    }

    /// The devices of `recipient` as they were a moment ago, at least one, where that is known without a read.
    pub fn recent_devices_of(&self, recipient: &Recipient) -> Option<Arc<[Device]>> {
        self.device_cache.get(recipient)
    }

    /// The installation of that id.
    pub async fn get(&self, id: &str, now: DateTime<Utc>) -> Result<Option<Installation>, StoreError> {
        if hashed::is_hash(id) {
            return Ok(None);
        }
        let record: Option<InstallationRecord> = self.store.read(&installation_key(id)).await?;
        let stored = record.and_then(|record| record.installation).filter(|stored| self.is_alive(stored, now));
        Ok(stored.map(StoredInstallation::into_installation))
    }

    /// Registers a device. It replaces installations with the same id or handle.
    pub async fn put(&self, installation: &Installation, now: DateTime<Utc>) -> Result<PutResult, StoreError> {
        let began = ChangeStart::now(now);
        let found = match self.refresh(installation, self.find(installation).await?, began).await? {
            Ok(refreshed) => return Ok(refreshed),
            Err(found) => found,
        };
        let expiry = installation.expires_at;
        let is_watched = found.record.document.as_ref().is_some_and(|record| record.is_watched(expiry, now));
        let watch = expiry.filter(|_| !is_watched);
        let noted = self.note_pending(&installation.id, installation.handles());
        let (pending, ()) = try_join(noted, self.watch(&installation.id, watch)).await?;
        let (record, before) = self.write(installation, found.record, found.handles, watch, began).await?;
        let evicted = self.finish(&record, Trigger::Requested, found.recipients, began).await?;
        // If it left traces, Maintenance reviews them when no earlier change can be running.
        if record.is_settled() && evicted.is_some() {
            self.forget_pending(&pending).await?;
        }
        let evicted = evicted.unwrap_or_default();
        Ok(PutResult { created: !before.is_some_and(|before| self.is_alive(&before, now)), evicted })
    }

    /// Writes the PUT to the installation's own document. Its revision is greater than any in its handles' documents, where it is
    /// written before. Returns the document, and the installation that it replaced.
    async fn write(
        &self,
        installation: &Installation,
        record: Versioned<InstallationRecord>,
        handles: Vec<Versioned<HandleRecord>>,
        watch: Option<DateTime<Utc>>,
        began: ChangeStart,
    ) -> Result<(InstallationRecord, Option<StoredInstallation>), StoreError> {
        let mut revision = began.now.timestamp_micros();
        let (mut record, mut handles) = (Some(record), handles.into_iter().map(Some).collect::<Vec<_>>());
        loop {
            began.check()?;
            let seen = handles.drain(..).chain([None, None]);
            let wanted = installation.handles().zip(seen);
            let wanted = try_join_all(wanted.map(|(handle, seen)| self.reserve(handle, revision, seen))).await?;
            let greatest = wanted.into_iter().fold(revision, i64::max);
            if greatest > revision {
                // Another PUT has this revision, or a greater one, for one of the handles.
                revision = greatest;
                continue;
            }
            let write = |record: Option<InstallationRecord>| {
                let mut record = record.unwrap_or_default();
                if record.revision >= revision {
                    return Change::Keep(Err(record.revision + 1));
                }
                let before = record.installation.clone();
                record.watched_until = watch.or(record.watched_until);
                // By a clock that is behind, a PUT is no older than the one that it replaces.
                let written_at = before.iter().map(|before| before.written_at).fold(began.now, DateTime::max);
                let stored = StoredInstallation::new(installation, revision, written_at);
                let written = record.replaced(&installation.id, revision, Some(stored));
                Change::Write(written.clone(), Ok((written, before)))
            };
            match self.update(installation.id.as_str(), record.take(), write).await? {
                Ok(written) => return Ok(written),
                Err(greater) => revision = greater,
            }
        }
    }

    /// Deletes a device. Nothing happens if there is none with this id.
    pub async fn delete(&self, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        if !hashed::is_hash(id) && self.read_versioned::<InstallationRecord>(id).await?.document.is_some() {
            self.remove(id, ChangeStart::now(now), |_| true).await?;
        }
        Ok(())
    }

    async fn find(&self, installation: &Installation) -> Result<Found, StoreError> {
        let handles = try_join_all(installation.handles().map(|handle| self.read_versioned::<HandleRecord>(handle)));
        let recipients = installation.recipients();
        let recipients =
            try_join_all(recipients.iter().map(|recipient| self.read_versioned::<RecipientRecord>(recipient)));
        let (record, (handles, recipients)) =
            try_join(self.read_versioned::<InstallationRecord>(&installation.id), try_join(handles, recipients))
                .await?;
        Ok(Found { record, handles, recipients })
    }

    /// Renews an unchanged installation: an app PUTs the same at each start. If anything is not as this PUT would leave it,
    /// returns what was found.
    async fn refresh(
        &self,
        installation: &Installation,
        found: Found,
        began: ChangeStart,
    ) -> Result<Result<PutResult, Found>, StoreError> {
        let record = found.record.document.as_ref().filter(|record| record.is_settled());
        let stored = record.and_then(|record| record.installation.clone());
        let Some(stored) =
            stored.filter(|stored| self.is_alive(stored, began.now) && stored.has_same_content(installation))
        else {
            return Ok(Err(found));
        };
        // A newer PUT may want it, and was interrupted before it owned it.
        let is_owner = |handle: &HandleRecord| handle.is_of(&stored.id) && handle.wanted <= stored.put_revision;
        let is_claimed = found.handles.iter().all(|seen| seen.document.as_ref().is_some_and(is_owner));
        if !is_claimed {
            return Ok(Err(found));
        }
        // The copies must not expire before the installation's document.
        let recipients = installation.recipients();
        let seen = recipients.iter().zip(found.recipients);
        let renewed = seen.map(|(recipient, seen)| self.renew(recipient, seen, &stored, began.now));
        if !try_join_all(renewed).await?.into_iter().all(|is_renewed| is_renewed) {
            return self.find(installation).await.map(Err);
        }
        let renew = |record: Option<InstallationRecord>| match record {
            Some(mut record) if record.revision == stored.revision => {
                if let Some(stored) = &mut record.installation {
                    stored.written_at = stored.written_at.max(began.now);
                }
                Change::Write(record, true)
            }
            Some(_) | None => Change::Keep(false),
        };
        if !self.update(stored.id.as_str(), Some(found.record), renew).await? {
            return self.find(installation).await.map(Err);
        }
        Ok(Ok(PutResult { created: false, evicted: Vec::new() }))
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

    /// Where its alerts and its calls go.
    fn handles(&self) -> impl Iterator<Item = &DeviceHandle> {
        self.handle.iter().chain(&self.voip_handle)
    }
}

impl ChangeStart {
    fn now(now: DateTime<Utc>) -> Self {
        Self { now, at: Instant::now() }
    }

    /// Fails when the change takes so long that others count on its end.
    fn check(&self) -> Result<(), StoreError> {
        if self.at.elapsed() < MAX_CHANGE_TIME {
            Ok(())
        } else {
            Err(StoreError::Contended("installations".to_owned()))
        }
    }
}

/// Where the register has an installation.
pub fn installation_key(id: &str) -> String {
    const KIND: &str = "installations";
    hashed::key(KIND, id).unwrap_or_else(|| Fingerprint::of(&[id]).key(KIND))
}

/// Where the register has the owner of a handle.
pub fn handle_key(handle: &DeviceHandle) -> String {
    const KIND: &str = "handles";
    hashed::key(KIND, handle.expose()).unwrap_or_else(|| Fingerprint::of(&[handle.expose()]).key(KIND))
}

/// Where the register has everything of a recipient.
pub fn recipient_key(recipient: &Recipient) -> String {
    const KIND: &str = "recipients";
    let kind = match recipient {
        Recipient::User(_) => "user",
        Recipient::Number(_) => "number",
    };
    let text = recipient.as_str();
    hashed::key(KIND, text).unwrap_or_else(|| Fingerprint::of(&[kind, text]).key(KIND))
}
