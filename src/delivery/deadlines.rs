//! Until when attempts, writes and the response to an invocation have to be done.

use std::pin::Pin;
use std::time::Duration;

use futures_util::future::poll_immediate;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Waits for `future`, but not longer than until `deadline`. The caller pins it, so that it is not moved into another future.
pub async fn with_deadline<F: Future>(deadline: Instant, mut future: Pin<&mut F>) -> Result<F::Output, Elapsed> {
    // Most futures are ready at once, and need no timer.
    match poll_immediate(future.as_mut()).await {
        Some(output) => Ok(output),
        None => timeout_at(deadline, future).await,
    }
}

/// Start and deadlines of an invocation, and the expiry of an event.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// When the invocation began.
    pub began: Instant,
    /// When the last attempt to send has to end.
    pub deadline: Instant,
    /// When the event expires, if ever.
    pub expires_at: Option<Instant>,
}

/// The end of an invocation's time, reserved for writes to the store.
const STORE_WRITE_RESERVE: Duration = Duration::from_secs(2);

impl Deadlines {
    /// The deadlines of an invocation that began then and has to be answered within `limit`.
    pub fn of_invocation(began: Instant, limit: Duration) -> Self {
        Self { began, deadline: began + limit - STORE_WRITE_RESERVE, expires_at: None }
    }

    /// When the writes of one event have to be done; the time after that is for the ledger entries of the invocation.
    pub fn written_by(self) -> Instant {
        self.deadline + STORE_WRITE_RESERVE / 2
    }

    /// When the invocation has to be answered.
    pub fn answered_by(self) -> Instant {
        self.deadline + STORE_WRITE_RESERVE
    }
}
