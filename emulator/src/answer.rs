//! The answers of the service as HTTP: headers, error XML, notification ids. Which answer a
//! request gets is decided elsewhere.
//!
//! The shapes are those of the recordings in the tests of the official .NET SDK,
//! <https://github.com/Azure/azure-notificationhubs-dotnet>.

use std::collections::BTreeMap;

use hyper::StatusCode;
use hyper::header::{
    ALLOW, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use hyper::http::response::Builder;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::drip::Drip;
use crate::moment;
use crate::wording::{self, Refusal};

pub(crate) type Response = hyper::Response<Drip>;

const TRACKING_ID: &str = "TrackingId";
pub(crate) const XML: &str = "application/xml; charset=utf-8";

/// 201 as the service gives it, with `Location` when there is one.
pub(crate) fn created(location: Option<&str>) -> Response {
    let mut builder = envelope(StatusCode::CREATED, Uuid::new_v4()).header(CONTENT_TYPE, XML);
    if let Some(location) = location {
        builder = builder.header(LOCATION, location);
    }
    finish(builder, "")
}

/// 200 as the service gives it, with a body of that type.
pub(crate) fn found(content_type: &str, body: String) -> Response {
    finish(envelope(StatusCode::OK, Uuid::new_v4()).header(CONTENT_TYPE, content_type), body)
}

/// 204 as the service gives it.
pub(crate) fn gone() -> Response {
    finish(envelope(StatusCode::NO_CONTENT, Uuid::new_v4()), "")
}

/// A blob as the storage service gives it, or the range of it that is named.
pub(crate) fn blob(changed: &str, etag: &str, content: impl Into<Drip>, range: Option<&str>) -> Response {
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut builder = envelope(status, Uuid::new_v4())
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(LAST_MODIFIED, changed)
        .header(ETAG, etag)
        .header("x-ms-blob-type", "AppendBlob");
    if let Some(range) = range {
        builder = builder.header(CONTENT_RANGE, range);
    }
    finish(builder, content)
}

/// An error as the storage service gives it, by its code.
pub(crate) fn blob_error(status: StatusCode, code: &str) -> Response {
    let builder = envelope(status, Uuid::new_v4()).header(CONTENT_TYPE, "application/xml");
    let body = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code></Error>");
    finish(builder.header("x-ms-error-code", code), body)
}

/// The error that goes with `refusal`.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let (status, tracking_id) = (refusal.status(), Uuid::new_v4());
    let mut builder = envelope(status, tracking_id);
    if let Refusal::MethodNotAllowed(allowed) = refusal {
        builder = builder.header(ALLOW, *allowed);
    }
    if let Refusal::Throttled { seconds, .. } = refusal {
        builder = builder.header(RETRY_AFTER, *seconds);
    }
    // The newer front end answers a missing claim without a body.
    if let Refusal::NoRight(_) = refusal {
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
    let retry_after = retry_after.map(date_or_as_it_stands);
    let retry_after = retry_after.as_deref().map(|value| (RETRY_AFTER.as_str(), value));
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in retry_after.into_iter().chain(headers) {
        // What is no header can't be sent; the controls refuse it where a person is watching.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// `date:7` is the HTTP date in seven seconds: a script does not know when it is met.
fn date_or_as_it_stands(retry_after: &str) -> String {
    match retry_after.strip_prefix("date:").and_then(|seconds| seconds.trim().parse().ok()) {
        Some(seconds) => moment::in_http(OffsetDateTime::now_utc().saturating_add(Duration::seconds(seconds))),
        None => retry_after.to_owned(),
    }
}

/// Plain text, for what is the emulator's own and not the service's.
pub(crate) fn text(status: StatusCode, body: impl Into<Drip>) -> Response {
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
pub(crate) fn notification_id(now: OffsetDateTime) -> String {
    let id = Uuid::new_v4();
    format!("{}-{}-{}-1", id.simple(), moment::in_id(now), id.as_u128() % 1_000_000)
}

/// The headers of every answer of the newer front end.
fn envelope(status: StatusCode, tracking_id: Uuid) -> Builder {
    hyper::Response::builder()
        .status(status)
        .header(TRACKING_ID, tracking_id.to_string())
        .header("x-ms-correlation-request-id", Uuid::new_v4().to_string())
        .header("Strict-Transport-Security", "max-age=2592000")
}

fn finish(builder: Builder, body: impl Into<Drip>) -> Response {
    // The parts are constants and text made here; a builder that fails all the same is a 500.
    builder.body(body.into()).unwrap_or_else(|_| {
        let mut response = Response::new(Drip::from(""));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn error_xml(status: StatusCode, detail: &str, tracking_id: Uuid) -> String {
    let code = status.as_u16();
    let detail = escaped(detail);
    let time = moment::in_error(OffsetDateTime::now_utc());
    format!(
        "<Error><Code>{code}</Code><Detail>{detail}.TrackingId:{tracking_id}_G1,TimeStamp:{time}\
         </Detail></Error>"
    )
}

/// Text as it may stand between two XML tags. What XML has no form for is replaced, as a bad byte is.
pub(crate) fn escaped(text: &str) -> String {
    let is_foreign =
        |sign: char| matches!(sign, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    text.replace(is_foreign, "\u{fffd}").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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
