//! HTTP responses, nearly all of them JSON.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
pub use warp::http::StatusCode;
use warp::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};

/// Status, headers and body.
pub type HttpResponse = warp::http::Response<Bytes>;

/// 500 to an invocation or a delivery.
pub fn internal_error(problem: &str) -> HttpResponse {
    json_response(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": problem }))
}

/// How long Event Grid waits at least after a 503 before it sends a delivery again.
const RETRY_AFTER_SECONDS: u32 = 30;

/// 503: Event Grid sends it again.
pub fn unavailable(problem: &str) -> HttpResponse {
    let mut response = error_response(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", problem);
    response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
    response
}

/// An error with a code and a message.
pub fn error_response(status: StatusCode, code: &str, message: &str) -> HttpResponse {
    json_response(status, &json!({ "error": { "code": code, "message": message } }))
}

/// 405, with the methods that are allowed.
pub fn method_not_allowed(allowed: &str) -> HttpResponse {
    let message = format!("expected {allowed}");
    let mut response = error_response(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &message);
    if let Ok(value) = allowed.parse() {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}

/// A response whose body is `value`.
pub fn json_response(status: StatusCode, value: &impl Serialize) -> HttpResponse {
    response_with(status, serde_json::to_vec(value).expect("texts, numbers and lists always serialize").into())
}

/// A response with this body.
pub fn response_with(status: StatusCode, body: Bytes) -> HttpResponse {
    let mut response = HttpResponse::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
