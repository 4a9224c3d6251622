//! Until when a notification is worth showing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Until when a notification is worth showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The moment.
    pub at: DateTime<Utc>,
    /// The time until then; zero when it has passed.
    pub remaining: Duration,
}

impl Expiry {
    /// `lifetime` after the event's own time, or after `now` where that is unknown.
    pub fn new(event_time: Option<DateTime<Utc>>, lifetime: TimeDelta, now: DateTime<Utc>) -> Self {
        // An event from a clock ahead of ours does not live longer for it.
        let at = event_time.map_or(now, |time| time.min(now)) + lifetime;
        Self { at, remaining: (at - now).to_std().unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_counts_from_the_event_and_never_exceeds_itself() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let lifetime = TimeDelta::seconds(30);
        let remaining = |time| Expiry::new(time, lifetime, now).remaining.as_secs();
        assert_eq!(remaining(Some(now - TimeDelta::seconds(10))), 20);
        assert_eq!(remaining(Some(now - TimeDelta::days(1))), 0);
        assert_eq!(remaining(Some(now + TimeDelta::days(1))), 30);
        assert_eq!(remaining(None), 30);
    }
}
