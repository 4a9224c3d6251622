//! Documents in memory. In tests another component may answer the requests.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream, StreamExt};

use super::{ListedDocument, RawDocument, StoreError, Version};

#[cfg(test)]
mod gate;

#[cfg(test)]
pub use gate::Gate;

/// Documents by key.
#[derive(Debug, Default)]
pub struct Memory {
    contents: Mutex<Contents>,
    #[cfg(test)]
    gate: Option<std::sync::Arc<dyn Gate>>,
}

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

/// One operation.
#[derive(Debug, Clone)]
pub struct Request {
    operation: Operation,
    /// The key, or the prefix of a listing.
    key: String,
}

/// What is requested. With a version, a write happens only if the version is unchanged.
#[derive(Debug, Clone)]
enum Operation {
    Get,
    Put(Bytes, Option<Version>),
    Delete(Option<Version>),
    List,
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Response(Answer);

#[derive(Debug, Clone)]
enum Answer {
    Document(Option<RawDocument>),
    /// Whether a write happened.
    IsDone(bool),
    Listed(Vec<ListedDocument>),
}

impl Contents {
    /// Does what is requested.
    pub fn answer(&mut self, request: &Request, now: DateTime<Utc>) -> Response {
        let (version, bytes) = match &request.operation {
            Operation::Get | Operation::List => return self.look(request),
            Operation::Put(bytes, version) => (version, Some(bytes)),
            Operation::Delete(version) => (version, None),
        };
        let is_allowed = version.as_ref().is_none_or(|version| *version == self.version(&request.key));
        if is_allowed {
            self.set(&request.key, bytes.cloned(), now);
        }
        Response(Answer::IsDone(is_allowed))
    }

    /// Answers a request that changes nothing.
    pub fn look(&self, request: &Request) -> Response {
        if matches!(request.operation, Operation::List) {
            let below = self.documents.range(request.key.clone()..);
            let below = below.take_while(|(key, _)| key.starts_with(&request.key));
            let listed = |(key, kept): (&String, &Kept)| ListedDocument {
                key: key.clone(),
                modified: kept.modified,
                version: self.version(key),
            };
            return Response(Answer::Listed(below.map(listed).collect()));
        }
        let kept = self.documents.get(&request.key);
        let raw = kept.map(|kept| RawDocument { bytes: kept.bytes.clone(), version: self.version(&request.key) });
        Response(Answer::Document(raw))
    }

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
        match self.ask(key, Operation::Get).await? {
            Answer::Document(raw) => Ok(raw),
            Answer::IsDone(_) | Answer::Listed(_) => unreachable!("a get is answered by a document"),
        }
    }

    /// Writes; with a version only if it is unchanged. Returns whether it did.
    pub async fn put(&self, key: &str, bytes: Bytes, version: Option<&Version>) -> Result<bool, StoreError> {
        self.change(key, Operation::Put(bytes, version.cloned())).await
    }

    /// Removes; with a version only if it is unchanged. Returns whether it is removed.
    pub async fn delete(&self, key: &str, version: Option<&Version>) -> Result<bool, StoreError> {
        self.change(key, Operation::Delete(version.cloned())).await
    }

    pub fn list(&self, kind: &str) -> BoxStream<'_, Result<ListedDocument, StoreError>> {
        let prefix = format!("{kind}/");
        let listing = async move {
            let listed = match self.ask(&prefix, Operation::List).await {
                Ok(Answer::Listed(listed)) => listed.into_iter().map(Ok).collect(),
                Ok(Answer::Document(_) | Answer::IsDone(_)) => unreachable!("a listing is answered by one"),
                Err(error) => vec![Err(error)],
            };
            stream::iter(listed)
        };
        stream::once(listing).flatten().boxed()
    }

    async fn change(&self, key: &str, operation: Operation) -> Result<bool, StoreError> {
        match self.ask(key, operation).await? {
            Answer::IsDone(is_done) => Ok(is_done),
            Answer::Document(_) | Answer::Listed(_) => unreachable!("a write is answered by whether it happened"),
        }
    }

    async fn ask(&self, key: &str, operation: Operation) -> Result<Answer, StoreError> {
        let request = Request { operation, key: key.to_owned() };
        #[cfg(test)]
        if let Some(gate) = &self.gate {
            return gate.answer(request).await.map(|Response(answer)| answer);
        }
        let Response(answer) =
            self.contents.lock().expect("nothing panics while it is held").answer(&request, Utc::now());
        Ok(answer)
    }
}
