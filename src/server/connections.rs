//! HTTP/1.1 connections, by axum-server: how many, for how long, and their end. Whatever a client sends or leaves out, each
//! limit holds. What the requests mean is warp's and the fronts'.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready as ready_or_return};
use std::time::Duration;

use axum_server::{Handle, Server};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};
use tokio_util::sync::PollSemaphore;
use tokio_util::task::TaskTracker;
use tower_service::Service;
use warp::http::header::{CONNECTION, HeaderValue};
use warp::{Filter, Rejection};

use super::http_response::HttpResponse;
use crate::log::EachMinute;

#[cfg(test)]
mod tests;

/// Connections at a time. The host opens one for each event that is in flight. Further ones wait to be served.
const MAX_CONNECTIONS: usize = 2048;

/// Until when the head of a request has arrived, counted from the connection or from the last response. The host closes
/// connections that were idle for a minute: it should be the first to do so.
const MAX_IDLE: Duration = Duration::from_secs(90);

/// A request's line and headers. The host takes 32 KiB of headers. More is refused at twice this size at the latest: it depends on
/// how much of it arrives at once.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// At the end: how long a head that has begun to arrive is waited for.
const MAX_HEAD_AT_END: Duration = Duration::from_secs(1);

/// Serves on `listener` until `stop` completes; then accepts no more connections, and returns when those that there are have
/// ended. They end when no request of `requests` is in flight any more, which has to be closed.
pub async fn serve<F>(filter: F, listener: TcpListener, requests: &TaskTracker, stop: impl Future<Output = ()>)
where
    F: Filter<Extract = (HttpResponse,), Error = Rejection> + Clone + Send + Sync + 'static,
{
    let (places, handle) = (Places::new(), Handle::new());
    let filter = {
        let places = places.clone();
        filter.map(move |response| places.close_if_crowded(response))
    };
    let mut server = Server::<SocketAddr>::from_listener(listener).handle(handle.clone()).http1_only();
    server.http_builder().http1().header_read_timeout(MAX_IDLE).max_buf_size(MAX_HEAD_BYTES);
    let refused = EachMinute::default();
    // With an address it is about one connection, which has been closed.
    let server = server.accept_error_handler(move |address, error| match (address, error.kind()) {
        (Some(_), _) | (None, io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {}
        (None, _) if refused.is_due((), Instant::now()) => tracing::error!("cannot accept a connection: {error}"),
        (None, _) => {}
    });
    let connections = Connections { service: warp::service(filter), places: places.clone(), next: None };
    let mut serving = pin!(server.serve(connections));
    tokio::select! {
        _ = &mut serving => return,
        () = stop => {}
    }
    handle.graceful_shutdown(None);
    places.close();
    tokio::select! {
        _ = &mut serving => return,
        () = at_rest(requests) => {}
    }
    handle.shutdown();
    // It fails at the start only.
    let _ = serving.await;
}

/// Waits until no request is in flight, and none was for as long as a head may take to arrive.
async fn at_rest(requests: &TaskTracker) {
    loop {
        requests.wait().await;
        sleep(MAX_HEAD_AT_END).await;
        if requests.is_empty() {
            return;
        }
    }
}

/// The places of connections.
#[derive(Clone)]
struct Places {
    free: PollSemaphore,
    /// Whether a connection waits for a place.
    crowded: Arc<AtomicBool>,
    log: Arc<EachMinute<()>>,
}

impl Places {
    fn new() -> Self {
        let free = PollSemaphore::new(Arc::new(Semaphore::new(MAX_CONNECTIONS)));
        Self { free, crowded: Arc::default(), log: Arc::default() }
    }

    /// A free place; `None` once they are closed.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<OwnedSemaphorePermit>> {
        let place = self.free.poll_acquire(cx);
        self.crowded.store(place.is_pending(), Ordering::Relaxed);
        if place.is_pending() && self.log.is_due((), Instant::now()) {
            tracing::warn!("{MAX_CONNECTIONS} connections are open: further ones wait");
        }
        place
    }

    /// While a connection waits, others end with their next response: a client that keeps its connections open would have it
    /// wait for ever.
    fn close_if_crowded(&self, mut response: HttpResponse) -> HttpResponse {
        if self.crowded.load(Ordering::Relaxed) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Nobody gets a place any more.
    fn close(&self) {
        self.free.close();
    }
}

/// Makes the service of each connection, once there is a place for it.
struct Connections<S> {
    service: S,
    places: Places,
    next: Option<OwnedSemaphorePermit>,
}

/// The program stops, and the connection was not served yet.
#[derive(Debug, thiserror::Error)]
#[error("the program stops")]
struct Stopping;

impl<S: Clone> Service<SocketAddr> for Connections<S> {
    type Response = Connection<S>;
    type Error = Stopping;
    type Future = Ready<Result<Connection<S>, Stopping>>;

    /// Never an error: that would end the server before its connections.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stopping>> {
        if self.next.is_none() {
            self.next = ready_or_return!(self.places.poll_take(cx));
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: SocketAddr) -> Self::Future {
        let connection =
            self.next.take().map(|place| Connection { service: self.service.clone(), _place: place.into() });
        ready(connection.ok_or(Stopping))
    }
}

/// The service of one connection, which holds its place until it ends.
#[derive(Clone)]
struct Connection<S> {
    service: S,
    _place: Arc<OwnedSemaphorePermit>,
}

impl<S: Service<R>, R> Service<R> for Connection<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.service.call(request)
    }
}
