//! Sockets: accept, serve HTTP/1.1 with keep-alive, reset on demand. What to answer is decided by
//! `service`; nothing here looks into a request.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Either;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::answer::Response;
use crate::namespace::Namespace;
use crate::page::EventStream;
use crate::service;

/// What happens to the connection that a request came on.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It carries this answer.
    Answer(Response),
    /// It carries this answer, which goes on until one side ends it.
    Stream(hyper::Response<EventStream>),
    /// It carries this answer and is then reset.
    AnswerThenReset(Response),
    /// It is reset (RST), with no answer.
    Reset,
    /// Its sending half is closed (FIN), with no answer; what still comes is read.
    HalfClose,
    /// It stays open, with no answer.
    Stall,
}

/// Serves until it is aborted; that drops every connection, since they live in its `JoinSet`.
pub(crate) async fn serve(listener: TcpListener, namespace: Arc<Namespace>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&namespace)));
                }
                // Out of file descriptors, most likely: give connections time to end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            // Only to forget the connections that ended.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, namespace: Arc<Namespace>) {
    // Without it a small answer may wait 40 ms for an ACK; an error costs no more than that.
    let _ = stream.set_nodelay(true);
    let (reset, half_close) = (Notify::new(), Notify::new());
    let answer = service_fn(async |request| match service::handle(&namespace, request).await {
        Fate::Answer(response) => Ok::<_, Infallible>(response.map(Either::Left)),
        Fate::Stream(response) => Ok(response.map(Either::Right)),
        Fate::AnswerThenReset(response) => {
            reset.notify_one();
            Ok(response.map(Either::Left))
        }
        Fate::Reset => {
            reset.notify_one();
            pending().await
        }
        Fate::HalfClose => {
            half_close.notify_one();
            pending().await
        }
        Fate::Stall => pending().await,
    });
    let mut http = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    tokio::select! {
        // In this order, so that an answer is written before its connection is reset.
        biased;
        // Errors are the client's departure in one form or another.
        _ = &mut http => {}
        () = reset.notified() => {
            let stream = http.into_parts().io.into_inner();
            // With SO_LINGER 0 closing sends RST instead of FIN.
            let _ = stream.set_zero_linger();
        }
        () = half_close.notified() => {
            let mut stream = http.into_parts().io.into_inner();
            // An error, here and in reading, says that the client has left.
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    }
}
