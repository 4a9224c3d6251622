//! A folder of one machine that several processes may share.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use object_store::local::LocalFileSystem;

use super::StoreError;
use super::lock::{FileLocks, Guard};

/// Files, each a document under its key. They have no conditional updates: these happen under locks.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    locks: FileLocks,
    /// For everything but reading.
    pub files: LocalFileSystem,
}

impl Folder {
    /// The folder at `path`, which is created if need be.
    pub fn open(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let locks = FileLocks::new(path.join(".locks"))?;
        let files = LocalFileSystem::new_with_prefix(path)?.with_automatic_cleanup(false);
        Ok(Self { path: path.to_owned(), locks, files })
    }

    /// Reads at once: a small file comes sooner than another thread would.
    pub fn read(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        match std::fs::read(self.file(key)) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::Folder(error)),
        }
    }

    /// Whether there is such a document. Of one that is not there, this is known sooner than by reading it.
    pub fn has(&self, key: &str) -> Result<bool, StoreError> {
        self.file(key).try_exists().map_err(StoreError::Folder)
    }

    fn file(&self, key: &str) -> PathBuf {
        // Keys are safe, so joining them needs no care.
        let mut path = OsString::with_capacity(self.path.as_os_str().len() + 1 + key.len());
        path.extend([self.path.as_os_str(), "/".as_ref(), key.as_ref()]);
        path.into()
    }

    /// A folder that was moved away must not pass for an empty one, nor be made anew.
    pub fn check(&self) -> Result<(), StoreError> {
        self.locks.check().map_err(StoreError::Folder)
    }

    /// Waits for the lock under which a document may be changed.
    pub async fn lock(&self, key: &str) -> Result<Guard, StoreError> {
        self.locks.acquire(key).await.map_err(StoreError::Folder)
    }
}
