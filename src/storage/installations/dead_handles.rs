//! Removes a handle that a push service reported as dead: from its installation, which goes when it has no other one.
//!
//! A change as any other, in the same order and with the same traces.

use std::pin::pin;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::recipients::Trigger;
use super::records::{HandleRecord, InstallationRecord, StoredInstallation};
use super::{ChangeStart, Installations, hashed};
use crate::notifications::device::{AppName, DeviceHandle};
use crate::storage::store::{Change, ListedDocument, StoreError};

/// Whose handles a hub reports: one app's, for alerts or for calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubScope {
    /// The app; `None` is the default one.
    pub app: Option<AppName>,
    /// Whether it is the hub for calls on iOS.
    pub is_voip: bool,
}

/// An installation that was PUT within this time before a report, or after it, keeps its handle: the clocks of hub and program
/// differ, and a push may have been on its way.
const CLOCKS_MAY_DIFFER: TimeDelta = TimeDelta::minutes(5);

impl Installations {
    /// How many of these changes to make at the same time.
    pub fn max_concurrent_changes(&self) -> usize {
        self.store.max_concurrent_changes()
    }

    /// How long an installation lives: no older report says anything of one that is there.
    pub fn time_to_live(&self) -> TimeDelta {
        self.limits.time_to_live
    }

    /// Whether a handle that was reported as dead at that time would be removed.
    pub async fn has_dead(
        &self,
        handle: &DeviceHandle,
        reported: DateTime<Utc>,
        scope: &HubScope,
    ) -> Result<bool, StoreError> {
        let Some(id) = self.owner_of(handle).await? else { return Ok(false) };
        let record = self.read_versioned::<InstallationRecord>(&id).await?.document;
        Ok(record.and_then(|record| record.installation).is_some_and(|stored| stored.has_dead(handle, reported, scope)))
    }

    /// Removes a handle, if it is still the same installation's as when it was reported. Returns whether it did.
    pub async fn remove_dead(
        &self,
        handle: &DeviceHandle,
        reported: DateTime<Utc>,
        scope: &HubScope,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let began = ChangeStart::now(now);
        let Some(id) = self.owner_of(handle).await? else { return Ok(false) };
        let pending = self.note_pending(&id, []).await?;
        let remove = |record: Option<InstallationRecord>| {
            let found = record.and_then(|record| Some((record.installation.clone()?, record)));
            let Some((stored, record)) = found.filter(|(stored, _)| stored.has_dead(handle, reported, scope)) else {
                return Change::Keep(None);
            };
            let revision = record.next_revision(now);
            let rest = stored.without_handle(scope, revision);
            let written = record.replaced(&id, revision, rest);
            Change::Write(written.clone(), Some(written))
        };
        let Some(record) = self.update(id.as_str(), None, remove).await? else {
            return self.forget_pending(&pending).await.map(|()| false);
        };
        // Its note stays for Maintenance, as it left a handle.
        self.finish(&record, Trigger::Resumed, Vec::new(), began).await?;
        Ok(true)
    }

    /// How many installations have a handle that the hub pushes to, counted no further than `most`; `None` if the time is over
    /// before that is known. Their order is that of hashes, so the first are like all.
    pub async fn count_reached(
        &self,
        scope: &HubScope,
        most: usize,
        now: DateTime<Utc>,
        until: Instant,
    ) -> Result<Option<usize>, StoreError> {
        let is_reached = |listed: Result<ListedDocument, StoreError>| async move {
            let listed = listed?;
            let stored = match self.store.read::<InstallationRecord>(&listed.key).await {
                Err(StoreError::Unreadable(_) | StoreError::NewerFormat { .. }) => None,
                read => read?.and_then(|record| record.installation),
            };
            let is_one = stored.is_some_and(|stored| stored.handle_for(scope).is_some() && self.is_alive(&stored, now));
            Ok::<_, StoreError>(usize::from(is_one))
        };
        let listed = self.store.list("installations").map(is_reached);
        let mut counted = pin!(listed.buffer_unordered(self.store.max_concurrent_changes()));
        let mut count = 0;
        while count < most {
            match timeout_at(until, counted.next()).await {
                Ok(Some(one)) => count += one?,
                Ok(None) => break,
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(count))
    }

    /// The installation that has a handle.
    async fn owner_of(&self, handle: &DeviceHandle) -> Result<Option<String>, StoreError> {
        let record = self.read_versioned::<HandleRecord>(handle).await?.document;
        Ok(record.and_then(|record| record.installation_id).filter(|id| !hashed::is_hash(id)))
    }
}

impl StoredInstallation {
    /// The handle that a hub pushes to, if it is of that app and has one.
    fn handle_for(&self, scope: &HubScope) -> Option<DeviceHandle> {
        if self.app() != scope.app {
            return None;
        }
        if scope.is_voip { self.voip_handle() } else { self.alert_handle() }
    }

    /// Whether it has the handle, and was PUT before that was reported.
    fn has_dead(&self, handle: &DeviceHandle, reported: DateTime<Utc>, scope: &HubScope) -> bool {
        self.written_at + CLOCKS_MAY_DIFFER < reported && self.handle_for(scope).as_ref() == Some(handle)
    }
}
