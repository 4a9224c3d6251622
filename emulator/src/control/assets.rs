//! The files of the page, compiled into the program, and their security headers.

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, VARY};
use hyper::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};

use crate::http::{Response, response};

pub(super) const PREFIX: &str = "/_emulator/page/";

/// Nothing from other origins, nothing inline, and no text of a push can become markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($($name:literal: $kind:expr),* $(,)?) => {
        &[$(($name, $kind, include_str!(concat!("../../page/", $name)))),*]
    };
}

const FILES: &[(&str, &str, &str)] = files! {
    "page.css": CSS,
    "samples.css": CSS,
    "requests.css": CSS,
    "phone.css": CSS,
    "notification.css": CSS,
    "call.css": CSS,
    "main.js": SCRIPT,
    "dom.js": SCRIPT,
    "feed.js": SCRIPT,
    "push.js": SCRIPT,
    "values.js": SCRIPT,
    "apns.js": SCRIPT,
    "fcm.js": SCRIPT,
    "phones.js": SCRIPT,
    "lockscreen.js": SCRIPT,
    "call.js": SCRIPT,
    "requests.js": SCRIPT,
    "request.js": SCRIPT,
    "samples.js": SCRIPT,
    "icon.svg": SVG,
    "receiver.svg": SVG,
    "receiver-down.svg": SVG,
};

pub(super) fn front_page() -> Response {
    respond(HTML, include_str!("../../page/index.html"))
}

/// The file at a path that begins with [`PREFIX`].
pub(super) fn file(path: &str) -> Response {
    let name = path.trim_start_matches(PREFIX);
    match FILES.iter().find(|file| file.0 == name) {
        Some((_, kind, text)) => respond(kind, text),
        None => response::text(StatusCode::NOT_FOUND, "there is no such file\n"),
    }
}

fn respond(kind: &'static str, text: &'static str) -> Response {
    let mut response = response::text(StatusCode::OK, text);
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        // Another version of the emulator may run on this port later.
        (CACHE_CONTROL, "no-store"),
        // For `GET /` curl gets text and a browser HTML.
        (VARY, "Accept"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
