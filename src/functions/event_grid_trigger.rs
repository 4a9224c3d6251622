//! The function `EventGridTrigger`: delivers the events of an invocation, and decides whether Event Grid gets 200 or 500.

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::time::Instant;

use super::Service;
use super::http_response::{HttpResponse, StatusCode, internal_error, json_response, unavailable};
use super::invocation::{InvocationError, InvocationRequest, InvocationResponse, host_time};
use crate::delivery::outcome::DeliveryResult;
use crate::events::trace_id;
use crate::log;

impl Service {
    pub(super) async fn event_grid_trigger(
        &self,
        body: &[u8],
        began: Instant,
        now: DateTime<Utc>,
        traceparent: Option<&str>,
    ) -> HttpResponse {
        let request = InvocationRequest::parse(body);
        let events = match request
            .as_ref()
            .map_err(InvocationError::to_string)
            .and_then(|request| request.events().map_err(|error| error.to_string()))
        {
            Ok(events) => events,
            Err(problem) => {
                self.counters.reject();
                tracing::warn!("not an invocation: {problem}");
                return json_response(StatusCode::BAD_REQUEST, &json!({ "error": problem }));
            }
        };
        self.delivery_service.clock.look(began, now, || host_time(body));
        let mut in_flight = match self.admit(&events) {
            Ok(in_flight) => in_flight,
            Err(overloaded) => return unavailable(&overloaded.to_string()),
        };
        let results = self.delivery_service.deliver_all(&events, began, now, traceparent.and_then(trace_id)).await;
        results.iter().for_each(|delivery| in_flight.settle(delivery.outcome));
        // 500 makes Event Grid send all of its events again.
        if !results.iter().any(DeliveryResult::needs_repeat) {
            return InvocationResponse::with_logs(results.iter().map(DeliveryResult::line)).into_http();
        }
        // The host drops the `Logs` of an invocation that failed.
        results.iter().for_each(|delivery| log::write_line(&delivery.line()));
        let failed: Vec<_> = results.iter().filter(|delivery| delivery.needs_repeat()).collect();
        let reason = failed.first().and_then(|delivery| delivery.reason.as_deref()).unwrap_or_default();
        internal_error(&format!("{} of {} events failed: {reason}", failed.len(), results.len()))
    }
}
