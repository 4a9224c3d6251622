//! The answers of the service as HTTP: headers, error XML, notification ids. Which answer a
//! request gets is decided elsewhere.
//!
//! The shapes are those of the recordings in the tests of the official .NET SDK,
//! <https://github.com/Azure/azure-notificationhubs-dotnet>.

use std::collections::BTreeMap;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::http::response::Builder;
use hyper::{Method, StatusCode};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::wording::{self, Refusal};

pub(crate) type Response = hyper::Response<Full<Bytes>>;

const TRACKING_ID: &str = "TrackingId";
const XML: &str = "application/xml; charset=utf-8";

/// 201 as the service gives it, with `Location` when there is one.
pub(crate) fn created(location: Option<&str>) -> Response {
    let mut builder = envelope(StatusCode::CREATED, Uuid::new_v4()).header(CONTENT_TYPE, XML);
    if let Some(location) = location {
        builder = builder.header(LOCATION, location);
    }
    finish(builder, "")
}

/// The error that goes with `refusal`.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let (status, tracking_id) = (refusal.status(), Uuid::new_v4());
    let mut builder = envelope(status, tracking_id);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        builder = builder.header(ALLOW, Method::POST.as_str());
    }
    // The newer front end answers a missing claim without a body.
    if status == StatusCode::FORBIDDEN {
        return finish(builder, "");
    }
    let body = error_xml(status, &refusal.to_string(), tracking_id);
    finish(builder.header(CONTENT_TYPE, XML), body)
}

/// A scripted status; without a body of its own it gets the service's error XML.
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
        None => error_xml(status, wording::of_status(status), tracking_id),
    };
    let mut response = finish(envelope(status, tracking_id).header(CONTENT_TYPE, XML), body);
    let retry_after = retry_after.map(|value| (RETRY_AFTER.as_str(), value));
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in retry_after.into_iter().chain(headers) {
        // What is no header can't be sent; the controls refuse it where a person is watching.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Plain text, for what is the emulator's own and not the service's.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let builder = hyper::Response::builder().status(status);
    finish(builder.header(CONTENT_TYPE, "text/plain; charset=utf-8"), body)
}

/// JSON, for the controls.
pub(crate) fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec_pretty(value) {
        Ok(body) => {
            let builder = hyper::Response::builder().header(CONTENT_TYPE, "application/json");
            finish(builder, body)
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// 204, for the controls.
pub(crate) fn done() -> Response {
    finish(hyper::Response::builder().status(StatusCode::NO_CONTENT), "")
}

/// What the answer can be found by in its receiver's log.
pub(crate) fn tracking_id(response: &Response) -> Option<String> {
    response.headers().get(TRACKING_ID)?.to_str().ok().map(str::to_owned)
}

/// A notification id in the service's form, `<32 hex>-<yyyyMMddHHmmss>-<digits>-<digits>`.
pub(crate) fn notification_id() -> String {
    let (id, now) = (Uuid::new_v4(), OffsetDateTime::now_utc());
    let (year, month, day) = now.to_calendar_date();
    let (hour, minute, second) = now.to_hms();
    let month = u8::from(month);
    let number = id.as_u128() % 1_000_000;
    let id = id.simple();
    format!("{id}-{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}-{number}-1")
}

/// The headers of every answer of the newer front end.
fn envelope(status: StatusCode, tracking_id: Uuid) -> Builder {
    hyper::Response::builder()
        .status(status)
        .header(TRACKING_ID, tracking_id.to_string())
        .header("x-ms-correlation-request-id", Uuid::new_v4().to_string())
        .header("Strict-Transport-Security", "max-age=2592000")
}

fn finish(builder: Builder, body: impl Into<Bytes>) -> Response {
    // The parts are constants and text made here; a builder that fails all the same is a 500.
    builder.body(Full::new(body.into())).unwrap_or_else(|_| {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn error_xml(status: StatusCode, detail: &str, tracking_id: Uuid) -> String {
    let code = status.as_u16();
    let detail = detail.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let time = timestamp(OffsetDateTime::now_utc());
    format!(
        "<Error><Code>{code}</Code><Detail>{detail}.TrackingId:{tracking_id}_G1,TimeStamp:{time}\
         </Detail></Error>"
    )
}

/// Like `7/2/2020 6:33:21 PM`.
fn timestamp(now: OffsetDateTime) -> String {
    let (year, month, day) = now.to_calendar_date();
    let (hour, minute, second) = now.to_hms();
    let month = u8::from(month);
    let (half, hour) = (if hour < 12 { "AM" } else { "PM" }, (hour + 11) % 12 + 1);
    format!("{month}/{day}/{year} {hour}:{minute:02}:{second:02} {half}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_look_like_the_recorded_ones() {
        let at = |seconds| timestamp(OffsetDateTime::from_unix_timestamp(seconds).unwrap());
        assert_eq!(at(1_593_714_801), "7/2/2020 6:33:21 PM");
        assert_eq!(at(1_767_225_600), "1/1/2026 12:00:00 AM");
        assert_eq!(at(1_767_268_800), "1/1/2026 12:00:00 PM");
    }

    #[test]
    fn details_are_escaped() {
        let xml = error_xml(StatusCode::BAD_REQUEST, "'<a&b>'", Uuid::nil());
        assert!(xml.contains("'&lt;a&amp;b&gt;'.TrackingId:00000000-"), "{xml}");
    }
}
