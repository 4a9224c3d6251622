//! How a subscription proves that its events are wanted here: Event Grid's validation event, and the `OPTIONS` request of
//! `CloudEvents`.
//!
//! <https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema>,
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection>

use serde_json::json;
use warp::http::header::{ALLOW, HeaderValue};

use crate::events::RawEvent;
use crate::events::fields::Fields;
use crate::server::http_response::{HttpResponse, StatusCode, error_response, json_response, response_with};

const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// Answers the request of `CloudEvents`: that origin may post at any rate.
pub fn allow(origin: Option<String>) -> HttpResponse {
    let Some(origin) = origin.and_then(|origin| HeaderValue::try_from(origin).ok()) else {
        let message = "expected the header WebHook-Request-Origin";
        return error_response(StatusCode::BAD_REQUEST, "NoOrigin", message);
    };
    let mut response = response_with(StatusCode::OK, bytes::Bytes::new());
    let headers = response.headers_mut();
    headers.insert("webhook-allowed-origin", origin);
    headers.insert("webhook-allowed-rate", HeaderValue::from_static("*"));
    headers.insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    response
}

/// The answer to a validation event, if that is what was posted. Its `validationUrl` is never fetched: the code alone
/// validates the subscription.
pub fn validate(kind: Option<&str>, events: &[RawEvent<'_>]) -> Option<HttpResponse> {
    let [RawEvent::Json(event)] = events else { return None };
    let fields = Fields::from_slice(event.get().as_bytes(), &["data"]).ok()?;
    let is_validation = kind.is_some_and(|kind| kind.eq_ignore_ascii_case("SubscriptionValidation"))
        || fields.text("eventType").ok().flatten().is_some_and(|name| name.eq_ignore_ascii_case(VALIDATION));
    if !is_validation {
        return None;
    }
    let data = fields.take("data").and_then(|data| data.into_object(&["data"]).ok());
    Some(match data.and_then(|data| data.text("validationCode").ok().flatten()) {
        Some(code) => {
            tracing::info!("an event subscription was validated");
            json_response(StatusCode::OK, &json!({ "validationResponse": code }))
        }
        None => error_response(StatusCode::BAD_REQUEST, "NoValidationCode", "data.validationCode: expected a text"),
    })
}
