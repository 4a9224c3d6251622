//! Whether the store can be written, read and deleted from.

use super::{Check, Source};
use crate::delivery::code::Code;
use crate::storage::store::Store;

/// One write, one read, one delete.
pub async fn check(name: &str, store: &Store) -> Check {
    match store.probe().await {
        Ok(()) => Check::ok("store", Source::Store, format!("{name}: written, read and deleted from")),
        Err(error) => {
            let code = Code::from(&error).name();
            let fix = format!("docs/operate.md has the fix under the code {code}");
            Check::fault("store", Source::Store, format!("{name}: {error}"), fix)
        }
    }
}
