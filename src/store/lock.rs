//! Locks between the processes of one machine, for changes to documents in a folder.

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
    turns: Vec<Arc<Mutex<()>>>,
}

/// Held while a document is changed. The operating system takes the file's lock back when the process dies.
#[derive(Debug)]
pub struct Guard {
    _file: File,
    _turn: OwnedMutexGuard<()>,
}

const FILES: usize = 64;

impl FileLocks {
    /// Locks in `folder`, which is created if need be.
    pub fn new(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, turns: (0..FILES).map(|_| Arc::default()).collect() })
    }

    /// Whether the folder is still there. Where it is not, the whole store is gone, and not only a document in it.
    pub fn check(&self) -> io::Result<()> {
        std::fs::metadata(&self.folder).map(drop)
    }

    /// Waits for the lock of a document's key.
    pub async fn acquire(&self, key: &str) -> io::Result<Guard> {
        let number =
            key.bytes().fold(0, |number: usize, byte| number.wrapping_mul(31).wrapping_add(byte.into())) % FILES;
        let turn = Arc::clone(&self.turns[number]).lock_owned().await;
        let file =
            File::options().create(true).truncate(false).write(true).open(self.folder.join(number.to_string()))?;
        match file.try_lock() {
            Ok(()) => return Ok(Guard { _file: file, _turn: turn }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // The turn goes along, so that it is kept even where nobody waits for the answer any more.
        let locked = tokio::task::spawn_blocking(move || {
            file.lock()?;
            Ok(Guard { _file: file, _turn: turn })
        });
        locked.await.map_err(io::Error::other)?
    }
}
