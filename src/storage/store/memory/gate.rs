//! What a test may do to every single operation of a store.

use std::fmt::Debug;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use super::{Contents, Memory};
use crate::storage::store::memory::Version;
use crate::storage::store::{Backend, Store, StoreError};

/// Asked before every operation.
pub trait Gate: Debug + Send + Sync {
    /// Waits until the operation may happen, and says how.
    fn enter<'a>(&'a self, step: Step<'a>) -> Pin<Box<dyn Future<Output = Permission> + Send + 'a>>;

    /// Is told what the operation saw under a key, as a hash.
    fn seen(&self, _key: &str, _hash: u64) {}

    /// The time that the backend's clock shows.
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// `get`, `put`, `delete` or `list`.
    pub operation: &'static str,
    /// The key, or the prefix of a listing.
    pub key: &'a str,
}

/// How an operation happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// As asked.
    Granted,
    /// It happens twice, as the answer to the first was lost: the second meets the result of the first.
    Repeated,
    /// It does not happen, and fails.
    Refused,
}

impl Store {
    /// A store on contents that others share, whose operations a test decides about.
    pub fn gated(contents: Arc<Mutex<Contents>>, gate: Arc<dyn Gate>) -> Self {
        Self::on(Backend::Memory(Memory { documents: contents, gate: Some(gate) }))
    }
}

impl Contents {
    /// The documents, without what differs for any two writes.
    pub fn documents(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.documents.iter().map(|(key, kept)| (key.as_str(), without_write(&kept.bytes)))
    }

    /// Puts any bytes under a key.
    pub fn set_raw(&mut self, key: &str, bytes: &[u8], now: DateTime<Utc>) {
        self.set(key, Some(bytes.to_owned().into()), now);
    }
}

impl Hash for Contents {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (key, kept) in &self.documents {
            (key, without_write(&kept.bytes), kept.modified, self.writes.get(key)).hash(state);
        }
    }
}

/// A document without its `w`, which differs for any two writes.
fn without_write(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(5).position(|window| window == b",\"w\":").map_or(0, |at| at + 23);
    bytes.get(end..).unwrap_or(bytes)
}

impl Memory {
    pub(in crate::storage::store) fn is_explored(&self) -> bool {
        self.gate.is_some()
    }

    pub(super) async fn step<R: Observed>(
        &self,
        operation: &'static str,
        key: &str,
        mut step: impl FnMut(&mut Contents, DateTime<Utc>) -> R,
    ) -> Result<R, StoreError> {
        let lock = || self.documents.lock().expect("nothing panics while it is held");
        let Some(gate) = &self.gate else { return Ok(step(&mut lock(), Utc::now())) };
        let permission = gate.enter(Step { operation, key }).await;
        if permission == Permission::Refused {
            return Err(StoreError::Contended("test".to_owned()));
        }
        let mut result = step(&mut lock(), gate.now());
        if permission == Permission::Repeated {
            result = step(&mut lock(), gate.now());
        }
        let mut hasher = std::hash::DefaultHasher::new();
        operation.hash(&mut hasher);
        result.add_to(&mut hasher);
        gate.seen(key, hasher.finish());
        Ok(result)
    }
}

/// What an operation may see.
pub trait Observed {
    fn add_to(&self, hasher: &mut impl Hasher);
}

impl Observed for bool {
    fn add_to(&self, hasher: &mut impl Hasher) {
        self.hash(hasher);
    }
}

impl Observed for Option<crate::storage::store::RawDocument> {
    fn add_to(&self, hasher: &mut impl Hasher) {
        let count = |version: &Version| match version {
            Version::Count(count) => *count,
            Version::Absent | Version::Modified(_) | Version::ETag(_) => 0,
        };
        self.as_ref().map(|raw| (without_write(&raw.bytes), count(&raw.version))).hash(hasher);
    }
}

impl Observed for Vec<Result<crate::storage::store::ListedDocument, StoreError>> {
    fn add_to(&self, hasher: &mut impl Hasher) {
        self.iter().flatten().for_each(|listed| (&listed.key, listed.modified).hash(hasher));
    }
}
