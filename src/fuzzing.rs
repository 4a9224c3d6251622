//! What has to hold for every input, whatever it is: one check for each reader of what comes from outside. A check panics where
//! something does not hold.
//!
//! `fuzz/` runs the checks under libFuzzer, and `cargo test` runs them on the seeds in `fuzz/seeds/` and on changed ones. Compiled
//! for these two only.

use std::cell::LazyCell;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::push::payload::{MAX_PAYLOAD_BYTES, Payload};

mod connection_strings;
mod feedback;
mod html;
mod hub_response;
mod invocation;
mod notifications_file;
mod payloads;
mod put_request;
mod signing_keys;
#[cfg(test)]
mod tests;
mod token;
mod webhook_request;

/// A reader, by name, and the check of one input.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 11] = [
    ("connection_strings", connection_strings::check),
    ("feedback", feedback::check),
    ("html", html::check),
    ("hub_response", hub_response::check),
    ("invocation", invocation::check),
    ("notifications_file", notifications_file::check),
    ("payloads", payloads::check),
    ("put_request", put_request::check),
    ("signing_keys", signing_keys::check),
    ("token", token::check),
    ("webhook_request", webhook_request::check),
];

/// Some moment: the checks do not depend on the clock.
const NOW: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).expect("it is within chrono's years");

thread_local! {
    static RUNTIME: LazyCell<Runtime> = LazyCell::new(|| {
        Builder::new_current_thread().enable_all().build().expect("a runtime without threads needs nothing")
    });
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// What hub and phone take: JSON within the limit, headers that HTTP can carry, and of FCM texts only under `data`.
fn assert_payload(payload: &Payload) {
    assert!(payload.body.len() <= MAX_PAYLOAD_BYTES, "a payload of {} bytes", payload.body.len());
    let json: Value = serde_json::from_slice(&payload.body).expect("a payload is JSON");
    assert!(json.is_object(), "a payload is no object: {json}");
    for (name, value) in &payload.headers {
        assert!(!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic()), "{name}: {value:?}");
        assert!(!name.ends_with("collapse-id") || value.len() <= 64, "{name} has {} bytes", value.len());
    }
    for (name, value) in json.pointer("/message/data").and_then(Value::as_object).into_iter().flatten() {
        assert!(value.is_string(), "FCM refuses data.{name}: {value}");
        let is_reserved = ["from", "message_type"].contains(&name.as_str()) || name.starts_with("google");
        assert!(!is_reserved && !name.starts_with("gcm"), "FCM reserves data.{name}");
    }
}

/// A text for one line of a log or an answer.
fn assert_one_line(text: &str) {
    assert!(!text.chars().any(char::is_control), "control characters in {text:?}");
}
