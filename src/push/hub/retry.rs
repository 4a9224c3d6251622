//! Whether and when a request to a hub is tried again. Pure: the caller waits, and randomness is a parameter.
//!
//! The service publishes no policy; this follows what its official SDKs agree on, plus 502, which they forget.
//! <https://learn.microsoft.com/rest/api/notificationhubs/common-concepts>

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::SendError;

/// Whether to try again, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Another attempt would fail, too.
    Never,
    /// Try again after this time.
    After(Duration),
}

const INITIAL_BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_secs(8);

impl SendError {
    /// The one place that decides whether to try again. `attempts` were made; `random` is in 0..1.
    pub fn retry(&self, attempts: u32, random: f64) -> Retry {
        match self {
            // Without the backoff, `Retry-After: 0` would cause requests without a pause.
            Self::Throttled { retry_after: Some(wait), .. } | Self::Unavailable { retry_after: Some(wait), .. } => {
                Retry::After((*wait).max(backoff(attempts, random)))
            }
            // Usually the connection was idle for too long, and the next attempt opens a new one.
            Self::ConnectionLost if attempts == 1 => Retry::After(Duration::ZERO),
            Self::Throttled { retry_after: None, .. }
            | Self::Unavailable { retry_after: None, .. }
            | Self::NoConnection(_)
            | Self::ConnectionLost
            | Self::Timeout => Retry::After(backoff(attempts, random)),
            Self::Unauthorized
            | Self::Forbidden
            | Self::BatchNotSupported
            | Self::NotFound
            | Self::BadRequest
            | Self::NoPlatformCredentials(_)
            | Self::TooLarge
            | Self::Refused(_)
            | Self::Expired
            | Self::Paused
            | Self::DeadlineReached => Retry::Never,
        }
    }
}

/// Full jitter: anything up to a bound that doubles with each attempt.
fn backoff(attempts: u32, random: f64) -> Duration {
    let bound = INITIAL_BACKOFF.saturating_mul(1 << attempts.saturating_sub(1).min(8)).min(MAX_BACKOFF);
    bound.mul_f64(random)
}

/// Longer values are cut to this: no hub means more, and adding it never overflows a clock.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads a `Retry-After` header, seconds or a date. A date in the past means at once.
pub fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return (seconds >= 0.0)
            .then(|| Duration::try_from_secs_f64(seconds).map_or(MAX_RETRY_AFTER, |wait| wait.min(MAX_RETRY_AFTER)));
    }
    Some((http_date(value)? - now).to_std().unwrap_or_default().min(MAX_RETRY_AFTER))
}

/// Reads a date in any of the three forms that HTTP knows.
pub fn http_date(value: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(value).ok().map(DateTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_is_waited_for_exactly() {
        let throttled = SendError::Throttled { status: 429, retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(throttled.retry(1, 0.5), Retry::After(Duration::from_secs(7)));
        let at_once = SendError::Throttled { status: 429, retry_after: Some(Duration::ZERO) };
        assert_eq!(at_once.retry(1, 0.5), Retry::After(Duration::from_millis(250)));
    }

    #[test]
    fn without_a_retry_after_the_wait_is_random_under_a_bound_that_doubles() {
        let error = SendError::Unavailable { status: 503, retry_after: None };
        assert_eq!(error.retry(1, 1.0), Retry::After(Duration::from_millis(500)));
        assert_eq!(error.retry(3, 1.0), Retry::After(Duration::from_secs(2)));
        assert_eq!(error.retry(3, 0.25), Retry::After(Duration::from_millis(500)));
        assert_eq!(error.retry(40, 1.0), Retry::After(Duration::from_secs(8)));
    }

    #[test]
    fn a_lost_connection_is_retried_at_once_and_then_with_backoff() {
        assert_eq!(SendError::ConnectionLost.retry(1, 1.0), Retry::After(Duration::ZERO));
        assert_eq!(SendError::ConnectionLost.retry(2, 1.0), Retry::After(Duration::from_secs(1)));
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-11-22T10:00:00Z").unwrap().to_utc();
        assert_eq!(retry_after("3", now), Some(Duration::from_secs(3)));
        assert_eq!(retry_after("Sun, 22 Nov 2026 10:00:05 GMT", now), Some(Duration::from_secs(5)));
        assert_eq!(retry_after("Sun, 22 Nov 2026 09:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("Sunday, 22-Nov-26 10:00:05 GMT", now), Some(Duration::from_secs(5)));
        for endless in ["1e300", "inf", "15000000000000000000", "Sun, 22 Nov 2099 10:00:00 GMT"] {
            assert_eq!(retry_after(endless, now), Some(Duration::from_secs(86_400)), "{endless}");
        }
        for wrong in ["", "soon", "-1", "NaN"] {
            assert_eq!(retry_after(wrong, now), None, "{wrong}");
        }
    }
}
