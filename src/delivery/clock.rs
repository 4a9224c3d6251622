//! Finds out that this computer's clock is wrong, from the host's clock and from events: a wrong clock makes events expire.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::log::EachMinute;

/// What is known of this computer's clock.
#[derive(Debug, Default)]
pub struct ClockCheck {
    /// How far this computer's clock is ahead of the host's, if that is more than the tolerance.
    ahead: Mutex<Option<TimeDelta>>,
    /// Looking at the host's clock.
    looked: EachMinute<()>,
    /// The line about an event from the future.
    logged: EachMinute<()>,
}

/// More than an invocation waits, and less than a call lives.
const TOLERANCE: TimeDelta = TimeDelta::seconds(20);

impl ClockCheck {
    /// Compares the clock with the host's, once a minute, and warns if they differ.
    pub fn look(&self, began: Instant, now: DateTime<Utc>, host_time: impl FnOnce() -> Option<DateTime<Utc>>) {
        if !self.looked.is_due((), began) {
            return;
        }
        let Some(host_time) = host_time() else { return };
        let ahead = Some(now - host_time).filter(|ahead| ahead.abs() > TOLERANCE);
        *self.ahead.lock().expect("nothing panics while it is held") = ahead;
        if let Some(ahead) = ahead {
            tracing::warn!("{}: set it, or events expire too early or too late", against_host(ahead));
        }
    }

    /// Warns about an event that is from the future, once a minute.
    pub fn note_event(&self, began: Instant, now: DateTime<Utc>, event_time: DateTime<Utc>) {
        let before = event_time - now;
        if before <= TOLERANCE {
            return;
        }
        if self.logged.is_due((), began) {
            let seconds = before.num_seconds();
            tracing::warn!(
                "an event came {seconds} s before its own eventTime: this computer's clock is behind, or its sender's is ahead"
            );
        }
    }

    /// What an event that expired should say about it.
    pub fn fault(&self) -> Option<String> {
        self.ahead.lock().expect("nothing panics while it is held").map(against_host)
    }
}

fn against_host(ahead: TimeDelta) -> String {
    let direction = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
    format!("this computer's clock is {} s {direction} the Functions host's", ahead.abs().num_seconds())
}
