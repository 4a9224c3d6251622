//! A container's blobs as the store's documents.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};

use super::super::{ListedDocument, RawDocument, StoreError, Version, layout};
use super::{AzureBlobs, AzureError};

impl AzureBlobs {
    /// Reads a blob. If the layout was not checked yet, that is done concurrently.
    pub(in crate::storage::store) async fn get(&self, key: &str) -> Result<Option<RawDocument>, StoreError> {
        if self.layout_checked.load(Ordering::Relaxed) {
            return self.get_blob(key).await;
        }
        let ((), raw) = tokio::try_join!(self.check_layout(), self.get_blob(key))?;
        Ok(raw)
    }

    /// Fails if the container has documents of another layout. A container that does not exist is empty.
    pub(in crate::storage::store) async fn check_layout(&self) -> Result<(), StoreError> {
        let _checking = self.checking.lock().await;
        if self.layout_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.get_blob(layout::KEY).await? {
            Some(document) => {
                layout::check(&document.bytes)?;
                self.layout_written.store(true, Ordering::Relaxed);
            }
            None => {
                let first = match self.blobs.list(None).next().await {
                    Some(Err(error)) if !is_container_missing(&error) => return Err(self.failure(&error)),
                    first => first.and_then(Result::ok),
                };
                // A process that wrote anything since then wrote the layout first.
                let is_empty = first.is_none() || self.get_blob(layout::KEY).await?.is_some();
                layout::check_without_document(is_empty)?;
            }
        }
        self.layout_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Writes a blob; with a version only if it is unchanged. Returns whether it did.
    pub(in crate::storage::store) async fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
        version: Option<&Version>,
    ) -> Result<bool, StoreError> {
        self.prepare_container().await?;
        let mode = match version {
            None => PutMode::Overwrite,
            Some(Version::ETag(e_tag)) => PutMode::Update(UpdateVersion { e_tag: Some(e_tag.clone()), version: None }),
            Some(Version::Absent | Version::Count(_) | Version::Modified(_)) => PutMode::Create,
        };
        match self.blobs.put_opts(&Path::from(key), bytes.into(), PutOptions::from(mode)).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Removes a blob if it still has that version. Returns whether it is removed.
    pub(in crate::storage::store) async fn delete_if(&self, key: &str, version: &Version) -> Result<bool, StoreError> {
        let Version::ETag(e_tag) = version else { return Ok(true) };
        Ok(self.delete_blob(key, Some(e_tag)).await?)
    }

    /// Removes a blob.
    pub(in crate::storage::store) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        Ok(self.delete_blob(key, None).await.map(drop)?)
    }

    /// The blobs of a kind, in order, a page of 5,000 at a time.
    pub(in crate::storage::store) fn list(
        &self,
        kind: &str,
    ) -> impl Stream<Item = Result<ListedDocument, StoreError>> + Send + use<'_> {
        self.blobs
            .list(Some(&Path::from(kind)))
            .filter_map(async |listed| match listed {
                Ok(meta) => Some(Ok(ListedDocument {
                    key: meta.location.to_string(),
                    modified: meta.last_modified,
                    version: meta.e_tag.map_or(Version::Absent, Version::ETag),
                })),
                Err(error) if is_container_missing(&error) && !self.note_lost_container() => None,
                Err(error) => Some(Err(error)),
            })
            .map_err(|error| self.failure(&error))
    }

    async fn get_blob(&self, key: &str) -> Result<Option<RawDocument>, StoreError> {
        let was_there = self.container_exists.load(Ordering::Relaxed);
        let got = match self.blobs.get(&Path::from(key)).await {
            Ok(got) => got,
            Err(Error::NotFound { .. }) => return Ok(None),
            // A container that was created during this request was not deleted.
            Err(error) if is_container_missing(&error) && !(was_there && self.note_lost_container()) => {
                return Ok(None);
            }
            Err(error) => return Err(self.failure(&error)),
        };
        self.container_exists.store(true, Ordering::Relaxed);
        let version = got.meta.e_tag.clone().map_or(Version::Absent, Version::ETag);
        let bytes: Bytes = got.bytes().await.map_err(|error| self.failure(&error))?;
        Ok(Some(RawDocument { bytes, version }))
    }

    /// Before something is written, the container is there and says which layout it has.
    async fn prepare_container(&self) -> Result<(), StoreError> {
        if self.layout_written.load(Ordering::Relaxed) && self.container_exists.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.check_layout().await?;
        let blobs = self.blobs().await?;
        let number = blobs.put_opts(&Path::from(layout::KEY), layout::document().into(), PutMode::Create.into()).await;
        match number {
            Ok(_) | Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
            Err(error) => return Err(self.failure(&error)),
        }
        self.layout_written.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn failure(&self, error: &Error) -> StoreError {
        self.cause(error).into()
    }
}

fn is_container_missing(error: &Error) -> bool {
    matches!(AzureError::within(error), Some(AzureError::ContainerMissing))
}
