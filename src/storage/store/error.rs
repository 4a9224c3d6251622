//! Why an operation of the store failed, and who can correct it.

use std::io::{self, ErrorKind};

use super::azure::AzureError;
use super::layout;

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Azure Blob did not do what was asked.
    #[error(transparent)]
    Azure(#[from] AzureError),
    /// The folder does not exist, is not accessible, or is full.
    #[error("the store's folder cannot be used: {}", folder_cause(.0))]
    Folder(io::Error),
    /// The document is not one that this program writes.
    #[error("a stored document under {0} is damaged: {heal}", heal = what_heals(.0))]
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
    /// An invocation's time was over before the store had answered.
    #[error("the store did not answer in time")]
    Late,
}

/// What an operator can do something about.
const FOLDER_CAUSES: [(ErrorKind, &str); 6] = [
    (ErrorKind::StorageFull, "its disk is full"),
    (ErrorKind::QuotaExceeded, "the quota of its disk is used up"),
    (ErrorKind::ReadOnlyFilesystem, "its file system is read-only"),
    (ErrorKind::PermissionDenied, "this user may not read and write it"),
    (ErrorKind::NotFound, "there is no such folder"),
    (ErrorKind::NotADirectory, "it is no folder"),
];

fn folder_cause(error: &io::Error) -> String {
    let known = FOLDER_CAUSES.iter().find(|(kind, _)| *kind == error.kind());
    known.map_or_else(|| error.to_string(), |(_, cause)| format!("{cause} ({error})"))
}

/// What to do about a damaged document, by the first part of its key.
fn what_heals(kind: &str) -> &'static str {
    match kind {
        "installations" | "recipients" | "handles" => "a PUT of the installation replaces it",
        "ledger" | "markers" => "it counts as none, and the next write replaces it",
        "dead-letters" => "delete it if nobody can read it; the others are not affected",
        "maintenance" => "delete it, and the next process writes it again",
        "pending" | "expiring" => "a PUT of the installation makes up for it",
        "instances" => "it is left out of Status, and Maintenance removes it",
        _ => "use an empty store; devices register again when their apps start",
    }
}
