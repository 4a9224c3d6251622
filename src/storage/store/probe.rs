//! Finds out at the start whether the store can be read and written, before an event needs it.

use serde::{Deserialize, Serialize};

use super::{Backend, Document, Store, StoreError};

/// A document without meaning. All processes use the same, so nothing is left behind by one that is killed.
#[derive(Debug, Serialize, Deserialize)]
struct Probe {}

impl Document for Probe {
    const VERSION: u32 = 1;
}

const KEY: &str = "probe/start";

impl Store {
    /// Whether it answers: one read.
    pub async fn answers(&self) -> Result<(), StoreError> {
        self.check_layout().await?;
        self.read::<Probe>(KEY).await.map(drop)
    }

    /// One write, one read and one delete; nothing in memory. On Azure the first write of a process also creates the container if
    /// it is missing.
    pub async fn probe(&self) -> Result<(), StoreError> {
        if matches!(self.backend, Backend::Memory(_)) {
            return Ok(());
        }
        self.check_layout().await?;
        self.write(KEY, &Probe {}).await?;
        // Another process that starts may have deleted it meanwhile.
        self.read::<Probe>(KEY).await?;
        self.delete(KEY).await
    }
}
