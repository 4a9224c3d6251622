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
    turns: Vec<Arc<Mutex<()>>>,
}

/// Held while a document is changed. The operating system takes the file's lock back when the process dies.
#[derive(Debug)]
pub struct Guard {
    /// Which lock it is.
    pub number: usize,
    _file: File,
    _turn: OwnedMutexGuard<()>,
}

const FILES: usize = 64;

impl FileLocks {
    /// Locks in `folder`, which is created if need be.
    pub fn new(folder: PathBuf) -> io::Result<Self> {
        super::create_folder(&folder)?;
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
        let file = self.file(number)?;
        match file.try_lock() {
            Ok(()) => return Ok(Guard { number, _file: file, _turn: turn }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // The turn goes along, so that it is kept even where nobody waits for the answer any more.
        let locked = tokio::task::spawn_blocking(move || {
            file.lock()?;
            Ok(Guard { number, _file: file, _turn: turn })
        });
        locked.await.map_err(io::Error::other)?
    }

    /// The lock of that number, if nobody holds it.
    pub fn try_acquire(&self, number: usize) -> io::Result<Option<Guard>> {
        let Some(turn) = self.turns.get(number).and_then(|turn| Arc::clone(turn).try_lock_owned().ok()) else {
            return Ok(None);
        };
        let file = self.file(number)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Guard { number, _file: file, _turn: turn })),
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
