//! The steps of a change after its installation's document was written. They may be repeated by a later change.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::handles::Claim;
use super::recipients::{AddResult, Trigger};
use super::records::{InstallationRecord, RecipientRecord, StoredInstallation};
use super::{ChangeStart, Installations};
use crate::storage::store::{Change, StoreError, Versioned};

impl Installations {
    /// Takes every step of the change that wrote `record`. Returns the ids of evicted installations, or `None` if a newer change
    /// was faster. `seen` is what was read before, in the order of its recipients.
    pub(super) async fn finish(
        &self,
        record: &InstallationRecord,
        trigger: Trigger,
        seen: Vec<Versioned<RecipientRecord>>,
        began: ChangeStart,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let mut evicted = BTreeSet::new();
        began.check()?;
        if let Some(stored) = &record.installation {
            let handles = stored.handles();
            let claims = handles.iter().map(|handle| self.claim(handle, stored, began));
            if try_join_all(claims).await?.contains(&Claim::Lost) {
                // A newer installation has the handle, and replaced this one.
                self.remove(&record.id, began, |current| current.revision == stored.revision).await?;
                return Ok(None);
            }
        }
        let leaving = record.leaving();
        try_join_all(
            leaving.iter().map(|recipient| self.remove_from(recipient, &record.id, record.revision, began.now)),
        )
        .await?;
        if let Some(stored) = &record.installation {
            let (recipients, mut seen) = (stored.recipients(), seen.into_iter());
            let given = recipients.iter().map(|recipient| self.add_to(recipient, stored, trigger, seen.next(), began));
            for added in try_join_all(given).await? {
                match added {
                    AddResult::Added(others) => evicted.extend(others),
                    AddResult::Superseded => return self.check_superseded(stored).await.map(|()| None),
                }
            }
        }
        self.release_all(record).await?;
        Ok(Some(evicted.into_iter().collect()))
    }

    /// Deletes an installation if the condition holds for it, and finishes an interrupted deletion in any case.
    pub(super) async fn remove(
        &self,
        id: &str,
        began: ChangeStart,
        condition: impl Fn(&StoredInstallation) -> bool + Send + Sync,
    ) -> Result<(), StoreError> {
        self.remove_as(id, began, |record| record.next_revision(began.now), condition).await.map(drop)
    }

    /// The same with the revision that the deletion gets. Returns the note about what it left behind.
    pub(super) async fn remove_as(
        &self,
        id: &str,
        began: ChangeStart,
        revision: impl Fn(&InstallationRecord) -> i64 + Send + Sync,
        condition: impl Fn(&StoredInstallation) -> bool + Send + Sync,
    ) -> Result<Option<String>, StoreError> {
        let pending = self.note_pending(id, []).await?;
        let remove = |record: Option<InstallationRecord>| match record {
            Some(record) if record.installation.as_ref().is_some_and(&condition) => {
                let revision = revision(&record);
                let gone = record.replaced(id, revision, None);
                Change::Write(gone.clone(), Some(gone))
            }
            Some(record) if record.installation.is_none() && !record.is_settled() => Change::Keep(Some(record)),
            Some(_) | None => Change::Keep(None),
        };
        match self.update(id, None, remove).await? {
            Some(gone) => {
                Box::pin(self.finish(&gone, Trigger::Requested, Vec::new(), began)).await?;
                Ok(Some(pending))
            }
            None => self.forget_pending(&pending).await.map(|()| None),
        }
    }

    /// Checks that a late change was replaced by a newer one, which releases what this one claimed. If not, the request fails and
    /// has to be repeated.
    async fn check_superseded(&self, stored: &StoredInstallation) -> Result<(), StoreError> {
        let record = self.read_versioned::<InstallationRecord>(&stored.id).await?.document;
        let is_latest = record.is_some_and(|record| record.revision == stored.revision);
        if is_latest { Err(StoreError::Contended("installations".to_owned())) } else { Ok(()) }
    }

    async fn release_all(&self, record: &InstallationRecord) -> Result<(), StoreError> {
        let handles = record.left_handles();
        let released = handles.iter().map(|handle| self.release(handle, &record.id, record.revision));
        try_join_all(released).await.map(drop)
    }
}
