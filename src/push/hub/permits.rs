//! How many requests to one hub are in flight, and who is next: urgent ones before all others.

use tokio::sync::{Semaphore, SemaphorePermit};

/// The permits of one hub.
#[derive(Debug)]
pub struct Permits {
    /// One for each request that may be in flight.
    all: Semaphore,
    /// A request that is not urgent needs one of these first. There are fewer, so an urgent one finds a permit free unless others
    /// of its kind have them.
    non_urgent: Semaphore,
}

/// Held while a request is in flight.
#[derive(Debug)]
pub struct SendPermit<'a> {
    _permit: SemaphorePermit<'a>,
    _not_urgent: Option<SemaphorePermit<'a>>,
}

/// One permit in so many is for urgent requests only, which do not wait for a slow hub to answer others.
const URGENT_SHARE: usize = 8;

impl Permits {
    /// As many as requests may be in flight.
    pub fn new(max_in_flight: usize) -> Self {
        let non_urgent = max_in_flight - max_in_flight / URGENT_SHARE;
        Self { all: Semaphore::new(max_in_flight), non_urgent: Semaphore::new(non_urgent) }
    }

    /// A permit without waiting. There is none while another request waits for one: the semaphores are fair.
    pub fn try_acquire(&self, urgent: bool) -> Option<SendPermit<'_>> {
        let non_urgent = if urgent { None } else { Some(self.non_urgent.try_acquire().ok()?) };
        Some(SendPermit { _permit: self.all.try_acquire().ok()?, _not_urgent: non_urgent })
    }

    /// A permit, once it is this request's turn.
    pub async fn acquire(&self, urgent: bool) -> SendPermit<'_> {
        let unclosed = "the semaphores are never closed";
        let non_urgent = if urgent { None } else { Some(self.non_urgent.acquire().await.expect(unclosed)) };
        SendPermit { _permit: self.all.acquire().await.expect(unclosed), _not_urgent: non_urgent }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_permit_that_a_call_waits_for_is_not_given_to_a_later_request() {
        let permits = Permits::new(1);
        let message = permits.try_acquire(false).unwrap();
        let mut call = pin!(permits.acquire(true));
        assert!(call.as_mut().now_or_never().is_none(), "there is one place only");
        drop(message);
        assert!(permits.try_acquire(false).is_none() && permits.try_acquire(true).is_none());
        drop(call.now_or_never().unwrap());
        assert!(permits.try_acquire(false).is_some());
    }

    #[tokio::test]
    async fn an_eighth_is_kept_for_calls_and_calls_may_have_all() {
        for (most, messages) in [(1, 1), (7, 7), (8, 7), (16, 14), (64, 56)] {
            let permits = Permits::new(most);
            let mut held: Vec<_> = std::iter::from_fn(|| permits.try_acquire(false)).collect();
            assert_eq!(held.len(), messages);
            held.extend(std::iter::from_fn(|| permits.try_acquire(true)));
            assert_eq!(held.len(), most);
            held.clear();
            held.extend(std::iter::from_fn(|| permits.try_acquire(true)));
            assert_eq!(held.len(), most, "of {most}");
        }
    }
}
