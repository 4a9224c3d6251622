//! How the store does: its last error, and a log line when it answers again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use prometheus::{Histogram, HistogramOpts, HistogramTimer};

use super::StoreError;

/// What the operations on the store told of it.
#[derive(Debug, Default)]
pub struct StoreHealth {
    last_error: Mutex<Option<(DateTime<Utc>, String)>>,
    is_failing: AtomicBool,
    seconds: Seconds,
}

/// How long single operations took.
#[derive(Debug)]
struct Seconds(Histogram);

/// From a file's read to the limit of a request to Azure.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

impl Default for Seconds {
    fn default() -> Self {
        let options =
            HistogramOpts::new("acs_push_store_seconds", "How long single reads and writes of the store took");
        Self(Histogram::with_opts(options.buckets(BUCKETS.to_vec())).expect("the name is valid, and the buckets rise"))
    }
}

impl StoreHealth {
    /// How long single operations took.
    pub fn seconds(&self) -> &Histogram {
        &self.seconds.0
    }

    /// Measures an operation, until it is dropped.
    pub fn timed(&self) -> HistogramTimer {
        self.seconds.0.start_timer()
    }

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
