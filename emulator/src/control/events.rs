//! The history as server-sent events for the page, resumed by `Last-Event-ID`.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>. An event without a name is one request, as JSON.
//! `start` means that the page must discard everything before it, and has the current time; `missed` has the number of
//! requests that are no longer in the history.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc;

use crate::http::{Body, Response};
use crate::record::{HistoryUpdate, Position, ReceivedRequest, Record};
use crate::service::Namespace;

/// About the size of a chunk. At most two chunks wait for a slow page, so that many slow pages neither fill the memory
/// nor delay others.
const CHUNK_BYTES: usize = 128 << 10;
/// A page draws no faster, so the requests of one frame go in one chunk.
const FRAME: Duration = Duration::from_millis(16);
/// Shows both sides that the connection is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Sends the requests after `Last-Event-ID`, then each later one.
pub(super) fn stream(namespace: Arc<Namespace>, headers: &HeaderMap) -> Response {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let (chunks, receiver) = mpsc::channel(1);
    tokio::spawn(send_updates(namespace, last.and_then(|last| last.parse().ok()), chunks));
    let mut response = Response::new(Body::Stream(receiver));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Ends when the page or the emulator closes the connection.
async fn send_updates(namespace: Arc<Namespace>, mut position: Option<Position>, chunks: mpsc::Sender<String>) {
    let record = &namespace.record;
    let mut changes = record.history.changes();
    loop {
        changes.mark_unchanged();
        let update = record.history.since(position, CHUNK_BYTES);
        position = Some(update.end());
        if update.starts_over || !update.requests.is_empty() {
            if chunks.send(chunk(&update, record)).await.is_err() {
                return;
            }
            tokio::time::sleep(FRAME).await;
            continue;
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = chunks.closed() => return,
            () = tokio::time::sleep(HEARTBEAT) => {
                // When sending fails, the next round ends the loop.
                let _ = chunks.send(":\n\n".to_owned()).await;
            }
        }
    }
}

fn chunk(update: &HistoryUpdate, record: &Record) -> String {
    let mut text = String::new();
    // Writing to a String can't fail.
    if update.starts_over {
        let (id, now, newest) = (update.start, record.now_ms(), update.newest);
        let _ = write!(text, "event: start\nretry: 1000\nid: {id}\ndata: {{\"nowMs\":{now},\"newest\":{newest}}}\n\n");
    }
    if update.missed > 0 {
        let _ = write!(text, "event: missed\ndata: {}\n\n", update.missed);
    }
    for (id, request) in update.numbered() {
        let request = serde_json::to_string(&with_short_signature(request)).unwrap_or_default();
        let _ = write!(text, "id: {id}\ndata: {request}\n\n");
    }
    text
}

/// The request with four characters of its signature, so that a screenshot reveals no token.
fn with_short_signature(request: &ReceivedRequest) -> ReceivedRequest {
    let mut request = request.clone();
    if let Some(authorization) = request.headers.get_mut("authorization") {
        let short = |part: &str| match part.split_once("sig=") {
            Some((before, signature)) => {
                format!("{before}sig={}…", signature.chars().take(4).collect::<String>())
            }
            None => part.to_owned(),
        };
        *authorization = authorization.split('&').map(short).collect::<Vec<_>>().join("&");
    }
    request
}
