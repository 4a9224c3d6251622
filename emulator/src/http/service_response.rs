//! The responses of the service: headers, error XML, notification ids. Which one a request gets is decided in `service`
//! and `resources`.
//!
//! The form before 2022 is that of the recordings in the tests of the official .NET SDK,
//! <https://github.com/Azure/azure-notificationhubs-dotnet>. The form since 2022 is that of the recordings of the JavaScript
//! SDK of 2023 and 2024, in `sdk/notificationhubs` of <https://github.com/Azure/azure-sdk-for-js>; its error XML is in
//! <https://github.com/Azure/azure-notificationhubs-java-backend/issues/150>.

use std::collections::BTreeMap;

use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, SERVER};
use hyper::http::response::Builder;
use hyper::{HeaderMap, StatusCode};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::response::build;
use super::{HubRequest, Response, ServiceError, dates, escape_xml};
use crate::options::FrontEnd;

const TRACKING_ID: &str = "TrackingId";

pub(crate) const XML: &str = "application/xml; charset=utf-8";

/// Makes the response to one request.
#[derive(Debug)]
pub(crate) struct ServiceResponses {
    front_end: FrontEnd,
    tracking_id: String,
}

impl ServiceResponses {
    /// For a request with these headers. Since 2022 its `TrackingId` is repeated in the response.
    pub(crate) fn new(front_end: FrontEnd, headers: &HeaderMap) -> Self {
        let sent = headers.get(TRACKING_ID).and_then(|value| value.to_str().ok());
        let sent = sent.filter(|id| front_end == FrontEnd::Since2022 && Uuid::try_parse(id).is_ok());
        let tracking_id = sent.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        Self { front_end, tracking_id }
    }

    pub(crate) fn tracking_id(&self) -> &str {
        &self.tracking_id
    }

    /// 201 for an accepted send, with `Location` when there is one.
    pub(crate) fn created(&self, location: Option<&str>) -> Response {
        let builder = self.builder(StatusCode::CREATED);
        let mut builder = match self.front_end {
            FrontEnd::Since2022 => builder.header("X-Powered-By", "Azure Notification Hubs"),
            FrontEnd::Before2022 => builder.header(CONTENT_TYPE, XML),
        };
        if let Some(location) = location {
            builder = builder.header(LOCATION, location);
        }
        build(builder, "")
    }

    pub(crate) fn front_end(&self) -> FrontEnd {
        self.front_end
    }

    /// 201 with the outcome of a test send.
    pub(crate) fn created_with(&self, location: Option<&str>, body: String) -> Response {
        let mut response = self.created(location).map(|_| body.into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(XML));
        response
    }

    /// 201 without a body for something that is no send.
    pub(crate) fn created_at(&self, content_type: &str, location: &str) -> Response {
        let builder = self.builder(StatusCode::CREATED).header(CONTENT_TYPE, content_type);
        build(builder.header(LOCATION, location), "")
    }

    /// 200 with a body.
    pub(crate) fn ok(&self, content_type: &str, body: String) -> Response {
        build(self.builder(StatusCode::OK).header(CONTENT_TYPE, content_type), body)
    }

    /// 200 with a body and more headers.
    pub(crate) fn ok_with(&self, content_type: &str, body: String, headers: &[(&str, &str)]) -> Response {
        let builder = self.builder(StatusCode::OK).header(CONTENT_TYPE, content_type);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        build(builder, body)
    }

    /// 200 without a body, and in both forms without its type.
    pub(crate) fn ok_without_type(&self) -> Response {
        build(self.builder(StatusCode::OK), "")
    }

    /// 200 without a body.
    pub(crate) fn ok_empty(&self) -> Response {
        self.empty(StatusCode::OK)
    }

    /// 204.
    pub(crate) fn no_content(&self) -> Response {
        self.empty(StatusCode::NO_CONTENT)
    }

    fn empty(&self, status: StatusCode) -> Response {
        let builder = self.builder(status);
        let builder = match self.front_end {
            FrontEnd::Since2022 => builder,
            FrontEnd::Before2022 => builder.header(CONTENT_TYPE, XML),
        };
        build(builder, "")
    }

    /// The response to a request that the service refuses.
    pub(crate) fn error(&self, error: &ServiceError) -> Response {
        let mut builder = self.builder(error.status());
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
        // For a registration that does not exist it answers without a text.
        let detail = if let ServiceError::RegistrationNotFound = error { String::new() } else { error.to_string() };
        let body = self.error_xml(error.status(), &detail);
        build(builder.header(CONTENT_TYPE, XML), body)
    }

    /// The response of a scripted fault. Without a body of its own an error status gets the service's error XML.
    pub(crate) fn scripted(
        &self,
        status: u16,
        retry_after: Option<&str>,
        headers: &BTreeMap<String, String>,
        body: Option<&str>,
    ) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = match body {
            Some(body) => body.to_owned(),
            None if status.is_success() => String::new(),
            None => self.error_xml(status, default_detail(status)),
        };
        let mut response = build(self.builder(status).header(CONTENT_TYPE, XML), body);
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

    /// A new notification id: `NH-<yyyyMMddHHmmssfff>-<32 hex>-<2 digits>`, before 2022
    /// `<32 hex>-<yyyyMMddHHmmss>-<digits>-<digits>`.
    pub(crate) fn notification_id(&self, now: OffsetDateTime) -> String {
        let id = Uuid::new_v4();
        let (hex, number) = (id.simple(), id.as_u128());
        match self.front_end {
            FrontEnd::Since2022 => {
                format!("NH-{}-{hex}-{:02}", dates::for_notification_id_since_2022(now), number % 100)
            }
            FrontEnd::Before2022 => format!("{hex}-{}-{}-1", dates::for_notification_id(now), number % 1_000_000),
        }
    }

    /// The query of `Location`: the API version, before 2022 the whole query of the request.
    pub(crate) fn location_query(&self, request: &HubRequest<'_>, version: &str) -> String {
        match self.front_end {
            FrontEnd::Since2022 => format!("api-version={version}"),
            FrontEnd::Before2022 => request.query.to_owned(),
        }
    }

    /// The headers of each answer.
    fn builder(&self, status: StatusCode) -> Builder {
        let builder = standard_headers(status, &self.tracking_id);
        match self.front_end {
            FrontEnd::Since2022 => builder.header(SERVER, "Kestrel"),
            FrontEnd::Before2022 => builder,
        }
    }

    fn error_xml(&self, status: StatusCode, detail: &str) -> String {
        let (code, tracking_id) = (status.as_u16(), &self.tracking_id);
        let detail = escape_xml(detail);
        let time = dates::for_error(OffsetDateTime::now_utc());
        match self.front_end {
            FrontEnd::Since2022 => format!(
                "<Error xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><Code>{code}</Code>\
                 <Detail>{detail} TrackingId:{tracking_id},TimeStamp:{time} +00:00</Detail></Error>"
            ),
            FrontEnd::Before2022 => format!(
                "<Error><Code>{code}</Code>\
                 <Detail>{detail}.TrackingId:{tracking_id}_G1,TimeStamp:{time}</Detail></Error>"
            ),
        }
    }
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

/// A response with the headers of all answers, also those of a feedback container.
pub(crate) fn with_standard_headers(status: StatusCode) -> Builder {
    standard_headers(status, &Uuid::new_v4().to_string())
}

fn standard_headers(status: StatusCode, tracking_id: &str) -> Builder {
    hyper::Response::builder()
        .status(status)
        .header(TRACKING_ID, tracking_id)
        .header("x-ms-correlation-request-id", Uuid::new_v4().to_string())
        .header("Strict-Transport-Security", "max-age=2592000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_escaped() {
        for front_end in [FrontEnd::Since2022, FrontEnd::Before2022] {
            let responses = ServiceResponses::new(front_end, &HeaderMap::new());
            let xml = responses.error_xml(StatusCode::BAD_REQUEST, "'<a&b>\t\u{1}'");
            assert!(xml.contains("<Detail>'&lt;a&amp;b&gt;\t\u{fffd}'"), "{xml}");
        }
    }
}
