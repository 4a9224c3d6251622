//! HTTP/1.1 connections: how many, for how long, and their end. Whatever a client sends or leaves out, each limit holds.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::http::Request;
use warp::{Filter, Rejection, Reply};

use crate::log::EachMinute;

#[cfg(test)]
mod tests;

/// Connections at a time: eight times the requests that are in flight to one hub. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 512;

/// Until when the head of a request has arrived, counted from the connection or from the last response. The host closes
/// connections that were idle for a minute: it should be the first to do so.
const MAX_IDLE: Duration = Duration::from_secs(90);

/// A request's line and headers. The host takes 32 KiB of headers.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// At the end: how long a head that has begun to arrive is waited for.
const MAX_HEAD_AT_END: Duration = Duration::from_secs(1);

/// Why a line is logged.
#[derive(Debug, PartialEq, Eq)]
enum Cause {
    Full,
    NotAccepted,
}

/// Serves on `listener` until `stop` completes; then accepts no more connections and finishes the requests in flight.
pub async fn serve<F>(filter: F, listener: TcpListener, stop: impl Future<Output = ()>)
where
    F: Filter<Error = Rejection> + Clone + Send + Sync + 'static,
    F::Extract: Reply,
    F::Future: Send,
{
    let service = TowerToHyperService::new(warp::service(filter));
    let (connections, stopping) = (TaskTracker::new(), CancellationToken::new());
    let (places, due) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), EachMinute::default());
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            if places.available_permits() == 0 && due.is_due(Cause::Full, Instant::now()) {
                tracing::warn!("{MAX_CONNECTIONS} connections are open: further ones wait");
            }
            let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
            (accept(&listener, &due).await, place)
        };
        let (stream, place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let (service, stopping) = (service.clone(), stopping.clone());
        connections.spawn(async move {
            serve_connection(stream, service, &stopping).await;
            drop(place);
        });
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    connections.wait().await;
}

/// The next connection. Errors that are not the connection's own, such as too many open files, are waited out.
async fn accept(listener: &TcpListener, due: &EachMinute<Cause>) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                if due.is_due(Cause::NotAccepted, Instant::now()) {
                    tracing::error!("cannot accept a connection: {error}");
                }
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Answers the requests of one connection, until it ends or, after `stopping`, has no request in flight.
async fn serve_connection<S, B>(stream: TcpStream, service: S, stopping: &CancellationToken)
where
    S: Service<Request<Incoming>, Response = warp::http::Response<B>, Error = Infallible>,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // A request in flight holds the second one.
    let in_flight = Arc::new(());
    let service = service_fn(|request| {
        let (held, response) = (Arc::clone(&in_flight), service.call(request));
        async move {
            let response = response.await;
            drop(held);
            response
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(MAX_IDLE).max_header_size(MAX_HEAD_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    // An error is the client's: it went away, sent something else than HTTP, or took too long.
    tokio::select! {
        _ = &mut connection => return,
        () = stopping.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    while timeout(MAX_HEAD_AT_END, &mut connection).await.is_err() && Arc::strong_count(&in_flight) > 1 {}
}
