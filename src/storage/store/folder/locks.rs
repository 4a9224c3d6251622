//! Locks between the processes of one machine, for changes to documents in a folder. A keyed mutex ends at the process.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Files of which one is locked while a document is changed. Which one follows from the document's key, so that changes
/// of different documents seldom wait for one another.
#[derive(Debug)]
pub struct FileLocks {
    folder: PathBuf,
    /// Within this process one task at a time waits for a file, so that waiting for it takes one thread and not all.
    task_locks: Vec<Arc<Mutex<()>>>,
}

/// Held while a document is changed. The operating system takes the file's lock back when the process dies.
#[derive(Debug)]
pub struct LockGuard {
    /// Which lock it is.
    pub number: usize,
    _file: File,
    _task_lock: OwnedMutexGuard<()>,
}

const LOCK_FILES: usize = 64;

impl FileLocks {
    /// Locks in `folder`, which is created if need be.
    pub fn new(folder: PathBuf) -> io::Result<Self> {
        super::create_folder(&folder)?;
        Ok(Self { folder, task_locks: (0..LOCK_FILES).map(|_| Arc::default()).collect() })
    }

    /// Fails if the folder is missing: then the whole store is missing, and not only a document.
    pub fn check(&self) -> io::Result<()> {
        std::fs::metadata(&self.folder).map(drop)
    }

    /// Waits for the lock of a document's key.
    pub async fn acquire(&self, key: &str) -> io::Result<LockGuard> {
        let number =
            key.bytes().fold(0, |number: usize, byte| number.wrapping_mul(31).wrapping_add(byte.into())) % LOCK_FILES;
        let task_lock = Arc::clone(&self.task_locks[number]).lock_owned().await;
        let file = self.file(number)?;
        match file.try_lock() {
            Ok(()) => return Ok(LockGuard { number, _file: file, _task_lock: task_lock }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // The task lock moves along, so it is held even if the caller stops waiting.
        let locked = tokio::task::spawn_blocking(move || {
            file.lock()?;
            Ok(LockGuard { number, _file: file, _task_lock: task_lock })
        });
        locked.await.map_err(io::Error::other)?
    }

    /// The lock of that number, if it is free.
    pub fn try_acquire(&self, number: usize) -> io::Result<Option<LockGuard>> {
        let Some(task_lock) =
            self.task_locks.get(number).and_then(|task_lock| Arc::clone(task_lock).try_lock_owned().ok())
        else {
            return Ok(None);
        };
        let file = self.file(number)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(LockGuard { number, _file: file, _task_lock: task_lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn file(&self, number: usize) -> io::Result<File> {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(self.folder.join(number.to_string()))
    }
}
