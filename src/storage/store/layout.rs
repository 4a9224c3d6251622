//! The version of a store's layout (keys and documents), in a document of its own: a store of another layout is an error, and
//! is never read as empty.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::document::{Document, decode, encode};

/// The layout that this program reads and writes. The first one had no number: its keys had no shards.
pub const LAYOUT: u32 = 2;

/// The key of the document.
pub const KEY: &str = "layout";

/// The kinds of documents that any version of this program has written.
pub const KINDS: [&str; 11] = [
    "installations",
    "recipients",
    "handles",
    "ledger",
    "markers",
    "dead-letters",
    "pending",
    "expiring",
    "instances",
    "maintenance",
    "feedback",
];

#[derive(Debug, Serialize, Deserialize)]
struct Layout {
    layout: u32,
}

impl Document for Layout {
    const VERSION: u32 = 1;
}

/// The document of this program's layout.
pub fn document() -> Vec<u8> {
    encode(&Layout { layout: LAYOUT }, 0)
}

/// Whether the document says that the store is this program's.
pub fn check(document: &[u8]) -> Result<(), StoreError> {
    match decode::<Layout>(KEY, document)?.layout {
        LAYOUT => Ok(()),
        found => Err(StoreError::OtherLayout { found }),
    }
}

/// A store without this document is empty, or of the first layout.
pub fn check_without_document(is_empty: bool) -> Result<(), StoreError> {
    if is_empty { Ok(()) } else { Err(StoreError::OtherLayout { found: 1 }) }
}
