//! When what is done about an event has to be over.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::poll_immediate;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Waits until `deadline` at the longest.
pub async fn until<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    // Most of it is there at once, and needs no timer.
    match poll_immediate(future.as_mut()).await {
        Some(output) => Ok(output),
        None => timeout_at(deadline, future).await,
    }
}

/// The end of an invocation, and of an event.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// When all attempts at sending have to be over.
    pub deadline: Instant,
    /// When the event stops being worth another attempt, if ever.
    pub expires_at: Option<Instant>,
}

/// Kept of an invocation's time for writing down what happened.
const KEPT_FOR_STORE: Duration = Duration::from_secs(2);

impl Times {
    /// Of an invocation that begins now and has to be answered within `limit`.
    pub fn of_invocation(limit: Duration) -> Self {
        Self { deadline: Instant::now() + limit - KEPT_FOR_STORE, expires_at: None }
    }

    /// When what one event leaves behind has to be written: the rest is for the ledger.
    pub fn written_by(self) -> Instant {
        self.deadline + KEPT_FOR_STORE / 2
    }

    /// When the invocation has to be answered.
    pub fn answered_by(self) -> Instant {
        self.deadline + KEPT_FOR_STORE
    }
}
