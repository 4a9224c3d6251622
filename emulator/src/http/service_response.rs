//! The responses of the service: headers, error XML, notification ids. Which one a request gets is decided in `service`
//! and `resources`.
//!
//! The forms are those of the recordings in the tests of the official .NET SDK,
//! <https://github.com/Azure/azure-notificationhubs-dotnet>.

use std::collections::BTreeMap;

use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::http::response::Builder;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::response::build;
use super::{Response, ServiceError, dates, escape_xml};

const TRACKING_ID: &str = "TrackingId";

pub(crate) const XML: &str = "application/xml; charset=utf-8";

/// 201, with `Location` when there is one.
pub(crate) fn created(location: Option<&str>) -> Response {
    let mut builder = with_standard_headers(StatusCode::CREATED).header(CONTENT_TYPE, XML);
    if let Some(location) = location {
        builder = builder.header(LOCATION, location);
    }
    build(builder, "")
}

/// 200 with a body.
pub(crate) fn ok(content_type: &str, body: String) -> Response {
    build(with_standard_headers(StatusCode::OK).header(CONTENT_TYPE, content_type), body)
}

/// 204.
pub(crate) fn no_content() -> Response {
    build(with_standard_headers(StatusCode::NO_CONTENT), "")
}

/// The response to a request that the service refuses.
pub(crate) fn error(error: &ServiceError) -> Response {
    let (status, tracking_id) = (error.status(), Uuid::new_v4());
    let mut builder = with_tracking_id(status, tracking_id);
    if let ServiceError::MethodNotAllowed(allowed) = error {
        builder = builder.header(ALLOW, *allowed);
    }
    if let ServiceError::Throttled { seconds, .. } = error {
        builder = builder.header(RETRY_AFTER, *seconds);
    }
    // For a missing right the service answers without a body.
    if let ServiceError::MissingRight(_) = error {
        return build(builder, "");
    }
    let body = error_xml(status, &error.to_string(), tracking_id);
    build(builder.header(CONTENT_TYPE, XML), body)
}

/// The response of a scripted fault. Without a body of its own an error status gets the service's error XML.
pub(crate) fn scripted(
    status: u16,
    retry_after: Option<&str>,
    headers: &BTreeMap<String, String>,
    body: Option<&str>,
) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let tracking_id = Uuid::new_v4();
    let body = match body {
        Some(body) => body.to_owned(),
        None if status.is_success() => String::new(),
        None => error_xml(status, default_detail(status), tracking_id),
    };
    let mut response = build(with_tracking_id(status, tracking_id).header(CONTENT_TYPE, XML), body);
    let retry_after = retry_after.map(resolve_retry_after);
    let retry_after = retry_after.as_deref().map(|value| (RETRY_AFTER.as_str(), value));
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in retry_after.into_iter().chain(headers) {
        // `Fault::from_json` refuses invalid headers with an error; those of a Rust caller are left out.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// `date:7` becomes the HTTP date in seven seconds; any other value stays as it is.
fn resolve_retry_after(value: &str) -> String {
    match value.strip_prefix("date:").and_then(|seconds| seconds.trim().parse().ok()) {
        Some(seconds) => dates::for_http_header(OffsetDateTime::now_utc().saturating_add(Duration::seconds(seconds))),
        None => value.to_owned(),
    }
}

/// The `Detail` of a scripted status. The text of 500 was seen in answers of the service.
fn default_detail(status: StatusCode) -> &'static str {
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        return "50002: Provider Internal Error";
    }
    status.canonical_reason().unwrap_or("Scripted fault")
}

/// The `TrackingId` of a response.
pub(crate) fn tracking_id(response: &Response) -> Option<String> {
    response.headers().get(TRACKING_ID)?.to_str().ok().map(str::to_owned)
}

/// A new notification id in the service's form, `<32 hex>-<yyyyMMddHHmmss>-<digits>-<digits>`.
pub(crate) fn notification_id(now: OffsetDateTime) -> String {
    let id = Uuid::new_v4();
    format!("{}-{}-{}-1", id.simple(), dates::for_notification_id(now), id.as_u128() % 1_000_000)
}

/// A response with the headers that each answer of the service has.
pub(crate) fn with_standard_headers(status: StatusCode) -> Builder {
    with_tracking_id(status, Uuid::new_v4())
}

fn with_tracking_id(status: StatusCode, tracking_id: Uuid) -> Builder {
    hyper::Response::builder()
        .status(status)
        .header(TRACKING_ID, tracking_id.to_string())
        .header("x-ms-correlation-request-id", Uuid::new_v4().to_string())
        .header("Strict-Transport-Security", "max-age=2592000")
}

fn error_xml(status: StatusCode, detail: &str, tracking_id: Uuid) -> String {
    let code = status.as_u16();
    let detail = escape_xml(detail);
    let time = dates::for_error(OffsetDateTime::now_utc());
    format!(
        "<Error><Code>{code}</Code><Detail>{detail}.TrackingId:{tracking_id}_G1,TimeStamp:{time}\
         </Detail></Error>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_escaped() {
        let xml = error_xml(StatusCode::BAD_REQUEST, "'<a&b>\t\u{1}'", Uuid::nil());
        assert!(xml.contains("'&lt;a&amp;b&gt;\t\u{fffd}'.TrackingId:00000000-"), "{xml}");
    }
}
