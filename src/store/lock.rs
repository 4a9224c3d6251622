//! A lock between the processes of one machine, for changes to documents in a folder.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// A file that is locked while a document is changed.
#[derive(Debug)]
pub struct FileLock {
    path: Arc<PathBuf>,
    /// Within this process one task at a time waits for the file, so that waiting takes one thread and not all.
    turn: Arc<Mutex<()>>,
}

/// Held while a document is changed. The operating system takes the file's lock back when the process dies.
#[derive(Debug)]
pub struct Guard {
    _file: File,
    _turn: OwnedMutexGuard<()>,
}

impl FileLock {
    /// A lock on the file at `path`, which is created if need be.
    pub fn new(path: PathBuf) -> io::Result<Self> {
        File::options().create(true).truncate(false).write(true).open(&path)?;
        Ok(Self { path: Arc::new(path), turn: Arc::default() })
    }

    /// Whether the file is still there. Where it is not, the whole folder is gone, and not only a document in it.
    pub fn check(&self) -> io::Result<()> {
        std::fs::metadata(&*self.path).map(drop)
    }

    /// Waits for the lock.
    pub async fn acquire(&self) -> io::Result<Guard> {
        let turn = self.turn.clone().lock_owned().await;
        let path = self.path.clone();
        // The turn goes along, so that it is kept even where nobody waits for the answer any more.
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::options().write(true).open(&*path)?;
            file.lock()?;
            Ok(Guard { _file: file, _turn: turn })
        });
        locked.await.map_err(io::Error::other)?
    }
}
