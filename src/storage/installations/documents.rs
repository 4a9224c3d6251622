//! Reading and changing the register's documents. A damaged one is rebuilt first.

use futures_util::future::BoxFuture;

use super::records::{HandleRecord, InstallationRecord, RecipientRecord};
use super::{Installations, handle_key, installation_key, recipient_key};
use crate::events::recipient::Recipient;
use crate::notifications::device::DeviceHandle;
use crate::storage::store::{Change, Document, StoreError, Versioned};

/// A kind of document that can be rebuilt from the others.
pub(super) trait Repairable: Document {
    /// What one is about.
    type About: ?Sized + Sync;

    /// Where the document about it lies.
    fn key(about: &Self::About) -> String;

    /// Rebuilds it, if it is damaged.
    fn repair<'a>(register: &'a Installations, about: &'a Self::About) -> BoxFuture<'a, Result<(), StoreError>>;
}

impl Repairable for InstallationRecord {
    type About = str;

    fn key(id: &str) -> String {
        installation_key(id)
    }

    fn repair<'a>(register: &'a Installations, id: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(register.repair_installation(id))
    }
}

impl Repairable for HandleRecord {
    type About = DeviceHandle;

    fn key(handle: &DeviceHandle) -> String {
        handle_key(handle)
    }

    fn repair<'a>(register: &'a Installations, handle: &'a DeviceHandle) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(register.repair_handle(handle))
    }
}

impl Repairable for RecipientRecord {
    type About = Recipient;

    fn key(recipient: &Recipient) -> String {
        recipient_key(recipient)
    }

    fn repair<'a>(register: &'a Installations, recipient: &'a Recipient) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(register.repair_recipient(recipient))
    }
}

impl Installations {
    /// Reads the document about something, for a change that follows.
    pub(super) async fn read_versioned<T: Repairable>(&self, about: &T::About) -> Result<Versioned<T>, StoreError> {
        let key = T::key(about);
        match self.store.read_versioned(&key).await {
            Err(StoreError::Unreadable(_)) => {
                T::repair(self, about).await?;
                self.store.read_versioned(&key).await
            }
            seen => seen,
        }
    }

    /// Changes the document about something as one step, from what was read before if anything was.
    pub(super) async fn update<T: Repairable, R: Send>(
        &self,
        about: &T::About,
        seen: Option<Versioned<T>>,
        mut change: impl FnMut(Option<T>) -> Change<T, R> + Send,
    ) -> Result<R, StoreError> {
        let key = T::key(about);
        match self.store.update_from(&key, seen, &mut change).await {
            Err(StoreError::Unreadable(_)) => {
                T::repair(self, about).await?;
                self.store.update(&key, change).await
            }
            done => done,
        }
    }
}
