//! Documents in a folder, which several processes of one machine may share. Only its owner can read it.
//!
//! Files have no conditional changes, so changes run under lock files. A document is written completely or not at all, and is
//! synced to disk before the change returns.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures_util::stream::{self, Stream, TryStreamExt};
use tokio::task::spawn_blocking;

use super::{ListedDocument, RawDocument, StoreError, Version, layout};

mod listing;
mod locks;

use locks::{FileLocks, LockGuard};

/// Files, each a document under its key.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    locks: FileLocks,
}

/// Temporary files, one for each lock, so only the holder of the lock uses it.
const STAGING: &str = ".staging";

impl Folder {
    /// The folder at `path`, which is created if need be.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = || -> io::Result<Self> {
            create_folder(path)?;
            create_folder(&path.join(STAGING))?;
            Ok(Self { path: path.to_owned(), locks: FileLocks::new(path.join(".locks"))? })
        };
        let folder = opened().map_err(StoreError::Folder)?;
        folder.check_layout()?;
        folder.remove_staged().map_err(StoreError::Folder)?;
        Ok(folder)
    }

    fn check_layout(&self) -> Result<(), StoreError> {
        let path = self.path.join(layout::KEY);
        match std::fs::read(&path) {
            Ok(document) => return layout::check(&document),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::Folder(error)),
        }
        let has_documents =
            |kind: &&str| std::fs::read_dir(self.path.join(kind)).is_ok_and(|mut entries| entries.next().is_some());
        layout::check_without_document(!layout::KINDS.iter().any(has_documents))?;
        // Two processes that start together write the same.
        let staged = self.path.join(STAGING).join(format!("layout-{}", std::process::id()));
        let written = write_synced(&staged, &layout::document()).and_then(|()| std::fs::rename(&staged, &path));
        written.and_then(|()| sync_folder(&self.path)).map_err(StoreError::Folder)
    }

    /// Reads on this thread: for a small file that is faster than handing it to another.
    pub fn read(&self, key: &str) -> Result<Option<RawDocument>, StoreError> {
        let read = |path: &Path| {
            let bytes = std::fs::read(path)?;
            Ok(Some(RawDocument { bytes: bytes.into(), version: Version::Modified(DateTime::UNIX_EPOCH) }))
        };
        read(&self.file(key)).or_else(|error: io::Error| {
            if error.kind() == ErrorKind::NotFound {
                return Ok(None);
            }
            // A folder in its place counts as a damaged document.
            if error.kind() == ErrorKind::IsADirectory {
                let version = Version::Modified(DateTime::UNIX_EPOCH);
                return Ok(Some(RawDocument { bytes: [].as_slice().into(), version }));
            }
            Err(StoreError::Folder(error))
        })
    }

    /// Whether there is such a document. Of one that is not there, this is known sooner than by reading it.
    pub fn has(&self, key: &str) -> Result<bool, StoreError> {
        self.file(key).try_exists().map_err(StoreError::Folder)
    }

    /// When a document was last written.
    pub fn modified(&self, key: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        match std::fs::metadata(self.file(key)).and_then(|metadata| metadata.modified()) {
            Ok(modified) => Ok(Some(modified.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::Folder(error)),
        }
    }

    /// Writes a document under its lock.
    pub async fn write(&self, key: &str, bytes: Vec<u8>, guard: LockGuard) -> Result<(), StoreError> {
        self.check()?;
        let (path, staged) = (self.file(key), self.path.join(STAGING).join(guard.number.to_string()));
        let store = self.path.clone();
        in_background(move || {
            let _guard = guard;
            write_synced(&staged, &bytes)?;
            let folder = path.parent().expect("a key has a kind");
            replace(&staged, &path).or_else(|error| {
                if error.kind() != ErrorKind::NotFound {
                    return Err(error);
                }
                create_below(&store, folder)?;
                std::fs::rename(&staged, &path)
            })?;
            sync_folder(folder)
        })
        .await
    }

    /// Removes a document under its lock.
    pub async fn delete(&self, key: &str, guard: LockGuard) -> Result<(), StoreError> {
        let path = self.file(key);
        in_background(move || {
            let _guard = guard;
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                removed => removed?,
            }
            sync_folder(path.parent().expect("a key has a kind"))
        })
        .await
    }

    /// The documents of a kind that were last written no later than `until`: a thread reads the names and times of one shard
    /// after the other.
    pub fn list(
        &self,
        kind: &str,
        until: DateTime<Utc>,
    ) -> impl Stream<Item = Result<ListedDocument, StoreError>> + Send + use<> {
        let shards = listing::shards(self.path.clone(), kind.to_owned(), until);
        shards.map_ok(|shard| stream::iter(shard.into_iter().map(Ok))).try_flatten().map_err(StoreError::Folder)
    }

    /// A folder that was moved away must not be taken for an empty store, nor be created again.
    pub fn check(&self) -> Result<(), StoreError> {
        self.locks.check().map_err(StoreError::Folder)
    }

    /// Waits for the lock under which a document may be changed.
    pub async fn lock(&self, key: &str) -> Result<LockGuard, StoreError> {
        self.locks.acquire(key).await.map_err(StoreError::Folder)
    }

    /// Removes temporary files of killed processes: they contain device handles.
    pub async fn remove_partial_writes(&self) -> Result<(), StoreError> {
        self.remove_staged().map_err(StoreError::Folder)
    }

    fn remove_staged(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(self.path.join(STAGING))? {
            let entry = entry?;
            // What bears no lock's number is the layout's, and no secret.
            let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // Its lock is held here, so no process is writing it.
            let Some(_guard) = self.locks.try_acquire(number)? else { continue };
            match std::fs::remove_file(entry.path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&self, key: &str) -> PathBuf {
        // Keys have safe characters only, so they can be joined.
        let mut path = OsString::with_capacity(self.path.as_os_str().len() + 1 + key.len());
        path.extend([self.path.as_os_str(), "/".as_ref(), key.as_ref()]);
        path.into()
    }
}

/// Runs on another thread, so that events do not wait for the disk.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(StoreError::Folder)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts the staged file in the place of whatever is there, also of a folder.
fn replace(staged: &Path, path: &Path) -> io::Result<()> {
    std::fs::rename(staged, path).or_else(|error| {
        if !matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::DirectoryNotEmpty) {
            return Err(error);
        }
        std::fs::remove_dir_all(path)?;
        std::fs::rename(staged, path)
    })
}

/// A file's name is on the disk when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    Ok(())
}

/// Creates a folder within the store, but not the store's own: it may just have been moved away.
fn create_below(store: &Path, folder: &Path) -> io::Result<()> {
    if folder != store {
        create_below(store, folder.parent().expect("it is within the store"))?;
        if let Err(error) = builder().create(folder)
            && error.kind() != ErrorKind::AlreadyExists
        {
            return Err(error);
        }
    }
    Ok(())
}

/// Creates a folder for its owner only. One that is there stays as it is.
fn create_folder(path: &Path) -> io::Result<()> {
    builder().recursive(true).create(path)
}

fn builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_creates_folders_within_the_store_and_never_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let shard = store.join("handles").join("0f");
        let error = create_below(&store, &shard).unwrap_err();
        assert_eq!((error.kind(), store.exists()), (ErrorKind::NotFound, false));
        create_folder(&store).unwrap();
        for _ in 0..2 {
            create_below(&store, &shard).unwrap();
        }
        assert!(shard.is_dir());
    }
}
