//! Requests whose path no function has: the answer and one log line a minute say what was probably changed in the app's folder.

use tokio::time::Instant;

use super::http_response::{HttpResponse, StatusCode, error_response};
use crate::log::EachMinute;

/// A request for a path that no function has.
#[derive(Debug)]
pub struct UnknownPath {
    path: String,
    cause: Cause,
}

/// What most probably led there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Cause {
    #[error(
        "expected GET /api/status or /api/installations/ID: is \"routePrefix\" in host.json, under extensions.http, another one \
         than \"api\"?"
    )]
    RoutePrefix,
    #[error(
        "expected the caller's own request, such as GET /api/status: is \"enableForwardingHttpRequest\" in host.json, under \
         customHandler, not true?"
    )]
    NotForwarded,
    #[error("expected POST /EventGridTrigger or POST /Maintenance: has the folder of a function another name?")]
    Renamed,
    #[error(
        "expected POST /EventGridTrigger, POST /Maintenance, GET /api/status or /api/installations/ID: is a \"route\" in a \
         function.json another one?"
    )]
    Other,
}

/// When a line about each cause was last logged.
#[derive(Debug, Default)]
pub struct UnknownPaths(EachMinute<Cause>);

impl UnknownPath {
    /// The request of that method and path.
    pub fn new(method: &str, path: &str) -> Self {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let is = |found: &str, word: &str| found.eq_ignore_ascii_case(word);
        let cause = match (method, segments.as_slice()) {
            ("POST", [name]) if is(name, "Installations") || is(name, "Status") => Cause::NotForwarded,
            ("POST", [_]) => Cause::Renamed,
            (_, [.., last]) if is(last, "status") => Cause::RoutePrefix,
            (_, [.., name, _] | [.., name]) if is(name, "installations") => Cause::RoutePrefix,
            _ => Cause::Other,
        };
        Self { path: shown(path), cause }
    }
}

impl UnknownPaths {
    /// 404, and a log line unless there was one within a minute.
    pub fn answer(&self, unknown: &UnknownPath, now: Instant) -> HttpResponse {
        let UnknownPath { path, cause } = unknown;
        if self.0.is_due(*cause, now) {
            tracing::error!(path, "no function has this path: {cause}");
        }
        error_response(StatusCode::NOT_FOUND, "NotFound", &format!("no function has this path: {cause}"))
    }
}

/// A path without what may be a user id, a phone number or a token.
fn shown(path: &str) -> String {
    let is_word = |segment: &str| {
        segment.len() <= 40
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            && segment.bytes().filter(u8::is_ascii_digit).count() < 7
    };
    let segments = path.split('/').take(10).map(|segment| if is_word(segment) { segment } else { "…" });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_follows_from_method_and_path() {
        for (method, path, cause) in [
            ("GET", "/status", Cause::RoutePrefix),
            ("GET", "/push/v1/status", Cause::RoutePrefix),
            ("PUT", "/installations/iphone", Cause::RoutePrefix),
            ("DELETE", "/v1/Installations/iphone", Cause::RoutePrefix),
            ("POST", "/Installations", Cause::NotForwarded),
            ("POST", "/Status", Cause::NotForwarded),
            ("POST", "/EventGridTrigger1", Cause::Renamed),
            ("GET", "/EventGridTrigger1", Cause::Other),
            ("PUT", "/api/devices/iphone", Cause::Other),
            ("POST", "/a/b", Cause::Other),
        ] {
            assert_eq!(UnknownPath::new(method, path).cause, cause, "{method} {path}");
        }
    }

    #[test]
    fn a_path_is_shown_without_what_may_be_personal() {
        for (path, expected) in [
            ("/v1/installations/iphone-1", "/v1/installations/iphone-1"),
            ("/users/8:acs:bob", "/users/…"),
            ("/users/8%3Aacs%3Abob/devices", "/users/…/devices"),
            ("/numbers/15551234567", "/numbers/…"),
            (&format!("/tokens/{}", "ab".repeat(32)), "/tokens/…"),
            (&"/a".repeat(50), "/a/a/a/a/a/a/a/a/a"),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
    }
}
