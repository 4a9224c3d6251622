//! A document's JSON: format version and name of the write, then the document's own members.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// A stored document of one kind. Its JSON carries a format version beside its own members.
pub trait Document: Serialize + DeserializeOwned + Send {
    /// The version that this program writes; it reads this one and older ones.
    const VERSION: u32;
}

/// The document's JSON. `w` differs for any two writes, so that a writer whose answer was lost knows its own document
/// from one that says the same.
pub fn encode<T: Document>(document: &T, write: u64) -> Vec<u8> {
    let members = serde_json::to_string(document).expect("documents are structs of texts, numbers and lists");
    let members = members.strip_prefix('{').expect("documents are objects");
    let comma = if members == "}" { "" } else { "," };
    format!("{{\"v\":{},\"w\":\"{write:016x}\"{comma}{members}", T::VERSION).into_bytes()
}

/// Reads a document.
pub fn decode<T: Document>(key: &str, bytes: &[u8]) -> Result<T, StoreError> {
    let unreadable = |_: serde_json::Error| StoreError::Unreadable(kind(key));
    let version = match leading_version(bytes) {
        Some(version) => version,
        None => serde_json::from_slice::<Version>(bytes).map_err(unreadable)?.v,
    };
    if version > T::VERSION {
        return Err(StoreError::NewerFormat { kind: kind(key), version });
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

/// The version where [`encode`] writes it, so that a document is read once. Others may write it elsewhere.
fn leading_version(bytes: &[u8]) -> Option<u32> {
    let rest = bytes.strip_prefix(b"{\"v\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// The part of a key that may be logged: the rest is derived from a person's id.
pub fn kind(key: &str) -> String {
    key.split('/').next().unwrap_or_default().to_owned()
}
