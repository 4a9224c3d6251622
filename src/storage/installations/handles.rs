//! `handles/…`: a device handle, for alerts or for calls, belongs to one installation, the one that was PUT last.
//!
//! A PUT writes its revision there before anything else. As long as that stands, the PUT may claim the handle, even minutes
//! later, when Maintenance finishes what was interrupted. When it or a later PUT has had the handle, it is too late, even if that
//! one has released it again: the document is gone, or names its revision or a later one.

use std::ops::ControlFlow::{Break, Continue};

use futures_util::future::try_join_all;

use super::records::{HandleRecord, InstallationRecord, StoredInstallation};
use super::{ChangeStart, Installations};
use crate::notifications::device::DeviceHandle;
use crate::storage::store::{Change, StoreError, Versioned};

/// How many other owners may follow each other while a handle is claimed.
const MAX_ATTEMPTS: u32 = 30;

/// The result of claiming a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It belongs to the installation.
    Won,
    /// It belongs to one that was PUT later.
    Lost,
}

impl Installations {
    /// Writes the revision of a PUT to the handle's document before anything else, so that a later PUT gets a greater one even
    /// if this one is interrupted. Returns the revision to use instead if another PUT has this one or a greater one.
    pub(super) async fn reserve(
        &self,
        handle: &DeviceHandle,
        revision: i64,
        seen: Option<Versioned<HandleRecord>>,
    ) -> Result<i64, StoreError> {
        let reserve = |current: Option<HandleRecord>| {
            // What PUTs of before wrote there is gone, so none of them may claim it any more.
            let new = || HandleRecord { revision: revision - 1, ..HandleRecord::default() };
            let current = current.unwrap_or_else(new);
            if current.wanted >= revision {
                return Change::Keep(current.wanted + 1);
            }
            Change::Write(HandleRecord { wanted: revision, ..current }, revision)
        };
        self.update(handle, seen, reserve).await
    }

    /// Makes this installation the owner of the handle. Another owner is the same phone set up again, and loses the handle
    /// *first*, with all copies: if this is interrupted, the handle has no two owners, and a repeat continues.
    pub(super) async fn claim(
        &self,
        handle: &DeviceHandle,
        stored: &StoredInstallation,
        began: ChangeStart,
    ) -> Result<Claim, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            began.check()?;
            let claim = |current: Option<HandleRecord>| {
                let current = current.unwrap_or_default();
                // What this PUT wrote there is gone.
                if current.wanted < stored.put_revision {
                    return Change::Keep(Break(Claim::Lost));
                }
                match &current.installation_id {
                    Some(other) if *other != stored.id => Change::Keep(Continue(current)),
                    Some(_) if current.revision >= stored.put_revision => Change::Keep(Break(Claim::Won)),
                    None if current.revision >= stored.put_revision => Change::Keep(Break(Claim::Lost)),
                    Some(_) | None => {
                        let (installation_id, revision) = (Some(stored.id.clone()), stored.put_revision);
                        Change::Write(HandleRecord { installation_id, revision, ..current }, Break(Claim::Won))
                    }
                }
            };
            let other = match self.update(handle, None, claim).await? {
                Continue(other) => other,
                Break(claim) => return Ok(claim),
            };
            if self.evict(&other, handle, stored, began).await? == Claim::Lost {
                return Ok(Claim::Lost);
            }
        }
        Err(StoreError::Contended("handles".to_owned()))
    }

    /// Removes a handle from another installation, unless that one was PUT later: then this one lost.
    pub(super) async fn evict(
        &self,
        other: &HandleRecord,
        handle: &DeviceHandle,
        stored: &StoredInstallation,
        began: ChangeStart,
    ) -> Result<Claim, StoreError> {
        let id = other.installation_id.as_deref().unwrap_or_default();
        let is_older =
            |current: &StoredInstallation| (current.put_revision, &current.id) < (stored.put_revision, &stored.id);
        if let Some(record) = self.read_versioned::<InstallationRecord>(id).await?.document {
            match &record.installation {
                Some(current) if current.handles().contains(handle) => {
                    if !is_older(current) {
                        return Ok(Claim::Lost);
                    }
                    let has_it = |current: &StoredInstallation| current.handles().contains(handle) && is_older(current);
                    self.remove(id, began, has_it).await?;
                    return Ok(Claim::Won);
                }
                // It has another handle now, or was deleted. Copies with this handle may be left.
                _ => self.remove_older_copies(&record, began).await?,
            }
        }
        // As it was seen: a claim since then is another one's.
        let release = |current: Option<HandleRecord>| match current {
            Some(current) if current.is_of(id) && current.revision == other.revision => {
                Change::Write(HandleRecord { installation_id: None, ..current }, ())
            }
            Some(_) | None => Change::Keep(()),
        };
        self.update(handle, None, release).await?;
        Ok(Claim::Won)
    }

    async fn remove_older_copies(&self, record: &InstallationRecord, began: ChangeStart) -> Result<(), StoreError> {
        let holders = record.recipients();
        let taken = holders.iter().map(|holder| self.remove_from(holder, &record.id, record.revision, began.now));
        try_join_all(taken).await.map(drop)
    }

    /// Releases a handle, unless it was claimed again since that change.
    pub(super) async fn release(&self, handle: &DeviceHandle, id: &str, revision: i64) -> Result<(), StoreError> {
        let release = |current: Option<HandleRecord>| match current {
            Some(current) if current.is_of(id) && current.revision <= revision => {
                // A later PUT may claim it yet.
                let is_wanted = current.wanted > current.revision;
                let released = HandleRecord { installation_id: None, ..current };
                if is_wanted { Change::Write(released, ()) } else { Change::Delete(()) }
            }
            Some(_) | None => Change::Keep(()),
        };
        self.update(handle, None, release).await
    }

    /// Removes the document of a handle without an owner, if no PUT wanted it after `revision`.
    pub(super) async fn forget_unowned(&self, handle: &DeviceHandle, revision: i64) -> Result<(), StoreError> {
        let forget = |current: Option<HandleRecord>| match current {
            Some(current) if current.installation_id.is_none() && current.wanted <= revision => Change::Delete(()),
            Some(_) | None => Change::Keep(()),
        };
        self.update(handle, None, forget).await
    }
}
