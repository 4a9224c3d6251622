//! The sockets: accepts connections, serves HTTP/1.1 with keep-alive, and resets or half-closes a connection on demand.

mod routes;

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::http::ConnectionAction;
use crate::service::Namespace;

/// Serves until the task is aborted, which closes all connections: their tasks are in its `JoinSet`.
pub(crate) async fn serve(listener: TcpListener, namespace: Arc<Namespace>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, Arc::clone(&namespace)));
                }
                // Most likely no file descriptor is free: wait until some connections have ended.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            // Removes ended connections from the set.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, namespace: Arc<Namespace>) {
    // Without it a small answer may wait 40 ms for an ACK. An error only costs this time.
    let _ = stream.set_nodelay(true);
    let (reset, half_close) = (Notify::new(), Notify::new());
    let answer = service_fn(async |request| match routes::handle(&namespace, request).await {
        ConnectionAction::Respond(response) => Ok::<_, Infallible>(response),
        ConnectionAction::RespondThenReset(response) => {
            reset.notify_one();
            Ok(response)
        }
        ConnectionAction::Reset => {
            reset.notify_one();
            pending().await
        }
        ConnectionAction::HalfClose => {
            half_close.notify_one();
            pending().await
        }
        ConnectionAction::Stall => pending().await,
    });
    let mut http = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    tokio::select! {
        // In this order, so that an answer is written before the connection is reset.
        biased;
        // An error means that the client closed the connection.
        _ = &mut http => {}
        () = reset.notified() => {
            let stream = http.into_parts().io.into_inner();
            // With SO_LINGER 0 the kernel sends RST instead of FIN on close.
            let _ = stream.set_zero_linger();
        }
        () = half_close.notified() => {
            let mut stream = http.into_parts().io.into_inner();
            // An error, here and while reading, means that the client closed the connection.
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    }
}
