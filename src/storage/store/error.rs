//! Why the store did not do what was asked: in words that say whose fault it is.

use super::{azure, layout};
use crate::client::ConnectError;

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection came about: the name, the network or TLS.
    #[error("no connection to the store at {0}")]
    NoConnection(ConnectError),
    /// The service does not answer, or refuses.
    #[error("the store does not answer")]
    Unreachable(#[source] object_store::Error),
    /// The folder is not there, not ours, or full.
    #[error("the store's folder cannot be used")]
    Folder(#[source] std::io::Error),
    /// What is stored is not what this program writes.
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
    /// Another program's documents lie there.
    #[error(
        "the store has layout {found}, and this program reads and writes layout {} only: use an empty store; devices \
         register again when their apps start",
        layout::LAYOUT
    )]
    OtherLayout {
        /// The layout it has; 1 had no number of its own.
        found: u32,
    },
    /// Too many others changed it at the same time.
    #[error("a stored document under {0} was changed by too many others at once")]
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
