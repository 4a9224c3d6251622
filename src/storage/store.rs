//! Stores documents under keys, shared by every process of the app: in Azure Blob, in a folder, or in memory.
//!
//! It handles keys, versions and conditional changes, and does not know what the documents mean. A key is a kind, a shard and a
//! name, of lower-case letters, digits, `-` and `/`, so it is safe on every file system; a [`Fingerprint`] makes one of any
//! texts. `store::azure` is the only place that names `object_store`.

use std::future::ready;
use std::path::Path;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use prometheus::Histogram;

use crate::client::Client;

pub mod azure;
mod document;
mod error;
mod fingerprint;
mod folder;
mod health;
mod layout;
mod key_locks;
mod memory;
mod probe;
mod update;

use azure::AzureBlobs;
pub use document::Document;
use document::{decode, encode, kind};
pub use error::StoreError;
pub use fingerprint::Fingerprint;
use folder::Folder;
use health::StoreHealth;
use key_locks::KeyLocks;
use memory::Memory;
#[cfg(test)]
pub use memory::{Contents, Gate, Request, Response};
pub use update::Change;

/// Stores everything that outlives an invocation.
#[derive(Debug)]
pub struct Store {
    backend: Backend,
    /// Changes of one document in this process run one after the other, so they do not conflict in the backend.
    key_locks: KeyLocks,
    health: StoreHealth,
}

#[derive(Debug)]
enum Backend {
    Memory(Memory),
    Folder(Folder),
    Azure(AzureBlobs),
}

/// A document and its version, for a conditional change.
#[derive(Debug)]
pub struct Versioned<T> {
    /// The document, if there was one.
    pub document: Option<T>,
    version: Version,
}

/// One document of a listing.
#[derive(Debug, Clone)]
pub struct ListedDocument {
    /// Its key.
    pub key: String,
    /// When it was last written, by the backend's clock.
    pub modified: DateTime<Utc>,
    version: Version,
}

/// What a conditional change depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Version {
    /// There is no such document.
    Absent,
    /// How often it was written: memory.
    Count(u64),
    /// The file's time: a folder, whose changes happen under a lock.
    Modified(DateTime<Utc>),
    /// The blob's `ETag`.
    ETag(String),
}

/// A document's bytes and its version in the backend.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RawDocument {
    bytes: Bytes,
    version: Version,
}

impl Store {
    /// A store in memory, lost when the process ends.
    pub fn memory() -> Self {
        Self::on(Backend::Memory(Memory::default()))
    }

    /// A store in a folder, which is created if it does not exist. Several processes of one machine may share it.
    pub fn folder(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::on(Backend::Folder(Folder::open(path)?)))
    }

    /// A store in a container of Azure Blob, which is created when it is first needed.
    pub fn azure(container: &azure::Container, client: Client) -> Result<Self, StoreError> {
        let blobs = AzureBlobs::open(container, client)?;
        Ok(Self::on(Backend::Azure(blobs)))
    }

    fn on(backend: Backend) -> Self {
        Self { backend, key_locks: KeyLocks::default(), health: StoreHealth::default() }
    }

    /// How long single reads and writes took.
    pub fn seconds(&self) -> &Histogram {
        self.health.seconds()
    }

    /// Its last error, and when it was.
    pub fn last_error(&self) -> Option<(DateTime<Utc>, String)> {
        self.health.last_error()
    }

    /// Fails if the store has documents of another layout. On Azure every operation checks this before it uses what it read; a
    /// folder was checked when it was opened.
    pub async fn check_layout(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Azure(azure) => self.health.note(azure.check_layout().await),
            Backend::Memory(_) | Backend::Folder(_) => Ok(()),
        }
    }

    /// Reads a document.
    pub async fn read<T: Document>(&self, key: &str) -> Result<Option<T>, StoreError> {
        Ok(self.read_versioned(key).await?.document)
    }

    /// Reads a document that usually does not exist.
    pub async fn read_if_present<T: Document>(&self, key: &str) -> Result<Option<T>, StoreError> {
        if let Backend::Folder(folder) = &self.backend
            && !folder.has(key)?
        {
            return self.health.note(folder.check()).map(|()| None);
        }
        Ok(self.read_versioned(key).await?.document)
    }

    /// Reads a document for a change that follows.
    pub async fn read_versioned<T: Document>(&self, key: &str) -> Result<Versioned<T>, StoreError> {
        match self.get(key).await? {
            None => Ok(Versioned { document: None, version: Version::Absent }),
            Some(raw) => Ok(Versioned { document: Some(decode(key, &raw.bytes)?), version: raw.version }),
        }
    }

    /// Writes a document unconditionally, for keys that only one process uses.
    pub async fn write<T: Document>(&self, key: &str, document: &T) -> Result<(), StoreError> {
        let bytes = encode(document, fastrand::u64(..));
        let _timed = self.health.timed();
        let written = match &self.backend {
            Backend::Memory(memory) => memory.put(key, bytes.into(), None).await.map(drop),
            Backend::Folder(folder) => match folder.lock(key).await {
                Ok(guard) => folder.write(key, bytes, guard).await,
                Err(error) => Err(error),
            },
            Backend::Azure(azure) => azure.put(key, bytes, None).await.map(drop),
        };
        self.health.note(written)
    }

    /// Replaces a damaged document. Nothing happens if it is not damaged, or not any more.
    pub async fn replace_damaged<T: Document>(&self, key: &str, document: &T) -> Result<(), StoreError> {
        let _lock = self.key_locks.lock(key).await;
        let guard = match &self.backend {
            Backend::Folder(folder) => Some((folder, folder.lock(key).await?)),
            Backend::Memory(_) | Backend::Azure(_) => None,
        };
        let Some(raw) = self.get(key).await? else { return Ok(()) };
        if !matches!(decode::<T>(key, &raw.bytes), Err(StoreError::Unreadable(_))) {
            return Ok(());
        }
        tracing::warn!("a damaged document under {} is replaced", kind(key));
        let bytes = encode(document, fastrand::u64(..));
        match guard {
            Some((folder, guard)) => folder.write(key, bytes, guard).await,
            // If another process was faster, the document is not damaged any more.
            None => self.put_if(key, bytes.into(), &raw.version).await.map(drop),
        }
    }

    /// Removes a document unconditionally.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let deleted = match &self.backend {
            Backend::Memory(memory) => memory.delete(key, None).await.map(drop),
            Backend::Folder(folder) => match folder.lock(key).await {
                Ok(guard) => folder.delete(key, guard).await,
                Err(error) => Err(error),
            },
            Backend::Azure(azure) => azure.delete(key).await,
        };
        self.health.note(deleted)
    }

    /// Removes a document unless it was written since it was listed. Returns whether it was removed.
    pub async fn delete_listed(&self, listed: &ListedDocument) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Folder(folder) => {
                let guard = folder.lock(&listed.key).await?;
                if folder.modified(&listed.key)? != Some(listed.modified) {
                    return Ok(false);
                }
                folder.delete(&listed.key, guard).await.map(|()| true)
            }
            Backend::Memory(_) | Backend::Azure(_) => self.delete_if(&listed.key, &listed.version).await,
        }
    }

    /// All documents of a kind, as they come. Names and times are read once; nothing is opened.
    pub fn list(&self, kind: &str) -> BoxStream<'_, Result<ListedDocument, StoreError>> {
        self.list_until(kind, DateTime::<Utc>::MAX_UTC)
    }

    /// The documents of a kind that were last written no later than `until`. In a folder, another thread looks for them.
    pub fn list_until(&self, kind: &str, until: DateTime<Utc>) -> BoxStream<'_, Result<ListedDocument, StoreError>> {
        let is_listed = move |listed: &ListedDocument| ready(listed.modified <= until);
        let listed = match &self.backend {
            Backend::Memory(memory) => memory.list(kind).try_filter(is_listed).boxed(),
            Backend::Folder(folder) => folder.list(kind, until).boxed(),
            Backend::Azure(azure) => azure.list(kind).try_filter(is_listed).boxed(),
        };
        listed.map(|listed| self.health.note(listed)).boxed()
    }

    /// How many documents to change at the same time, if there are many. A change on Azure mostly waits, and a service that is slow
    /// must still answer events in time. In a folder, more than this keep the thread of the events busy.
    pub fn max_concurrent_changes(&self) -> usize {
        match &self.backend {
            Backend::Memory(_) => 16,
            Backend::Azure(_) => 8,
            Backend::Folder(_) => 4,
        }
    }

    /// Removes temporary files of killed processes.
    pub async fn remove_partial_writes(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Folder(folder) => folder.remove_partial_writes().await,
            Backend::Memory(_) | Backend::Azure(_) => Ok(()),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<RawDocument>, StoreError> {
        let _timed = self.health.timed();
        let read = match &self.backend {
            Backend::Memory(memory) => memory.get(key).await,
            Backend::Folder(folder) => folder.read(key).and_then(|raw| match raw {
                None => folder.check().map(|()| None),
                Some(raw) => Ok(Some(raw)),
            }),
            // Boxed: every future that reads a document would have its size.
            Backend::Azure(azure) => Box::pin(azure.get(key)).await,
        };
        self.health.note(read)
    }

    /// Writes if the version is unchanged; returns whether it did. A folder's changes run under a lock instead.
    async fn put_if(&self, key: &str, bytes: Bytes, version: &Version) -> Result<bool, StoreError> {
        let _timed = self.health.timed();
        let written = match &self.backend {
            Backend::Memory(memory) => memory.put(key, bytes, Some(version)).await,
            Backend::Azure(azure) => azure.put(key, bytes.into(), Some(version)).await,
            Backend::Folder(_) => unreachable!("a folder's changes happen under a lock"),
        };
        self.health.note(written)
    }

    async fn delete_if(&self, key: &str, version: &Version) -> Result<bool, StoreError> {
        let _timed = self.health.timed();
        let deleted = match &self.backend {
            Backend::Memory(memory) => memory.delete(key, Some(version)).await,
            Backend::Azure(azure) => azure.delete_if(key, version).await,
            Backend::Folder(_) => unreachable!("a folder's changes happen under a lock"),
        };
        self.health.note(deleted)
    }
}

/// Runs a change to completion, even if the caller stops waiting: a change must not stop halfway.
pub async fn run_to_completion<T: Send + 'static>(change: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(change).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
