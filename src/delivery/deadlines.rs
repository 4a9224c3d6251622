//! When what is done about an event has to be over.

use std::pin::Pin;
use std::time::Duration;

use futures_util::future::poll_immediate;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Waits until `deadline` at the longest. The future is pinned by the caller, who would hold it twice otherwise.
pub async fn with_deadline<F: Future>(deadline: Instant, mut future: Pin<&mut F>) -> Result<F::Output, Elapsed> {
    // Most of it is there at once, and needs no timer.
    match poll_immediate(future.as_mut()).await {
        Some(output) => Ok(output),
        None => timeout_at(deadline, future).await,
    }
}

/// The beginning and the end of an invocation, and the end of an event.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// When the invocation began.
    pub began: Instant,
    /// When all attempts at sending have to be over.
    pub deadline: Instant,
    /// When the event stops being worth another attempt, if ever.
    pub expires_at: Option<Instant>,
}

/// Kept of an invocation's time for writing down what happened.
const STORE_WRITE_RESERVE: Duration = Duration::from_secs(2);

impl Deadlines {
    /// Of an invocation that began then and has to be answered within `limit`.
    pub fn of_invocation(began: Instant, limit: Duration) -> Self {
        Self { began, deadline: began + limit - STORE_WRITE_RESERVE, expires_at: None }
    }

    /// When what one event leaves behind has to be written: the rest is for the ledger.
    pub fn written_by(self) -> Instant {
        self.deadline + STORE_WRITE_RESERVE / 2
    }

    /// When the invocation has to be answered.
    pub fn answered_by(self) -> Instant {
        self.deadline + STORE_WRITE_RESERVE
    }
}
