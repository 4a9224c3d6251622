//! How a hub does: its last error, for `Status`, and which of its errors are due in the log.

use std::mem::{Discriminant, discriminant};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::SendError;

/// What the requests to one hub told of it.
#[derive(Debug, Default)]
pub struct HubHealth {
    last_error: Mutex<Option<(DateTime<Utc>, SendError)>>,
    logged: Mutex<Vec<LoggedError>>,
    /// Whether the log says that the hub does not take requests.
    in_trouble: AtomicBool,
    retries: AtomicU64,
}

/// A kind of error that was logged.
#[derive(Debug)]
struct LoggedError {
    kind: Discriminant<SendError>,
    at: Instant,
    /// How many more there were since then.
    since: u64,
}

/// How a hub does, for `Status`.
#[derive(Debug)]
pub struct HubStatus {
    /// Until when nothing is sent, because the hub is throttling.
    pub paused_until: Option<DateTime<Utc>>,
    /// The last error, and when it was.
    pub last_error: Option<(DateTime<Utc>, SendError)>,
    /// Whether the secondary connection string is in use.
    pub uses_second_key: bool,
    /// How many requests were sent again.
    pub retries: u64,
}

const LOGGED_AGAIN_AFTER: Duration = Duration::from_secs(60);

impl HubHealth {
    /// The last error, and when it was.
    pub fn last_error(&self) -> Option<(DateTime<Utc>, SendError)> {
        self.last_error.lock().expect("nothing panics while it is held").clone()
    }

    /// How many requests were sent again.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Counts a request that is sent again.
    pub fn count_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers the error of a request.
    pub fn note(&self, error: &SendError, now: DateTime<Utc>) {
        *self.last_error.lock().expect("nothing panics while it is held") = Some((now, error.clone()));
    }

    /// Whether an error of this kind is due in the log: it was not logged within the last minute. Returns how many there were
    /// since the last line about it.
    pub fn log_due(&self, error: &SendError, now: Instant) -> Option<u64> {
        let kind = discriminant(error);
        let mut logged = self.logged.lock().expect("nothing panics while it is held");
        match logged.iter_mut().find(|known| known.kind == kind) {
            Some(known) if now - known.at <= LOGGED_AGAIN_AFTER => {
                known.since += 1;
                None
            }
            Some(known) => {
                known.at = now;
                Some(std::mem::take(&mut known.since))
            }
            None => {
                logged.push(LoggedError { kind, at: now, since: 0 });
                Some(0)
            }
        }
    }

    /// Remembers that the log says that the hub does not take requests.
    pub fn begin_trouble(&self) {
        self.in_trouble.store(true, Ordering::Relaxed);
    }

    /// The hub accepted a request. Returns whether the log has to say so.
    pub fn end_trouble(&self) -> bool {
        self.in_trouble.load(Ordering::Relaxed) && self.in_trouble.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_error_is_logged_once_a_minute_with_the_count_since() {
        let (health, start) = (HubHealth::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(health.log_due(&SendError::Timeout, start), Some(0));
        assert_eq!(health.log_due(&SendError::ConnectionLost, start), Some(0), "another kind has a line of its own");
        assert_eq!(health.log_due(&SendError::Timeout, after(1)), None);
        assert_eq!(health.log_due(&SendError::Timeout, after(60)), None);
        assert_eq!(health.log_due(&SendError::Timeout, after(61)), Some(2));
        assert_eq!(health.log_due(&SendError::Timeout, after(122)), Some(0));
    }
}
