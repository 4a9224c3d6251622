//! How the store does: its last error, and a log line when it answers again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};

use super::StoreError;

/// What the operations on the store told of it.
#[derive(Debug, Default)]
pub struct StoreHealth {
    last_error: Mutex<Option<(DateTime<Utc>, String)>>,
    is_failing: AtomicBool,
}

impl StoreHealth {
    /// The last error, and when it was.
    pub fn last_error(&self) -> Option<(DateTime<Utc>, String)> {
        self.last_error.lock().expect("nothing panics while it is held").clone()
    }

    /// Takes note of an operation's result, and passes it on. Whoever gets an error logs it.
    pub fn note<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match &result {
            Ok(_) if self.is_failing.load(Ordering::Relaxed) => {
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the store answers again");
                }
            }
            Ok(_) => {}
            Err(error) => {
                self.is_failing.store(true, Ordering::Relaxed);
                *self.last_error.lock().expect("nothing panics while it is held") =
                    Some((Utc::now(), error.to_string()));
            }
        }
        result
    }
}
