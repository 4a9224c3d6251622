//! Why an operation of the store failed, and who can correct it.

use super::{azure, layout};
use crate::client::ConnectError;

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection was made: name resolution, network or TLS.
    #[error("no connection to the store at {0}")]
    NoConnection(ConnectError),
    /// The service does not answer, or refuses.
    #[error("the store does not answer")]
    Unreachable(#[source] object_store::Error),
    /// The folder does not exist, is not accessible, or is full.
    #[error("the store's folder cannot be used")]
    Folder(#[source] std::io::Error),
    /// The document is not one that this program writes.
    #[error("a stored document under {0} is damaged")]
    Unreadable(String),
    /// A newer program wrote it.
    #[error("a stored document under {kind} has format {version}, newer than this program's: update it everywhere")]
    NewerFormat {
        /// The first part of its key.
        kind: String,
        /// The version it has.
        version: u32,
    },
    /// The store has another layout.
    #[error(
        "the store has layout {found}, and this program reads and writes layout {} only: use an empty store; devices \
         register again when their apps start",
        layout::LAYOUT
    )]
    OtherLayout {
        /// The layout it has; 1 had no number of its own.
        found: u32,
    },
    /// Too many concurrent changes.
    #[error("a stored document under {0} has too many concurrent changes")]
    Contended(String),
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        match azure::connect_error(&error) {
            Some(error) => Self::NoConnection(error.clone()),
            None => Self::Unreachable(error),
        }
    }
}
