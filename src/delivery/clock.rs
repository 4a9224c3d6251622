//! Finds out that this computer's clock is wrong, from the host's clock and from events: a wrong clock makes events expire.

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// What is known of this computer's clock.
#[derive(Debug, Default)]
pub struct ClockCheck(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the host's clock was last looked at.
    looked: Option<Instant>,
    /// When an event from the future was last logged.
    logged: Option<Instant>,
    /// How far this computer's clock is ahead of the host's, if that is more than the tolerance.
    ahead: Option<TimeDelta>,
}

/// More than an invocation waits, and less than a call lives.
const TOLERANCE: TimeDelta = TimeDelta::seconds(20);
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

impl ClockCheck {
    /// Compares the clock with the host's, once a minute, and warns if they differ.
    pub fn look(&self, began: Instant, now: DateTime<Utc>, host_time: impl FnOnce() -> Option<DateTime<Utc>>) {
        let mut state = self.0.lock().expect("nothing panics while it is held");
        if !is_due(&mut state.looked, began) {
            return;
        }
        let Some(host_time) = host_time() else { return };
        let ahead = now - host_time;
        state.ahead = (ahead.abs() > TOLERANCE).then_some(ahead);
        if let Some(ahead) = state.ahead {
            tracing::warn!("{}: set it, or events expire too early or too late", against_host(ahead));
        }
    }

    /// Warns about an event that is from the future, once a minute.
    pub fn note_event(&self, began: Instant, now: DateTime<Utc>, event_time: DateTime<Utc>) {
        let before = event_time - now;
        if before <= TOLERANCE {
            return;
        }
        let mut state = self.0.lock().expect("nothing panics while it is held");
        if is_due(&mut state.logged, began) {
            let seconds = before.num_seconds();
            tracing::warn!(
                "an event came {seconds} s before its own eventTime: this computer's clock is behind, or its sender's is ahead"
            );
        }
    }

    /// What an event that expired should say about it.
    pub fn fault(&self) -> Option<String> {
        self.0.lock().expect("nothing panics while it is held").ahead.map(against_host)
    }
}

fn is_due(last: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= CHECK_INTERVAL);
    if is_due {
        *last = Some(now);
    }
    is_due
}

fn against_host(ahead: TimeDelta) -> String {
    let direction = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
    format!("this computer's clock is {} s {direction} the Functions host's", ahead.abs().num_seconds())
}
