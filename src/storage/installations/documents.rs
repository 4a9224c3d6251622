//! Reading and changing the register's documents. One that is damaged is put together anew first.

use futures_util::future::BoxFuture;

use super::stored::{HandleRecord, InstallationRecord, RecipientRecord};
use super::{Installations, handle_key, installation_key, recipient_key};
use crate::events::recipient::Recipient;
use crate::notifications::device::DeviceHandle;
use crate::storage::store::{Change, Document, Seen, StoreError};

/// A kind of document that can be put together from the others.
pub(super) trait Mendable: Document {
    /// What one is about.
    type About: ?Sized + Sync;

    /// Where the document about it lies.
    fn key(about: &Self::About) -> String;

    /// Puts it together, if it is damaged.
    fn mend<'a>(register: &'a Installations, about: &'a Self::About) -> BoxFuture<'a, Result<(), StoreError>>;
}

impl Mendable for InstallationRecord {
    type About = str;

    fn key(id: &str) -> String {
        installation_key(id)
    }

    fn mend<'a>(register: &'a Installations, id: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(register.mend_installation(id))
    }
}

impl Mendable for HandleRecord {
    type About = DeviceHandle;

    fn key(handle: &DeviceHandle) -> String {
        handle_key(handle)
    }

    fn mend<'a>(register: &'a Installations, handle: &'a DeviceHandle) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(register.mend_handle(handle))
    }
}

impl Mendable for RecipientRecord {
    type About = Recipient;

    fn key(recipient: &Recipient) -> String {
        recipient_key(recipient)
    }

    fn mend<'a>(register: &'a Installations, recipient: &'a Recipient) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(register.mend_recipient(recipient))
    }
}

impl Installations {
    /// Reads the document about something, for a change that follows.
    pub(super) async fn see<T: Mendable>(&self, about: &T::About) -> Result<Seen<T>, StoreError> {
        let key = T::key(about);
        match self.store.see(&key).await {
            Err(StoreError::Unreadable(_)) => {
                T::mend(self, about).await?;
                self.store.see(&key).await
            }
            seen => seen,
        }
    }

    /// Changes the document about something as one step, from what was read before if anything was.
    pub(super) async fn update<T: Mendable, R>(
        &self,
        about: &T::About,
        seen: Option<Seen<T>>,
        mut change: impl FnMut(Option<T>) -> Change<T, R>,
    ) -> Result<R, StoreError> {
        let key = T::key(about);
        match self.store.update_seen(&key, seen, &mut change).await {
            Err(StoreError::Unreadable(_)) => {
                T::mend(self, about).await?;
                self.store.update(&key, change).await
            }
            done => done,
        }
    }
}
