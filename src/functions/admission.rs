//! Which events are taken in while others are in flight: under overload calls go first, and the rest is refused at once, so
//! that Event Grid sends it again. What waits takes memory, and its connection may be what the next call needs.

use tokio::time::Instant;

use super::Service;
use super::counters::InFlight;
use crate::events::{EventGridEvent, EventType, RawEvent};

/// Requests with events at a time: what is left of the connections is for calls, which are an eighth of them.
pub const MOST_REQUESTS: u64 = 448;

/// Events in flight: Event Grid's largest batch. A request that is alone may have more.
pub const MOST_EVENTS: u64 = 5000;

/// The same for a request that has a call.
pub const MOST_EVENTS_BESIDE_CALLS: u64 = 2 * MOST_EVENTS;

/// Too much is in flight.
#[derive(Debug, thiserror::Error)]
#[error("too many events are in flight: send these again later")]
pub struct Overloaded;

impl Service {
    /// Takes events in, and counts them.
    pub fn admit(&self, events: &[RawEvent<'_>]) -> Result<InFlight, Overloaded> {
        let has_call = || events.iter().any(|event| is_call(*event));
        self.counters.receive(events.len(), has_call).ok_or_else(|| {
            if self.counters.overload.is_due((), Instant::now()) {
                tracing::warn!("too many events are in flight: further ones are answered 503, but for calls");
            }
            Overloaded
        })
    }
}

/// Whether it announces a call.
fn is_call(raw_event: RawEvent<'_>) -> bool {
    EventGridEvent::parse(raw_event)
        .is_ok_and(|event| EventType::from_full_name(&event.type_name) == Some(EventType::IncomingCall))
}
