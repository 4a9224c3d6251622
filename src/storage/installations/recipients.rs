//! `recipients/…`: everything that belongs to one user or number.

use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;

use super::stored::{Fence, InstallationRecord, RecipientRecord, StoredInstallation};
use super::{Began, Installations, TRACES_LIVE};
use crate::events::recipient::Recipient;
use crate::storage::store::{Change, Seen, StoreError};

/// Whether a change is sure of its place where a user or number has too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urge {
    /// It was asked for just now: others make room.
    Asked,
    /// Somebody left it unfinished, so others may have come later.
    Left,
}

/// What became of giving an installation to a recipient.
#[derive(Debug)]
pub(super) enum Place {
    /// It is there; these had to make room.
    Taken(Vec<String>),
    /// A newer change of the same installation was there before.
    Late,
}

/// What one try came to.
enum Try {
    Given,
    Late,
    /// So many of these, the oldest first, have to make room.
    Full(Vec<StoredInstallation>, usize),
}

impl Installations {
    /// Takes forms of an installation that are older than `revision` from a recipient, and keeps them out.
    pub(super) async fn take_from(
        &self,
        recipient: &Recipient,
        id: &str,
        revision: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let take = |record: Option<RecipientRecord>| {
            let mut record = record.unwrap_or_default();
            if record.keeps_out(id, revision) {
                return Change::Keep(());
            }
            record.take(id, revision, now);
            self.tidy(&mut record, now);
            Change::Write(record, ())
        };
        let taken = self.update(recipient, None, take).await;
        self.recently_read.forget(recipient);
        taken
    }

    /// Adds an installation to a recipient, unless a newer change of it was there already. Who was not PUT for longest makes
    /// room where there are too many.
    pub(super) async fn give_to(
        &self,
        recipient: &Recipient,
        stored: &StoredInstallation,
        urge: Urge,
        mut seen: Option<Seen<RecipientRecord>>,
        began: Began,
    ) -> Result<Place, StoreError> {
        let mut evicted = Vec::new();
        loop {
            began.check()?;
            let give = |record: Option<RecipientRecord>| self.give(record, recipient, stored, began.now);
            let tried = self.update(recipient, seen.take(), give).await;
            self.recently_read.forget(recipient);
            match tried? {
                Try::Given => return Ok(Place::Taken(evicted)),
                Try::Late => return Ok(Place::Late),
                Try::Full(others, excess) => {
                    if self.take_what_is_over(recipient, &others, began).await? {
                        continue;
                    }
                    let is_oldest = others.first().is_some_and(|oldest| stored.written_at < oldest.written_at);
                    if urge == Urge::Left && is_oldest {
                        self.make_room(recipient, stored, began).await?;
                        return Ok(Place::Taken(evicted));
                    }
                    for other in others.into_iter().take(excess) {
                        self.make_room(recipient, &other, began).await?;
                        evicted.push(other.id);
                    }
                }
            }
        }
    }

    /// Takes entries out whose installations do not name the recipient any more: a change of them was cut off, and nobody
    /// else makes room for them. Says whether there was one.
    async fn take_what_is_over(
        &self,
        recipient: &Recipient,
        entries: &[StoredInstallation],
        began: Began,
    ) -> Result<bool, StoreError> {
        let records = entries.iter().map(|entry| self.see::<InstallationRecord>(&entry.id));
        let records = try_join_all(records).await?;
        let over = entries.iter().zip(records).filter_map(|(entry, seen)| {
            let Some(record) = seen.document else { return Some((&entry.id, entry.revision + 1)) };
            let is_named = record.installation.is_some_and(|stored| stored.recipients().contains(recipient));
            (!is_named).then_some((&entry.id, record.revision))
        });
        let taken = over.map(|(id, revision)| self.take_from(recipient, id, revision, began.now));
        Ok(!try_join_all(taken).await?.is_empty())
    }

    fn give(
        &self,
        record: Option<RecipientRecord>,
        recipient: &Recipient,
        stored: &StoredInstallation,
        now: DateTime<Utc>,
    ) -> Change<RecipientRecord, Try> {
        let mut record = record.unwrap_or_default();
        if record.is_late(&stored.id, stored.revision) {
            return Change::Keep(Try::Late);
        }
        if record.has(&stored.id, stored.revision) {
            return Change::Keep(Try::Given);
        }
        self.tidy(&mut record, now);
        record.installations.retain(|entry| entry.id != stored.id);
        if !self.is_alive(stored, now) {
            record.take(&stored.id, stored.revision, now);
            return Change::Write(record, Try::Given);
        }
        record.installations.sort_by_key(|entry| (entry.written_at, entry.revision));
        let excess = (record.installations.len() + 1).saturating_sub(self.limit_of(recipient));
        if excess == 0 {
            record.installations.push(stored.clone());
            return Change::Write(record, Try::Given);
        }
        Change::Keep(Try::Full(record.installations, excess))
    }

    /// Has an installation no longer name a recipient that has too many. One that names nobody goes. It is written into
    /// its own document first, as every change is.
    async fn make_room(
        &self,
        recipient: &Recipient,
        entry: &StoredInstallation,
        began: Began,
    ) -> Result<(), StoreError> {
        let pending = self.note_pending(&entry.id, []).await?;
        let leave = |record: Option<InstallationRecord>| {
            let Some(record) = record else { return Change::Keep(Err(entry.revision + 1)) };
            let names_it = |stored: &StoredInstallation| {
                stored.recipients().contains(recipient) && stored.written_at <= entry.written_at
            };
            // It may have been PUT again meanwhile; then the entry is an older form.
            let Some(stored) = record.installation.clone().filter(names_it) else {
                return Change::Keep(Err(record.revision));
            };
            let revision = record.next_revision(began.now);
            let written = record.replaced(&entry.id, revision, stored.without(recipient, revision));
            Change::Write(written.clone(), Ok(written))
        };
        match self.update(entry.id.as_str(), None, leave).await? {
            Ok(record) => Box::pin(self.finish(&record, Urge::Left, Vec::new(), began)).await.map(drop),
            Err(revision) => {
                self.take_from(recipient, &entry.id, revision, began.now).await?;
                self.forget_pending(&pending).await
            }
        }
    }

    /// Lets an entry live on from now; says whether it is there.
    pub(super) async fn renew(
        &self,
        recipient: &Recipient,
        stored: &StoredInstallation,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let renew = |record: Option<RecipientRecord>| {
            let Some(mut record) = record else { return Change::Keep(false) };
            self.tidy(&mut record, now);
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
        let renewed = self.update(recipient, None, renew).await;
        self.recently_read.forget(recipient);
        renewed
    }

    /// Removes what is left of an installation's older forms when no change can be under way that knows them, and a
    /// document in which nothing is left.
    pub(super) async fn tidy_after(
        &self,
        recipient: &Recipient,
        id: &str,
        revision: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tidy = |record: Option<RecipientRecord>| {
            let Some(mut record) = record else { return Change::Keep(()) };
            let before = (record.installations.len(), record.fences.len());
            record.installations.retain(|entry| entry.id != id || entry.revision >= revision);
            record.fences.retain(|fence| fence.id != id || fence.revision > revision);
            self.tidy(&mut record, now);
            if record.installations.is_empty() && record.fences.is_empty() {
                return Change::Delete(());
            }
            let is_same = before == (record.installations.len(), record.fences.len());
            if is_same { Change::Keep(()) } else { Change::Write(record, ()) }
        };
        self.update(recipient, None, tidy).await
    }

    /// What is over goes. An entry that expired keeps older forms of its installation out, as one that was taken does.
    fn tidy(&self, record: &mut RecipientRecord, now: DateTime<Utc>) {
        let over = record.installations.iter().filter(|entry| !self.is_alive(entry, now));
        let over: Vec<_> = over.map(|entry| (entry.id.clone(), entry.revision)).collect();
        over.iter().for_each(|(id, revision)| record.take(id, revision + 1, now));
        record.fences.retain(|fence| now - fence.set_at < TRACES_LIVE);
    }

    fn limit_of(&self, recipient: &Recipient) -> usize {
        match recipient {
            Recipient::User(_) => self.limits.per_user,
            Recipient::Number(_) => self.limits.per_number,
        }
    }
}

impl RecipientRecord {
    /// Whether a newer form of the installation is there, or was.
    fn is_late(&self, id: &str, revision: i64) -> bool {
        self.fences.iter().any(|fence| fence.id == id && fence.revision > revision)
            || self.installations.iter().any(|entry| entry.id == id && entry.revision > revision)
    }

    fn has(&self, id: &str, revision: i64) -> bool {
        self.installations.iter().any(|entry| entry.id == id && entry.revision == revision)
    }

    /// Whether no form that is older than `revision` is there or can come.
    fn keeps_out(&self, id: &str, revision: i64) -> bool {
        self.fences.iter().any(|fence| fence.id == id && fence.revision >= revision)
            && !self.installations.iter().any(|entry| entry.id == id && entry.revision < revision)
    }

    /// Takes forms of an installation out that are older than `revision`, and keeps them out.
    pub(super) fn take(&mut self, id: &str, revision: i64, now: DateTime<Utc>) {
        self.installations.retain(|entry| entry.id != id || entry.revision >= revision);
        let before = self.fences.iter().filter(|fence| fence.id == id).map(|fence| fence.revision).max();
        self.fences.retain(|fence| fence.id != id);
        let revision = before.map_or(revision, |before| before.max(revision));
        self.fences.push(Fence { id: id.to_owned(), revision, set_at: now });
    }
}
