//! Documents in memory. In tests every operation can be delayed or refused, or its response lost.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream, StreamExt};

use super::{ListedDocument, RawDocument, StoreError, Version};

#[cfg(test)]
mod gate;

#[cfg(test)]
pub use gate::{Gate, Permission, Step};

/// Documents by key.
#[derive(Debug, Default)]
pub struct Memory {
    documents: Documents,
    #[cfg(test)]
    gate: Option<std::sync::Arc<dyn Gate>>,
}

#[cfg(not(test))]
type Documents = Mutex<Contents>;
#[cfg(test)]
type Documents = std::sync::Arc<Mutex<Contents>>;

/// Everything in a store.
#[derive(Debug, Default, Clone)]
pub struct Contents {
    documents: BTreeMap<String, Kept>,
    /// How often each key was written, also over deletions.
    writes: BTreeMap<String, u64>,
}

#[derive(Debug, Clone)]
struct Kept {
    bytes: Bytes,
    modified: DateTime<Utc>,
}

impl Contents {
    fn version(&self, key: &str) -> Version {
        match self.documents.contains_key(key) {
            true => Version::Count(self.writes.get(key).copied().unwrap_or_default()),
            false => Version::Absent,
        }
    }

    fn set(&mut self, key: &str, bytes: Option<Bytes>, now: DateTime<Utc>) {
        *self.writes.entry(key.to_owned()).or_default() += 1;
        match bytes {
            Some(bytes) => drop(self.documents.insert(key.to_owned(), Kept { bytes, modified: now })),
            None => drop(self.documents.remove(key)),
        }
    }
}

impl Memory {
    pub async fn get(&self, key: &str) -> Result<Option<RawDocument>, StoreError> {
        self.step("get", key, |contents, _| {
            let kept = contents.documents.get(key)?;
            Some(RawDocument { bytes: kept.bytes.clone(), version: contents.version(key) })
        })
        .await
    }

    /// Writes; with a version only if it is unchanged. Returns whether it did.
    pub async fn put(&self, key: &str, bytes: Bytes, version: Option<&Version>) -> Result<bool, StoreError> {
        self.step("put", key, |contents, now| {
            let is_allowed = version.is_none_or(|version| *version == contents.version(key));
            if is_allowed {
                contents.set(key, Some(bytes.clone()), now);
            }
            is_allowed
        })
        .await
    }

    /// Removes; with a version only if it is unchanged. Returns whether it is removed.
    pub async fn delete(&self, key: &str, version: Option<&Version>) -> Result<bool, StoreError> {
        self.step("delete", key, |contents, now| {
            let is_allowed = version.is_none_or(|version| *version == contents.version(key));
            if is_allowed {
                contents.set(key, None, now);
            }
            is_allowed
        })
        .await
    }

    pub fn list(&self, kind: &str) -> BoxStream<'_, Result<ListedDocument, StoreError>> {
        let prefix = format!("{kind}/");
        let listing = async move {
            let listed = self.step("list", &prefix, |contents, _| {
                let below = contents.documents.range(prefix.clone()..);
                let below = below.take_while(|(key, _)| key.starts_with(&prefix));
                let listed = |(key, kept): (&String, &Kept)| {
                    Ok(ListedDocument { key: key.clone(), modified: kept.modified, version: contents.version(key) })
                };
                below.map(listed).collect::<Vec<_>>()
            });
            stream::iter(listed.await.unwrap_or_else(|error| vec![Err(error)]))
        };
        stream::once(listing).flatten().boxed()
    }

    #[cfg(not(test))]
    async fn step<R>(
        &self,
        _operation: &'static str,
        _key: &str,
        mut step: impl FnMut(&mut Contents, DateTime<Utc>) -> R,
    ) -> Result<R, StoreError> {
        Ok(step(&mut self.documents.lock().expect("nothing panics while it is held"), Utc::now()))
    }
}
