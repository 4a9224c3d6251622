//! Lets a test answer the requests of a store, and read its contents.

use std::fmt::Debug;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Answer, Contents, Memory, Operation, Request, Response};
use crate::storage::store::memory::Version;
use crate::storage::store::{Backend, Store, StoreError};

/// Answers the requests of a store.
pub trait Gate: Debug + Send + Sync {
    /// The response to a request, when the test wants it to come.
    fn answer<'a>(
        &'a self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, StoreError>> + Send + 'a>>;
}

impl Store {
    /// A store whose requests `gate` answers.
    pub fn gated(gate: Arc<dyn Gate>) -> Self {
        Self::on(Backend::Memory(Memory { gate: Some(gate), ..Memory::default() }))
    }
}

impl Memory {
    pub(in crate::storage::store) fn is_explored(&self) -> bool {
        self.gate.is_some()
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

impl Request {
    /// The key, or the prefix of a listing.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether it may change what is there.
    pub const fn is_write(&self) -> bool {
        matches!(self.operation, Operation::Put(..) | Operation::Delete(_))
    }

    /// Adds what is asked for, without what would be written.
    pub fn add_to(&self, hasher: &mut impl Hasher) {
        (std::mem::discriminant(&self.operation), &self.key).hash(hasher);
    }
}

impl Response {
    /// Adds what is answered; with `write` also the names of writes, which differ for any two.
    pub fn add_to(&self, hasher: &mut impl Hasher, write: bool) {
        let count = |version: &Version| match version {
            Version::Count(count) => *count,
            Version::Absent | Version::Modified(_) | Version::ETag(_) => 0,
        };
        match &self.0 {
            Answer::Document(raw) => {
                let bytes = |bytes| if write { bytes } else { without_write(bytes) };
                raw.as_ref().map(|raw| (bytes(&raw.bytes), count(&raw.version))).hash(hasher);
            }
            Answer::IsDone(is_done) => is_done.hash(hasher),
            Answer::Listed(listed) => {
                let each = listed.iter();
                each.for_each(|listed| (&listed.key, listed.modified, count(&listed.version)).hash(hasher));
            }
        }
    }
}

/// A document without its `w`, which differs for any two writes.
fn without_write(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(5).position(|window| window == b",\"w\":").map_or(0, |at| at + 23);
    bytes.get(end..).unwrap_or(bytes)
}
