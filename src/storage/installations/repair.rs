//! Rebuilds damaged documents from the other kinds. That reads every document of one kind, so it is done only when a PUT, a
//! DELETE, an event or Maintenance finds the damage.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use chrono::Utc;
use futures_util::stream::TryStreamExt;

use super::hashed::{is_same_handle, is_same_id, is_same_recipient};
use super::recipients::Trigger;
use super::records::{Fence, HandleRecord, InstallationRecord, RecipientRecord, StoredInstallation};
use super::{ChangeStart, Installations, handle_key, installation_key, recipient_key};
use crate::events::recipient::Recipient;
use crate::notifications::device::DeviceHandle;
use crate::storage::store::{Document, StoreError};

/// Recipients whose documents are being rebuilt.
#[derive(Debug, Default)]
pub(super) struct RepairsInProgress(Mutex<HashSet<Recipient>>);

/// How many documents are read at the same time.
const MAX_CONCURRENT_READS: usize = 32;

impl Installations {
    /// Rebuilds a recipient's document in the background, while the event that found the damage fails and is repeated.
    pub fn repair_later(self: &Arc<Self>, recipient: &Recipient) {
        let is_first = self.repairs.0.lock().expect("nothing panics while it is held").insert(recipient.clone());
        if !is_first {
            return;
        }
        let (register, recipient) = (Arc::clone(self), recipient.clone());
        tokio::spawn(async move {
            let repaired = register.repair_recipient(&recipient).await;
            register.repairs.0.lock().expect("nothing panics while it is held").remove(&recipient);
            if let Err(error) = repaired {
                tracing::error!("a damaged document under recipients could not be repaired: {error}");
            }
        });
    }

    /// Rebuilds an installation's document from the copies that its recipients have.
    pub(super) async fn repair_installation(&self, id: &str) -> Result<(), StoreError> {
        let mut copies: Vec<StoredInstallation> = Vec::new();
        let mut newest = 0;
        self.for_each("recipients", |record: RecipientRecord| {
            let fences = record.fences.iter().filter(|fence| is_same_id(&fence.id, id)).map(|fence| fence.revision);
            newest = fences.fold(newest, i64::max);
            copies.extend(record.installations.into_iter().filter(|entry| entry.id == id));
        })
        .await?;
        copies.sort_by_key(|copy| copy.revision);
        // A copy that is older than a fence was to be taken away.
        let mut record = InstallationRecord::default();
        for copy in copies {
            record = record.replaced(id, copy.revision, Some(copy));
        }
        if record.revision < newest {
            record = record.replaced(id, newest, None);
        }
        record.id = id.to_owned();
        self.store.replace_damaged(&installation_key(id), &record).await
    }

    /// Rebuilds a recipient's document from the installations that name it.
    pub(super) async fn repair_recipient(&self, recipient: &Recipient) -> Result<(), StoreError> {
        let began = ChangeStart::now(Utc::now());
        let (rebuilt, unfinished) = self.rebuild_recipient(recipient, began).await?;
        self.store.replace_damaged(&recipient_key(recipient), &rebuilt).await?;
        self.device_cache.forget(recipient);
        for record in unfinished {
            self.finish(&record, Trigger::Resumed, Vec::new(), began).await?;
        }
        Ok(())
    }

    /// What a recipient's document has to say, and the installations that may have to be added: their changes are not finished.
    pub(super) async fn rebuild_recipient(
        &self,
        recipient: &Recipient,
        began: ChangeStart,
    ) -> Result<(RecipientRecord, Vec<InstallationRecord>), StoreError> {
        let (mut rebuilt, mut unfinished) = (RecipientRecord::default(), Vec::new());
        let mut found: Vec<InstallationRecord> = Vec::new();
        self.for_each("installations", |record: InstallationRecord| {
            found.extend(
                Some(record)
                    .filter(|record| record.recipients().iter().any(|named| is_same_recipient(named, recipient))),
            );
        })
        .await?;
        for record in found {
            let stored = record.installation.as_ref();
            let Some(stored) = stored.filter(|stored| stored.recipients().contains(recipient)) else {
                rebuilt.fences.push(Fence { id: record.id, revision: record.revision, set_at: began.now });
                continue;
            };
            if record.is_settled() && self.has_its_handles(stored).await? {
                rebuilt.installations.push(stored.clone());
            } else {
                unfinished.push(record);
            }
        }
        Ok((rebuilt, unfinished))
    }

    async fn has_its_handles(&self, stored: &StoredInstallation) -> Result<bool, StoreError> {
        for handle in stored.handles() {
            let owner: Option<HandleRecord> = self.store.read(&handle_key(&handle)).await?;
            if !owner.is_some_and(|owner| owner.is_of(&stored.id)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Rebuilds a handle's document from the installations that have it, or may still have it. Of several, the one
    /// that was PUT last stays.
    pub(super) async fn repair_handle(&self, handle: &DeviceHandle) -> Result<(), StoreError> {
        let began = ChangeStart::now(Utc::now());
        let (mut owners, mut former) = (Vec::new(), Vec::new());
        self.for_each("installations", |record: InstallationRecord| match &record.installation {
            Some(stored) if stored.handles().contains(handle) => owners.push((stored.put_revision, record.id)),
            _ => former
                .extend(Some(record).filter(|record| record.handles().iter().any(|left| is_same_handle(left, handle)))),
        })
        .await?;
        for record in former {
            for holder in record.recipients() {
                self.remove_from(&holder, &record.id, record.revision, began.now).await?;
            }
        }
        owners.sort();
        let owner = owners.pop().map_or_else(HandleRecord::default, |(revision, owner)| HandleRecord {
            installation_id: Some(owner),
            revision,
            wanted: revision,
        });
        self.store.replace_damaged(&handle_key(handle), &owner).await?;
        self.forget_unowned(handle, 0).await?;
        for (revision, other) in owners {
            self.remove(&other, began, |current| current.put_revision == revision).await?;
        }
        Ok(())
    }

    /// Reads every document of a kind. Others that are damaged are passed over.
    async fn for_each<T: Document + Send + 'static>(
        &self,
        kind: &str,
        mut each: impl FnMut(T),
    ) -> Result<(), StoreError> {
        let read = async |key: String| match self.store.read::<T>(&key).await {
            Err(StoreError::Unreadable(_)) => Ok(None),
            read => read,
        };
        let documents =
            self.store.list(kind).map_ok(|listed| read(listed.key)).try_buffer_unordered(MAX_CONCURRENT_READS);
        let mut documents = pin!(documents);
        while let Some(document) = documents.try_next().await? {
            document.into_iter().for_each(&mut each);
        }
        Ok(())
    }
}
