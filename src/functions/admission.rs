//! Which events are taken in while others are in flight: under overload calls go first, and the rest is refused at once, so
//! that Event Grid sends it again. What waits takes memory, and its connection may be what the next call needs.

use tokio::time::Instant;

use super::Service;
use super::counters::{Counts, InFlight};
use crate::events::{EventGridEvent, EventType, RawEvent};

/// Requests with events at a time: what is left of the connections is for calls, which are an eighth of them. A hub that answers
/// within 200 ms takes as many in 7 s.
const MOST_REQUESTS: u64 = 1792;

/// Events in flight: Event Grid's largest batch. A request that is alone may have more.
const MOST_EVENTS: u64 = 5000;

/// The same for a request that has a call.
const MOST_EVENTS_BESIDE_CALLS: u64 = 2 * MOST_EVENTS;

/// Too much is in flight.
#[derive(Debug, thiserror::Error)]
#[error("too many events are in flight: send these again later")]
pub struct Overloaded;

impl Service {
    /// Takes events in, and counts them.
    pub fn admit(&self, events: &[RawEvent<'_>]) -> Result<InFlight, Overloaded> {
        self.counters.receive(events.len(), |counts| has_room(counts, events)).ok_or_else(|| {
            if self.counters.overload.is_due((), Instant::now()) {
                tracing::warn!("too many events are in flight: further ones are answered 503, but for calls");
            }
            Overloaded
        })
    }
}

/// Whether the events may be in flight as well.
fn has_room(counts: &Counts, events: &[RawEvent<'_>]) -> bool {
    let fits = |most| counts.in_flight + events.len() as u64 <= most;
    counts.in_flight == 0
        || (counts.requests < MOST_REQUESTS && fits(MOST_EVENTS))
        || (fits(MOST_EVENTS_BESIDE_CALLS) && events.iter().any(|event| is_call(*event)))
}

/// Whether it announces a call.
fn is_call(raw_event: RawEvent<'_>) -> bool {
    EventGridEvent::parse(raw_event)
        .is_ok_and(|event| EventType::from_full_name(&event.type_name) == Some(EventType::IncomingCall))
}
