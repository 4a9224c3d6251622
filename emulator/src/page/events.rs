//! What keeps the page live: the history as server-sent events, resumed by `Last-Event-ID`.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>. An event without a name is one request, as JSON;
//! `start` says that all before is void and how late it is, `missed` how many requests were forgotten untold.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Response};
use tokio::sync::mpsc;

use crate::history::{News, Position};
use crate::namespace::Namespace;
use crate::record::{ReceivedRequest, Record};

/// About as many bytes in one chunk. A page that is slower than the sender gets no more than two chunks ahead of itself,
/// and a hundred such pages neither fill the memory nor keep the others waiting.
const CHUNK: usize = 128 << 10;
/// A page draws no faster, so what comes within one frame goes in one chunk.
const ONE_FRAME: Duration = Duration::from_millis(16);
/// Says to both ends that the other is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The body of an answer that has no end.
#[derive(Debug)]
pub(crate) struct EventStream(mpsc::Receiver<String>);

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| Ok(Frame::data(Bytes::from(chunk)))))
    }
}

/// Tells whoever asked with these headers what it does not know yet, and from then on what comes.
pub(super) fn stream(namespace: Arc<Namespace>, headers: &HeaderMap) -> Response<EventStream> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let (chunks, receiver) = mpsc::channel(1);
    tokio::spawn(tell(namespace, last.and_then(|last| last.parse().ok()), chunks));
    let mut response = Response::new(EventStream(receiver));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Ends when the page is gone, or with the connection when the emulator stops.
async fn tell(namespace: Arc<Namespace>, mut position: Option<Position>, chunks: mpsc::Sender<String>) {
    let record = &namespace.record;
    let mut changes = record.history.changes();
    loop {
        changes.mark_unchanged();
        let news = record.history.since(position, CHUNK);
        position = Some(news.position());
        if news.starts_over || !news.requests.is_empty() {
            if chunks.send(chunk(&news, record)).await.is_err() {
                return;
            }
            tokio::time::sleep(ONE_FRAME).await;
            continue;
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = chunks.closed() => return,
            () = tokio::time::sleep(HEARTBEAT) => {
                // When it can't be sent, the next turn notices.
                let _ = chunks.send(":\n\n".to_owned()).await;
            }
        }
    }
}

fn chunk(news: &News, record: &Record) -> String {
    let mut text = String::new();
    // Writing to a String can't fail.
    if news.starts_over {
        let (id, now, newest) = (news.after, record.now_ms(), news.newest);
        let _ = write!(text, "event: start\nretry: 1000\nid: {id}\ndata: {{\"nowMs\":{now},\"newest\":{newest}}}\n\n");
    }
    if news.missed > 0 {
        let _ = write!(text, "event: missed\ndata: {}\n\n", news.missed);
    }
    for (id, request) in news.numbered() {
        let request = serde_json::to_string(&shown(request)).unwrap_or_default();
        let _ = write!(text, "id: {id}\ndata: {request}\n\n");
    }
    text
}

/// The request with so little of its signature that a screenshot gives nothing away.
fn shown(request: &ReceivedRequest) -> ReceivedRequest {
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
