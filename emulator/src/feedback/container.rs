//! A container of feedback over HTTP: list and get, as far as a reader of feedback needs Azure Blob
//! Storage. The address is `/_feedback/{container}`, which storage clients take for the container of
//! an account named `_feedback`; no hub name begins with an underscore.

use std::fmt::Write as _;

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Blob, Feedback};
use crate::address::query_value;
use crate::answer::{self, Response};
use crate::moment;

pub(crate) const PREFIX: &str = "/_feedback/";

/// Answers one request below [`PREFIX`]; `base` is the emulator's own URL.
pub(crate) fn serve(feedback: &Feedback, base: &str, head: &Parts) -> Response {
    let query = head.uri.query().unwrap_or_default();
    let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let (container, blob) = path.split_once('/').unwrap_or((path, ""));
    let value = |name| query_value(query, name).unwrap_or_default();
    let container = container.parse().unwrap_or_default();
    if !feedback.opens(container, &value("se"), &value("sig"), OffsetDateTime::now_utc()) {
        return answer::blob_error(StatusCode::FORBIDDEN, "AuthenticationFailed");
    }
    if head.method != Method::GET && head.method != Method::HEAD {
        return answer::blob_error(StatusCode::FORBIDDEN, "AuthorizationPermissionMismatch");
    }
    let blobs = feedback.blobs(container);
    if !blob.is_empty() {
        return match blobs.into_iter().find(|candidate| candidate.name == blob) {
            Some(blob) => read(blob, head),
            None => answer::blob_error(StatusCode::NOT_FOUND, "BlobNotFound"),
        };
    }
    if value("comp") == "list" && value("restype") == "container" {
        return answer::found("application/xml", list(base, container, &blobs));
    }
    answer::blob_error(StatusCode::BAD_REQUEST, "InvalidQueryParameterValue")
}

/// The blob, or the range of it that was asked for in either header that storage clients send.
fn read(blob: Blob, head: &Parts) -> Response {
    let (changed, etag, length) = (moment::in_http(blob.changed), etag(&blob), blob.content.len());
    let range = ["x-ms-range", "range"].iter().find_map(|name| head.headers.get(*name)?.to_str().ok());
    let Some(range) = range else { return answer::blob(&changed, &etag, blob.content, None) };
    let bounds = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let start = bounds.and_then(|(start, _)| start.parse().ok()).filter(|start: &usize| *start < length);
    let Some(start) = start else {
        return answer::blob_error(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange");
    };
    let last = bounds.and_then(|(_, last)| last.parse().ok()).unwrap_or(length).clamp(start, length - 1);
    let content = blob.content.as_bytes()[start..=last].to_vec();
    answer::blob(&changed, &etag, content, Some(&format!("bytes {start}-{last}/{length}")))
}

/// A blob only grows, so its length is as good as a version.
fn etag(blob: &Blob) -> String {
    format!("\"0x{:X}\"", blob.content.len())
}

fn list(base: &str, container: Uuid, blobs: &[Blob]) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <EnumerationResults ServiceEndpoint=\"{base}{PREFIX}\" ContainerName=\"{container}\"><Blobs>"
    );
    for blob in blobs {
        let (name, changed) = (&blob.name, moment::in_http(blob.changed));
        let (etag, length) = (etag(blob), blob.content.len());
        // Writing to a String can't fail.
        let _ = write!(
            xml,
            "<Blob><Name>{name}</Name><Properties><Last-Modified>{changed}</Last-Modified><Etag>{etag}</Etag>\
             <Content-Length>{length}</Content-Length><Content-Type>application/octet-stream</Content-Type>\
             <BlobType>AppendBlob</BlobType></Properties></Blob>"
        );
    }
    xml + "</Blobs><NextMarker /></EnumerationResults>"
}
