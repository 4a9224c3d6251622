//! `handles/…`: a device handle, for alerts or for calls, belongs to one installation, the one that was PUT last.

use chrono::{DateTime, Utc};

use super::stored::{HandleOwner, InstallationRecord, StoredInstallation};
use super::{Installations, installation_key};
use crate::device::DeviceHandle;
use crate::store::{Change, Fingerprint, StoreError};

impl Installations {
    /// The revision of whoever has the handle; 0 when nobody does.
    pub(super) async fn revision_of_handle(&self, handle: &DeviceHandle) -> Result<i64, StoreError> {
        let owner: Option<HandleOwner> = self.store.read(&handle_key(handle)).await?;
        Ok(owner.map_or(0, |owner| owner.revision))
    }

    /// Makes the handle this installation's own; says whether it is. Another one that has it is a phone that was set up
    /// anew, and goes *first*: killed in between, nobody has two phones, and a repeat goes on from there.
    pub(super) async fn claim_handle(
        &self,
        handle: &DeviceHandle,
        stored: &StoredInstallation,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mine = HandleOwner { installation_id: stored.id.clone(), revision: stored.revision };
        loop {
            let claim = |current: Option<HandleOwner>| match current {
                Some(current) if current.installation_id != mine.installation_id => Change::Keep(Some(current)),
                Some(current) if current.revision > mine.revision => Change::Keep(None),
                Some(_) | None => Change::Write(mine.clone(), None),
            };
            let Some(other) = self.store.update(&handle_key(handle), claim).await? else { return Ok(true) };
            if other.revision > mine.revision {
                return Ok(false);
            }
            let is_older =
                |current: &StoredInstallation| current.handles().contains(handle) && current.revision < mine.revision;
            self.delete_if(&other.installation_id, now, is_older).await?;
            // It may have had another handle by now; then only this is left of it.
            self.release_handle(handle, &other.installation_id, other.revision).await?;
        }
    }

    /// Gives a handle up, unless it was claimed anew since the change that did so.
    pub(super) async fn release_handle(
        &self,
        handle: &DeviceHandle,
        id: &str,
        revision: i64,
    ) -> Result<(), StoreError> {
        let release = |current: Option<HandleOwner>| match current {
            Some(current) if current.installation_id == id && current.revision <= revision => Change::Delete(()),
            Some(_) | None => Change::Keep(()),
        };
        self.store.update(&handle_key(handle), release).await
    }

    /// Removes the document behind one key of a listing if its installation has another handle, or is gone.
    pub async fn remove_unused_handle(&self, key: &str) -> Result<bool, StoreError> {
        let Some(owner) = self.store.read::<HandleOwner>(key).await? else { return Ok(false) };
        let record: Option<InstallationRecord> = self.store.read(&installation_key(&owner.installation_id)).await?;
        let stored = record.and_then(|record| record.installation);
        let is_used = |stored: StoredInstallation| stored.handles().iter().any(|handle| handle_key(handle) == key);
        if stored.is_some_and(is_used) {
            return Ok(false);
        }
        let forget = |current: Option<HandleOwner>| match current {
            Some(current) if current == owner => Change::Delete(true),
            Some(_) | None => Change::Keep(false),
        };
        self.store.update(key, forget).await
    }
}

fn handle_key(handle: &DeviceHandle) -> String {
    Fingerprint::of(&[handle.expose()]).key("handles")
}
