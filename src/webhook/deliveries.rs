//! What Event Grid posts: its events are delivered, and the status says whether it has to send them again.
//!
//! It never repeats what is answered with 400, 401, 403 or 413, so none of them is the answer to what a repeat can mend.
//! <https://learn.microsoft.com/azure/event-grid/delivery-and-retry>

use chrono::{DateTime, Utc};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::routes::DeliveryHeaders;
use super::{Webhook, handshake};
use crate::delivery::outcome::DeliveryResult;
use crate::events::{RawEvent, trace_id};
use crate::functions::invocation::MAX_EVENTS;
use crate::log;
use crate::server::http_response::{HttpResponse, StatusCode, error_response, json_response, unavailable};

/// Why a body holds no events.
#[derive(Debug, thiserror::Error)]
enum NoEvents {
    #[error("the body is not JSON (line {}, column {})", .0.line(), .0.column())]
    NotJson(#[from] serde_json::Error),
    #[error("the body is neither an event nor an array of events")]
    Other,
    #[error("the body has {0} events: expected at most {MAX_EVENTS}")]
    TooMany(usize),
}

impl Webhook {
    pub(super) async fn deliveries(
        &self,
        body: &[u8],
        headers: &DeliveryHeaders,
        began: Instant,
        now: DateTime<Utc>,
    ) -> HttpResponse {
        if headers.encoding.as_deref().is_some_and(|name| !name.eq_ignore_ascii_case("identity")) {
            // Its value may be anything, and this is logged.
            let message = "the body has a Content-Encoding: expected none";
            return self.reject(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
        }
        let events = match events(body) {
            Ok(events) => events,
            Err(error) => return self.reject(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        if let Some(answer) = handshake::validate(headers.kind.as_deref(), &events) {
            return answer;
        }
        let mut in_flight = match self.service.admit(&events) {
            Ok(in_flight) => in_flight,
            Err(overloaded) => return unavailable(&overloaded.to_string()),
        };
        let trace = headers.traceparent.as_deref().and_then(trace_id);
        let results = self.service.delivery_service.deliver_all(&events, began, now, trace).await;
        for result in &results {
            in_flight.settle(result.outcome);
            self.metrics.count(result);
            log::write_line(&result.line());
        }
        let failed: Vec<_> = results.iter().filter(|result| result.needs_repeat()).collect();
        match failed.first() {
            None => {
                let told = |result: &DeliveryResult| json!({ "outcome": result.outcome, "code": result.code });
                json_response(StatusCode::OK, &json!({ "events": results.iter().map(told).collect::<Vec<_>>() }))
            }
            Some(first) => unavailable(&describe(failed.len(), results.len(), first)),
        }
    }

    fn reject(&self, status: StatusCode, problem: &str) -> HttpResponse {
        self.service.counters.reject();
        tracing::warn!("not a delivery of Event Grid: {problem}");
        error_response(status, "NoDelivery", problem)
    }
}

fn describe(failed: usize, all: usize, first: &DeliveryResult) -> String {
    format!("{failed} of {all} events failed: {}", first.reason.as_deref().unwrap_or_default())
}

/// The events of a body: one, or an array of them, in either schema.
fn events(body: &[u8]) -> Result<Vec<RawEvent<'_>>, NoEvents> {
    let value: &RawValue = serde_json::from_slice(body)?;
    match value.get().as_bytes().first() {
        Some(b'{') => Ok(vec![RawEvent::Json(value)]),
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(value.get())?;
            if elements.len() > MAX_EVENTS {
                return Err(NoEvents::TooMany(elements.len()));
            }
            Ok(elements.into_iter().map(RawEvent::Json).collect())
        }
        _ => Err(NoEvents::Other),
    }
}
