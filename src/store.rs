//! Documents under keys, shared by every process of the app: in Azure Blob, in a folder, or in memory.
//!
//! The only place that names `object_store`. It knows keys, versions and conditional updates, and nothing of what the
//! documents mean. Keys are lower-case letters, digits, `-` and `/`, so they are safe on every file system; a [`Fingerprint`]
//! makes one of any texts.

use std::path::Path as FilePath;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::future::ready;
use futures_util::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};

use crate::client::{Client, ConnectError};

pub mod azure;
mod document;
mod fingerprint;
mod folder;
mod lock;
mod turns;

use azure::AzureBlobs;
pub use document::Document;
use document::{decode, encode, kind};
pub use fingerprint::Fingerprint;
use folder::Folder;
use turns::Turns;

/// Where everything that outlives an invocation is kept.
#[derive(Debug)]
pub struct Store {
    backend: Backend,
    /// Changes of one document wait for one another here rather than collide in the backend.
    turns: Turns,
    /// How many more operations succeed; a test cuts a change off with it wherever it likes. At its minimum the next
    /// operation panics, and those after it succeed.
    #[cfg(test)]
    pub operations_left: std::sync::atomic::AtomicI64,
}

#[derive(Debug)]
enum Backend {
    Memory(InMemory),
    Folder(Folder),
    Azure(AzureBlobs),
}

/// What becomes of a document, and what its change tells the caller.
#[derive(Debug)]
pub enum Change<T, R> {
    /// It is written.
    Write(T, R),
    /// It goes.
    Delete(R),
    /// It stays as it is.
    Keep(R),
}

/// One key of a listing.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// When it was last written.
    pub modified: DateTime<Utc>,
}

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection came about: the name, the network or TLS.
    #[error("no connection to the store at {0}")]
    NoConnection(ConnectError),
    /// The folder or the service does not answer, or refuses.
    #[error("the store does not answer")]
    Unreachable(#[source] object_store::Error),
    /// The folder's lock files cannot be had: the folder is not there, or not ours.
    #[error("the store's folder cannot be used")]
    Folder(#[source] std::io::Error),
    /// What is stored is not what this program writes.
    #[error("a stored document under {kind} cannot be read from column {column} on")]
    Unreadable {
        /// The first part of its key.
        kind: String,
        /// Where it stops making sense. Not how: the parser's words quote the document.
        column: usize,
    },
    /// A newer program wrote it.
    #[error("a stored document under {kind} has format {version}, newer than this program's: update it everywhere")]
    NewerFormat {
        /// The first part of its key.
        kind: String,
        /// The version it has.
        version: u32,
    },
    /// Too many others changed it at the same time.
    #[error("a stored document under {0} was changed by too many others at once")]
    Contended(String),
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        match azure::connect_error(&error) {
            Some(error) => Self::NoConnection(error.clone()),
            None => Self::Unreachable(error),
        }
    }
}

/// What a conditional update depends on.
enum Seen {
    Nothing,
    Version(UpdateVersion),
}

const MOST_ATTEMPTS: u32 = 30;

impl Store {
    /// Keeps everything in this process, for as long as it runs.
    pub fn memory() -> Self {
        Self::on(Backend::Memory(InMemory::new()))
    }

    /// Keeps everything in a folder, which is created if need be. Several processes of one machine may share it.
    pub fn folder(path: &FilePath) -> std::io::Result<Self> {
        Ok(Self::on(Backend::Folder(Folder::open(path)?)))
    }

    /// Keeps everything in a container of Azure Blob, which is created when it is first needed.
    pub fn azure(container: &azure::Container, client: Client) -> Result<Self, StoreError> {
        let blobs = AzureBlobs::open(container, client).map_err(StoreError::Unreachable)?;
        Ok(Self::on(Backend::Azure(blobs)))
    }

    fn on(backend: Backend) -> Self {
        Self {
            backend,
            turns: Turns::default(),
            #[cfg(test)]
            operations_left: i64::MAX.into(),
        }
    }

    /// Reads a document.
    pub async fn read<T: Document>(&self, key: &str) -> Result<Option<T>, StoreError> {
        let document = self.get(key).await?.0;
        if document.is_none() {
            self.check_folder()?;
        }
        Ok(document)
    }

    /// Reads a document that as a rule is not there. In a folder that was moved away there is none, either.
    pub async fn look_for<T: Document>(&self, key: &str) -> Result<Option<T>, StoreError> {
        if let Backend::Folder(folder) = &self.backend
            && !folder.has(key)?
        {
            return Ok(None);
        }
        Ok(self.get(key).await?.0)
    }

    /// Writes a document, whatever was there.
    pub async fn write<T: Document>(&self, key: &str, document: &T) -> Result<(), StoreError> {
        self.check_folder()?;
        let put = self.objects().await?.put(&Path::from(key), encode(document).into()).await;
        put.map(drop).map_err(|error| self.failure(error))
    }

    /// Changes a document as one step: no other change comes between what `change` sees and what it decides. It may be
    /// called several times.
    pub async fn update<T: Document, R>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> Change<T, R>,
    ) -> Result<R, StoreError> {
        let _turn = self.turns.take(key).await;
        let guard = match &self.backend {
            Backend::Folder(folder) => Some(folder.lock(key).await?),
            Backend::Memory(_) | Backend::Azure(_) => None,
        };
        for attempt in 1..=MOST_ATTEMPTS {
            let (document, seen) = self.get(key).await?;
            let (bytes, result) = match change(document) {
                Change::Keep(result) => return Ok(result),
                Change::Write(document, result) => (encode(&document), result),
                Change::Delete(result) => match seen {
                    Seen::Nothing => return Ok(result),
                    Seen::Version(_) if guard.is_some() => return self.delete(key).await.map(|()| result),
                    // There is no conditional deletion: an empty object stands for none.
                    Seen::Version(_) => (Vec::new(), result),
                },
            };
            // Under the lock nobody comes between.
            let mode = match seen {
                _ if guard.is_some() => PutMode::Overwrite,
                Seen::Nothing => PutMode::Create,
                Seen::Version(version) => PutMode::Update(version),
            };
            if self.put(key, bytes, mode).await? {
                return Ok(result);
            }
            let most = u64::from(attempt.min(8)) * 10;
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=most))).await;
        }
        Err(StoreError::Contended(kind(key)))
    }

    /// Removes a document that nobody changes any more.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self.objects().await?.delete(&Path::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failure(error)),
        }
    }

    /// Up to `limit` keys under `prefix` that come after `after`, in order.
    pub async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        let prefix = Path::from(prefix);
        let objects = self.objects().await?;
        let listing = match after {
            Some(after) => objects.list_with_offset(Some(&prefix), &Path::from(after)),
            None => objects.list(Some(&prefix)),
        };
        // A folder lists its files as they come; the others in order.
        let enough = if matches!(self.backend, Backend::Folder(..)) { usize::MAX } else { limit };
        let mut listed: Vec<Listed> = listing
            // An empty object stands for none. And not every service keeps to the offset.
            .try_filter(|meta| ready(meta.size > 0 && after.is_none_or(|after| meta.location.as_ref() > after)))
            .map_ok(|meta| Listed { key: meta.location.to_string(), modified: meta.last_modified })
            .take(enough)
            .try_collect()
            .await
            .map_err(|error| self.failure(error))?;
        listed.sort_by(|one, other| one.key.cmp(&other.key));
        listed.truncate(limit);
        Ok(listed)
    }

    async fn get<T: Document>(&self, key: &str) -> Result<(Option<T>, Seen), StoreError> {
        let found = match &self.backend {
            Backend::Folder(folder) => {
                folder.read(key)?.map(|bytes| (bytes, UpdateVersion { e_tag: None, version: None }))
            }
            // On the heap: whatever waits for a document would have its size.
            Backend::Memory(_) | Backend::Azure(_) => Box::pin(self.get_object(key)).await?,
        };
        let Some((bytes, version)) = found else { return Ok((None, Seen::Nothing)) };
        Ok((decode(key, &bytes)?, Seen::Version(version)))
    }

    async fn get_object(&self, key: &str) -> Result<Option<(Bytes, UpdateVersion)>, StoreError> {
        let (objects, was_there): (&dyn ObjectStore, bool) = match &self.backend {
            Backend::Azure(azure) => {
                let (blobs, is_there) = azure.for_reading();
                (blobs, is_there)
            }
            Backend::Memory(_) | Backend::Folder(_) => (self.objects().await?, true),
        };
        let got = match objects.get(&Path::from(key)).await {
            Ok(got) => got,
            // A container that was created while this was under way is not lost.
            Err(error @ object_store::Error::NotFound { .. }) if !(was_there && self.is_lost(&error)) => {
                return Ok(None);
            }
            Err(error) => return Err(self.failure(error)),
        };
        if let Backend::Azure(azure) = &self.backend {
            azure.seen();
        }
        let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let bytes = got.bytes().await.map_err(|error| self.failure(error))?;
        Ok(Some((bytes, version)))
    }

    /// Writes if the mode allows it; says whether it did.
    async fn put(&self, key: &str, bytes: Vec<u8>, mode: PutMode) -> Result<bool, StoreError> {
        match self.objects().await?.put_opts(&Path::from(key), bytes.into(), PutOptions::from(mode)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.failure(error)),
        }
    }

    fn check_folder(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Folder(folder) => folder.check(),
            Backend::Memory(_) | Backend::Azure(_) => Ok(()),
        }
    }

    async fn objects(&self) -> Result<&dyn ObjectStore, StoreError> {
        #[cfg(test)]
        self.interfere().await?;
        Ok(match &self.backend {
            Backend::Memory(objects) => objects,
            Backend::Folder(folder) => &folder.files,
            Backend::Azure(azure) => azure.blobs().await?,
        })
    }

    /// Lets other tasks of a test come between, and fails when it is time to.
    #[cfg(test)]
    async fn interfere(&self) -> Result<(), StoreError> {
        for _ in 0..fastrand::u8(0..4) {
            tokio::task::yield_now().await;
        }
        match self.operations_left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) {
            i64::MIN => panic!("a test asked for it"),
            1.. => Ok(()),
            _ => Err(StoreError::Contended("test".to_owned())),
        }
    }

    fn is_lost(&self, error: &object_store::Error) -> bool {
        matches!(&self.backend, Backend::Azure(azure) if azure.is_lost(error))
    }

    fn failure(&self, error: object_store::Error) -> StoreError {
        self.is_lost(&error);
        error.into()
    }
}

/// Runs a change to its end, also when whoever waits for it gives up: half of a change would be none of the two.
pub async fn to_its_end<T: Send + 'static>(change: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(change).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
