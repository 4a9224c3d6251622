//! `recipients/…`: everything that belongs to one user or number.

use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;

use super::hashed::is_same_id;
use super::records::{Fence, InstallationRecord, RecipientRecord, StoredInstallation};
use super::{ChangeStart, Installations, TRACE_LIFETIME};
use crate::events::recipient::Recipient;
use crate::storage::store::{Change, StoreError, Versioned};

/// Who runs a change, which decides who is removed if a user or number has too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// A request of now: others are removed.
    Requested,
    /// It finishes an interrupted change, so other installations may be newer.
    Resumed,
}

/// The result of adding an installation to a recipient.
#[derive(Debug)]
pub(super) enum AddResult {
    /// It was added; these were removed because there were too many.
    Added(Vec<String>),
    /// A newer change of the same installation was faster.
    Superseded,
}

/// The result of one attempt.
enum AddAttempt {
    Added,
    Superseded,
    /// This many of these, the oldest first, have to be removed.
    Full(Vec<StoredInstallation>, usize),
}

impl Installations {
    /// Removes versions of an installation that are older than `revision` from a recipient, and sets a fence against them.
    pub(super) async fn remove_from(
        &self,
        recipient: &Recipient,
        id: &str,
        revision: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let take = |record: Option<RecipientRecord>| {
            let mut record = record.unwrap_or_default();
            if record.is_fenced(id, revision) {
                return Change::Keep(());
            }
            record.remove_and_fence(id, revision, now);
            self.prune(&mut record, now);
            Change::Write(record, ())
        };
        let taken = self.update(recipient, None, take).await;
        self.device_cache.forget(recipient);
        taken
    }

    /// Adds an installation to a recipient, unless a newer change of it was faster. If there are too many, those with the oldest
    /// PUT are removed.
    pub(super) async fn add_to(
        &self,
        recipient: &Recipient,
        stored: &StoredInstallation,
        trigger: Trigger,
        mut seen: Option<Versioned<RecipientRecord>>,
        began: ChangeStart,
    ) -> Result<AddResult, StoreError> {
        let mut evicted = Vec::new();
        loop {
            began.check()?;
            let give = |record: Option<RecipientRecord>| self.try_add(record, recipient, stored, began.now);
            let tried = self.update(recipient, seen.take(), give).await;
            self.device_cache.forget(recipient);
            match tried? {
                AddAttempt::Added => return Ok(AddResult::Added(evicted)),
                AddAttempt::Superseded => return Ok(AddResult::Superseded),
                AddAttempt::Full(others, excess) => {
                    if self.remove_stale_entries(recipient, &others, began).await? {
                        continue;
                    }
                    let is_oldest = others.first().is_some_and(|oldest| stored.written_at < oldest.written_at);
                    if trigger == Trigger::Resumed && is_oldest {
                        self.evict_from(recipient, stored, began).await?;
                        return Ok(AddResult::Added(evicted));
                    }
                    for other in others.into_iter().take(excess) {
                        self.evict_from(recipient, &other, began).await?;
                        evicted.push(other.id);
                    }
                }
            }
        }
    }

    /// Removes entries whose installations do not name the recipient any more, because a change of them was interrupted. Returns
    /// whether there was one.
    pub(super) async fn remove_stale_entries(
        &self,
        recipient: &Recipient,
        entries: &[StoredInstallation],
        began: ChangeStart,
    ) -> Result<bool, StoreError> {
        let records = entries.iter().map(|entry| self.read_versioned::<InstallationRecord>(&entry.id));
        let records = try_join_all(records).await?;
        let over = entries.iter().zip(records).filter_map(|(entry, seen)| {
            let Some(record) = seen.document else { return Some((&entry.id, entry.revision + 1)) };
            let is_named = record.installation.is_some_and(|stored| stored.recipients().contains(recipient));
            (!is_named).then_some((&entry.id, record.revision))
        });
        let taken = over.map(|(id, revision)| self.remove_from(recipient, id, revision, began.now));
        Ok(!try_join_all(taken).await?.is_empty())
    }

    fn try_add(
        &self,
        record: Option<RecipientRecord>,
        recipient: &Recipient,
        stored: &StoredInstallation,
        now: DateTime<Utc>,
    ) -> Change<RecipientRecord, AddAttempt> {
        let mut record = record.unwrap_or_default();
        if record.is_superseded(&stored.id, stored.revision) {
            return Change::Keep(AddAttempt::Superseded);
        }
        if record.has(&stored.id, stored.revision) {
            return Change::Keep(AddAttempt::Added);
        }
        self.prune(&mut record, now);
        record.installations.retain(|entry| entry.id != stored.id);
        if !self.is_alive(stored, now) {
            record.remove_and_fence(&stored.id, stored.revision, now);
            return Change::Write(record, AddAttempt::Added);
        }
        record.installations.sort_by_key(|entry| (entry.written_at, entry.revision));
        let excess = (record.installations.len() + 1).saturating_sub(self.limit_of(recipient));
        if excess == 0 {
            record.installations.push(stored.clone());
            return Change::Write(record, AddAttempt::Added);
        }
        Change::Keep(AddAttempt::Full(record.installations, excess))
    }

    /// Removes a recipient that has too many installations from one of them, which is deleted if it has no other. As every
    /// change, this is written to its own document first.
    async fn evict_from(
        &self,
        recipient: &Recipient,
        entry: &StoredInstallation,
        began: ChangeStart,
    ) -> Result<(), StoreError> {
        let pending = self.note_pending(&entry.id, []).await?;
        let leave = |record: Option<InstallationRecord>| {
            let Some(record) = record else { return Change::Keep(Err(entry.revision)) };
            // A clock that is behind gives a later PUT an earlier time; its revision is greater all the same.
            let is_same_put = |stored: &StoredInstallation| {
                stored.put_revision <= entry.put_revision && stored.written_at <= entry.written_at
            };
            let names_it = |stored: &StoredInstallation| stored.recipients().contains(recipient) && is_same_put(stored);
            // It may have been PUT again meanwhile; then the entry is an older form.
            let Some(stored) = record.installation.clone().filter(names_it) else {
                return Change::Keep(Err(record.revision));
            };
            let revision = record.next_revision(began.now);
            let written = record.replaced(&entry.id, revision, stored.without(recipient, revision));
            Change::Write(written.clone(), Ok(written))
        };
        match self.update(entry.id.as_str(), None, leave).await? {
            Ok(record) => Box::pin(self.finish(&record, Trigger::Resumed, Vec::new(), began)).await.map(drop),
            Err(revision) => {
                self.remove_from(recipient, &entry.id, revision, began.now).await?;
                self.forget_pending(&pending).await
            }
        }
    }

    /// Renews an entry; returns whether it is there.
    pub(super) async fn renew(
        &self,
        recipient: &Recipient,
        seen: Versioned<RecipientRecord>,
        stored: &StoredInstallation,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let renew = |record: Option<RecipientRecord>| {
            let Some(mut record) = record else { return Change::Keep(false) };
            self.prune(&mut record, now);
            let is_full = record.installations.len() > self.limit_of(recipient);
            let is_it = |entry: &&mut StoredInstallation| entry.id == stored.id && entry.revision == stored.revision;
            match record.installations.iter_mut().find(is_it) {
                Some(entry) if !is_full => {
                    entry.written_at = entry.written_at.max(now);
                    Change::Write(record, true)
                }
                Some(_) | None => Change::Keep(false),
            }
        };
        let renewed = self.update(recipient, Some(seen), renew).await;
        self.device_cache.forget(recipient);
        renewed
    }

    /// Removes older versions of an installation and its fence, once no change that could use them can be running, and the
    /// document if it is empty.
    pub(super) async fn prune_after(
        &self,
        recipient: &Recipient,
        id: &str,
        revision: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tidy = |record: Option<RecipientRecord>| {
            let Some(mut record) = record else { return Change::Keep(()) };
            let before = (record.installations.len(), record.fences.len());
            record.installations.retain(|entry| !is_same_id(&entry.id, id) || entry.revision >= revision);
            record.fences.retain(|fence| !is_same_id(&fence.id, id) || fence.revision > revision);
            self.prune(&mut record, now);
            if record.installations.is_empty() && record.fences.is_empty() {
                return Change::Delete(());
            }
            let is_same = before == (record.installations.len(), record.fences.len());
            if is_same { Change::Keep(()) } else { Change::Write(record, ()) }
        };
        self.update(recipient, None, tidy).await
    }

    /// Removes what has expired. An expired entry leaves a fence, as a removed one does.
    fn prune(&self, record: &mut RecipientRecord, now: DateTime<Utc>) {
        let over = record.installations.iter().filter(|entry| !self.is_alive(entry, now));
        let over: Vec<_> = over.map(|entry| (entry.id.clone(), entry.revision)).collect();
        over.iter().for_each(|(id, revision)| record.remove_and_fence(id, revision + 1, now));
        record.fences.retain(|fence| now - fence.set_at < TRACE_LIFETIME);
    }

    fn limit_of(&self, recipient: &Recipient) -> usize {
        match recipient {
            Recipient::User(_) => self.limits.per_user,
            Recipient::Number(_) => self.limits.per_number,
        }
    }
}

impl RecipientRecord {
    /// Whether a newer version of the installation is there, or was.
    fn is_superseded(&self, id: &str, revision: i64) -> bool {
        self.fences.iter().any(|fence| is_same_id(&fence.id, id) && fence.revision > revision)
            || self.installations.iter().any(|entry| is_same_id(&entry.id, id) && entry.revision > revision)
    }

    fn has(&self, id: &str, revision: i64) -> bool {
        self.installations.iter().any(|entry| is_same_id(&entry.id, id) && entry.revision == revision)
    }

    /// Whether no version older than `revision` is there or can be added.
    fn is_fenced(&self, id: &str, revision: i64) -> bool {
        self.fences.iter().any(|fence| is_same_id(&fence.id, id) && fence.revision >= revision)
            && !self.installations.iter().any(|entry| is_same_id(&entry.id, id) && entry.revision < revision)
    }

    /// Removes versions of an installation that are older than `revision`, and sets a fence against them.
    pub(super) fn remove_and_fence(&mut self, id: &str, revision: i64, now: DateTime<Utc>) {
        self.installations.retain(|entry| !is_same_id(&entry.id, id) || entry.revision >= revision);
        let before = self.fences.iter().filter(|fence| is_same_id(&fence.id, id)).map(|fence| fence.revision).max();
        self.fences.retain(|fence| !is_same_id(&fence.id, id));
        let revision = before.map_or(revision, |before| before.max(revision));
        self.fences.push(Fence { id: id.to_owned(), revision, set_at: now });
    }
}

#[cfg(test)]
mod tests;
