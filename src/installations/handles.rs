//! `handles/…`: a device handle, for alerts or for calls, belongs to one installation, the one that was PUT last.

use futures_util::future::try_join_all;

use super::changes::Urge;
use super::stored::{HandleOwner, InstallationRecord, StoredInstallation};
use super::{Began, Installations, handle_key};
use crate::device::DeviceHandle;
use crate::store::{Change, Seen, StoreError};

/// So many others may have a handle one after the other while it is claimed.
const MOST_ATTEMPTS: u32 = 30;

/// What became of claiming a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It belongs to the installation.
    Won,
    /// It belongs to one that was PUT later.
    Lost,
}

impl Installations {
    /// Makes the handle this installation's own. Another one that has it is a phone that was set up anew, and loses it
    /// *first*, with all copies: cut off in between, nobody has two phones, and a repeat goes on from there.
    pub(super) async fn claim(
        &self,
        handle: &DeviceHandle,
        stored: &StoredInstallation,
        urge: Urge,
        mut seen: Option<Seen<HandleOwner>>,
        began: Began,
    ) -> Result<Claim, StoreError> {
        let mine = HandleOwner { installation_id: stored.id.clone(), revision: stored.revision };
        for _ in 0..MOST_ATTEMPTS {
            began.check()?;
            let claim = |current: Option<HandleOwner>| match current {
                Some(current) if current.installation_id != mine.installation_id => Change::Keep(Some(current)),
                Some(current) if current.revision >= mine.revision => Change::Keep(None),
                Some(_) | None => Change::Write(mine.clone(), None),
            };
            let other = self.update_handle(handle, &stored.id, seen.take(), claim).await?;
            let Some(other) = other else { return Ok(Claim::Won) };
            if self.evict(&other, handle, stored, urge, began).await? == Claim::Lost {
                return Ok(Claim::Lost);
            }
        }
        Err(StoreError::Contended("handles".to_owned()))
    }

    /// Has another installation lose a handle, unless it was PUT later: then this one lost.
    async fn evict(
        &self,
        other: &HandleOwner,
        handle: &DeviceHandle,
        stored: &StoredInstallation,
        urge: Urge,
        began: Began,
    ) -> Result<Claim, StoreError> {
        let id = &other.installation_id;
        let is_older = |current: &StoredInstallation| {
            urge == Urge::Asked && (current.revision, &current.id) < (stored.revision, &stored.id)
        };
        if let Some(record) = self.see_installation(id).await?.document {
            match &record.installation {
                Some(current) if current.handles().contains(handle) => {
                    if !is_older(current) {
                        return Ok(Claim::Lost);
                    }
                    let has_it = |current: &StoredInstallation| current.handles().contains(handle) && is_older(current);
                    return self.remove(id, began, has_it).await.map(|()| Claim::Won);
                }
                // It has another handle by now, or is gone. Copies may be left that still have this one.
                _ => self.take_older_copies(&record, began).await?,
            }
        }
        // As it was seen: a claim since then is another one's.
        let release = |current: Option<HandleOwner>| match current {
            Some(current) if current == *other => Change::Delete(()),
            Some(_) | None => Change::Keep(()),
        };
        self.update_handle(handle, id, None, release).await.map(|()| Claim::Won)
    }

    async fn take_older_copies(&self, record: &InstallationRecord, began: Began) -> Result<(), StoreError> {
        let holders = record.recipients();
        let taken = holders.iter().map(|holder| self.take_from(holder, &record.id, record.revision, began.now));
        try_join_all(taken).await.map(drop)
    }

    /// Gives a handle up, unless it was claimed anew since the change that did so.
    pub(super) async fn release(&self, handle: &DeviceHandle, id: &str, revision: i64) -> Result<(), StoreError> {
        let release = |current: Option<HandleOwner>| match current {
            Some(current) if current.installation_id == id && current.revision <= revision => Change::Delete(()),
            Some(_) | None => Change::Keep(()),
        };
        self.update_handle(handle, id, None, release).await
    }

    /// A handle's document, put together anew where it is damaged. `id` is who asks.
    pub(super) async fn see_handle(&self, handle: &DeviceHandle, id: &str) -> Result<Seen<HandleOwner>, StoreError> {
        match self.store.see(&handle_key(handle)).await {
            Err(StoreError::Unreadable(_)) => {
                Box::pin(self.mend_handle(handle, id)).await?;
                self.store.see(&handle_key(handle)).await
            }
            seen => seen,
        }
    }

    async fn update_handle<R>(
        &self,
        handle: &DeviceHandle,
        id: &str,
        seen: Option<Seen<HandleOwner>>,
        mut change: impl FnMut(Option<HandleOwner>) -> Change<HandleOwner, R>,
    ) -> Result<R, StoreError> {
        let key = handle_key(handle);
        match self.store.update_seen(&key, seen, &mut change).await {
            Err(StoreError::Unreadable(_)) => {
                Box::pin(self.mend_handle(handle, id)).await?;
                self.store.update(&key, change).await
            }
            done => done,
        }
    }
}
