//! Lines that are written once a minute, however often their cause occurs.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// The causes whose lines were written within the last minute.
#[derive(Debug)]
pub struct EachMinute<C>(Mutex<Vec<(C, Instant)>>);

const MINUTE: Duration = Duration::from_secs(60);

impl<C> Default for EachMinute<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: PartialEq> EachMinute<C> {
    /// Whether the line about `cause` is due. If it is, it counts as written.
    pub fn is_due(&self, cause: C, now: Instant) -> bool {
        let mut written = self.0.lock().expect("nothing panics while it is held");
        written.retain(|(_, at)| now.saturating_duration_since(*at) < MINUTE);
        let is_due = written.iter().all(|(known, _)| *known != cause);
        if is_due {
            written.push((cause, now));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_due_once_a_minute() {
        let (causes, now) = (EachMinute::default(), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        assert!(causes.is_due("one", now) && causes.is_due("other", at(1)));
        assert!(!causes.is_due("one", at(59)));
        assert!(causes.is_due("one", at(60)) && !causes.is_due("other", at(60)));
    }
}
