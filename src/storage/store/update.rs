//! Changes a document as one step: reads it, has a change decide, and writes unless somebody else has written meanwhile.
//!
//! Only the decision knows the document. All else is the same code for each of the thirty changes of the program.

use std::time::Duration;

use bytes::Bytes;

use super::document::{decode, encode, kind};
use super::{Backend, Document, RawDocument, Store, StoreError, Version, Versioned};

/// What to do with a document, and the result for the caller.
#[derive(Debug)]
pub enum Change<T, R> {
    /// Write it.
    Write(T, R),
    /// Delete it.
    Delete(R),
    /// Leave it as it is.
    Keep(R),
}

/// What a change is decided by.
enum Found<'a> {
    /// What was read before.
    Before,
    /// What is there now.
    Now(Option<&'a RawDocument>),
}

/// What was decided about a document, whatever it says.
enum Decision {
    Write(Vec<u8>),
    Delete,
    Keep,
}

type Decide<'a> = dyn FnMut(Found<'_>) -> Result<Decision, StoreError> + Send + 'a;

const MAX_ATTEMPTS: u32 = 30;

impl Store {
    /// Changes a document atomically: there is no other change between what `change` gets and what it decides. `change` may be
    /// called several times.
    pub async fn update<T: Document, R: Send>(
        &self,
        key: &str,
        change: impl FnMut(Option<T>) -> Change<T, R> + Send,
    ) -> Result<R, StoreError> {
        self.update_from(key, None, change).await
    }

    /// The same for a document that was read before: usually it is unchanged, and need not be read again.
    pub async fn update_from<T: Document, R: Send>(
        &self,
        key: &str,
        seen: Option<Versioned<T>>,
        mut change: impl FnMut(Option<T>) -> Change<T, R> + Send,
    ) -> Result<R, StoreError> {
        let (mut before, version) = seen.map(|seen| (seen.document, seen.version)).unzip();
        let mut last = None;
        let mut decide = |found: Found<'_>| {
            let document = match found {
                Found::Before => before.take().flatten(),
                Found::Now(raw) => raw.map(|raw| decode(key, &raw.bytes)).transpose()?,
            };
            let (decision, result) = match change(document) {
                Change::Write(document, result) => (Decision::Write(encode(&document, fastrand::u64(..))), result),
                Change::Delete(result) => (Decision::Delete, result),
                Change::Keep(result) => (Decision::Keep, result),
            };
            last = Some(result);
            Ok(decision)
        };
        self.change(key, version, &mut decide).await?;
        Ok(last.expect("it was decided at least once"))
    }

    async fn change(&self, key: &str, mut seen: Option<Version>, decide: &mut Decide<'_>) -> Result<(), StoreError> {
        let _lock = self.key_locks.lock(key).await;
        if let Backend::Folder(folder) = &self.backend {
            // The lock excludes other changes.
            let guard = self.health.note(folder.lock(key).await)?;
            let changed = match decide(Found::Now(self.get(key).await?.as_ref()))? {
                Decision::Keep => return Ok(()),
                Decision::Write(bytes) => folder.write(key, bytes, guard).await,
                Decision::Delete => folder.delete(key, guard).await,
            };
            return self.health.note(changed);
        }
        let mut read = None;
        for attempt in 1..=MAX_ATTEMPTS {
            let is_fresh = seen.is_none();
            let (decision, version) = match seen.take() {
                Some(version) => (decide(Found::Before)?, version),
                None => {
                    let there = match read.take() {
                        Some(there) => there,
                        None => self.get(key).await?,
                    };
                    (decide(Found::Now(there.as_ref()))?, there.map_or(Version::Absent, |raw| raw.version))
                }
            };
            let written = match decision {
                Decision::Keep if is_fresh => return Ok(()),
                // What was read before may be outdated; only a write would find out.
                Decision::Keep => continue,
                Decision::Write(bytes) => Some(Bytes::from(bytes)),
                Decision::Delete if version == Version::Absent => return Ok(()),
                Decision::Delete => None,
            };
            let is_done = match &written {
                Some(bytes) => self.put_if(key, bytes.clone(), &version).await?,
                None => self.delete_if(key, &version).await?,
            };
            if is_done {
                return Ok(());
            }
            let there = self.get(key).await?;
            // The backend repeats a write whose response was lost, and is then refused because of its own write.
            if there.as_ref().map(|raw| &raw.bytes) == written.as_ref() {
                return Ok(());
            }
            read = Some(there);
            self.wait_before(attempt).await;
        }
        Err(StoreError::Contended(kind(key)))
    }

    async fn wait_before(&self, attempt: u32) {
        #[cfg(test)]
        if let Backend::Memory(memory) = &self.backend
            && memory.is_explored()
        {
            return;
        }
        let most = u64::from(attempt.min(8)) * 10;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=most))).await;
    }
}
