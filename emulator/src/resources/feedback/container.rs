//! A feedback container over HTTP: the requests of Azure Blob Storage that a reader of feedback needs, list and get. The
//! path is `/_feedback/{container}`: a storage client takes `_feedback` for the name of the account, and no hub name
//! begins with an underscore.

use std::fmt::Write as _;

use hyper::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Blob, Feedback};
use crate::http::response::build;
use crate::http::service_response::with_standard_headers;
use crate::http::{Body, Response, dates, query_value};

pub(crate) const PREFIX: &str = "/_feedback/";

/// Answers a request below [`PREFIX`]; `base` is the URL of the emulator.
pub(crate) fn answer(feedback: &Feedback, base: &str, head: &Parts) -> Response {
    let query = head.uri.query().unwrap_or_default();
    let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let (container, blob) = path.split_once('/').unwrap_or((path, ""));
    let value = |name| query_value(query, name).unwrap_or_default();
    let container = container.parse().unwrap_or_default();
    if !feedback.is_authorized(container, &value("se"), &value("sig"), OffsetDateTime::now_utc()) {
        return error(StatusCode::FORBIDDEN, "AuthenticationFailed");
    }
    if head.method != Method::GET && head.method != Method::HEAD {
        return error(StatusCode::FORBIDDEN, "AuthorizationPermissionMismatch");
    }
    let blobs = feedback.blobs(container);
    if !blob.is_empty() {
        return match blobs.into_iter().find(|candidate| candidate.name == blob) {
            Some(blob) => read(blob, head),
            None => error(StatusCode::NOT_FOUND, "BlobNotFound"),
        };
    }
    if value("comp") == "list" && value("restype") == "container" {
        let builder = with_standard_headers(StatusCode::OK).header(CONTENT_TYPE, "application/xml");
        return build(builder, list(base, container, &blobs));
    }
    error(StatusCode::BAD_REQUEST, "InvalidQueryParameterValue")
}

/// The blob, or a range of it. Storage clients send the range in either of two headers.
fn read(blob: Blob, head: &Parts) -> Response {
    let (last_modified, etag, length) = (dates::for_http_header(blob.last_modified), etag(&blob), blob.content.len());
    let range = ["x-ms-range", "range"].iter().find_map(|name| head.headers.get(*name)?.to_str().ok());
    let Some(range) = range else { return blob_response(&last_modified, &etag, blob.content, None) };
    let bounds = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let start = bounds.and_then(|(start, _)| start.parse().ok()).filter(|start: &usize| *start < length);
    let Some(start) = start else {
        return error(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange");
    };
    let last = bounds.and_then(|(_, last)| last.parse().ok()).unwrap_or(length).clamp(start, length - 1);
    let content = blob.content.as_bytes()[start..=last].to_vec();
    blob_response(&last_modified, &etag, content, Some(&format!("bytes {start}-{last}/{length}")))
}

fn blob_response(last_modified: &str, etag: &str, content: impl Into<Body>, range: Option<&str>) -> Response {
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut builder = with_standard_headers(status)
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(LAST_MODIFIED, last_modified)
        .header(ETAG, etag)
        .header("x-ms-blob-type", "AppendBlob");
    if let Some(range) = range {
        builder = builder.header(CONTENT_RANGE, range);
    }
    build(builder, content)
}

/// An error of the storage service.
fn error(status: StatusCode, code: &str) -> Response {
    let builder = with_standard_headers(status).header(CONTENT_TYPE, "application/xml");
    let body = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code></Error>");
    build(builder.header("x-ms-error-code", code), body)
}

/// A blob only grows, so its length identifies its version.
fn etag(blob: &Blob) -> String {
    format!("\"0x{:X}\"", blob.content.len())
}

fn list(base: &str, container: Uuid, blobs: &[Blob]) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <EnumerationResults ServiceEndpoint=\"{base}{PREFIX}\" ContainerName=\"{container}\"><Blobs>"
    );
    for blob in blobs {
        let (name, last_modified) = (&blob.name, dates::for_http_header(blob.last_modified));
        let (etag, length) = (etag(blob), blob.content.len());
        // Writing to a String can't fail.
        let _ = write!(
            xml,
            "<Blob><Name>{name}</Name><Properties><Last-Modified>{last_modified}</Last-Modified><Etag>{etag}</Etag>\
             <Content-Length>{length}</Content-Length><Content-Type>application/octet-stream</Content-Type>\
             <BlobType>AppendBlob</BlobType></Properties></Blob>"
        );
    }
    xml + "</Blobs><NextMarker /></EnumerationResults>"
}
