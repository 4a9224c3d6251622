//! One connection: plain or TLS, as its first byte says, HTTP/1.1 or HTTP/2, as ALPN says, and how it ends on demand.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::socket::{ResetSwitch, Socket};
use super::tls::HTTP2;
use super::{header_names, routes};
use crate::http::{ConnectionAction, Response};
use crate::service::Namespace;

/// The first byte of a TLS connection: the content type of a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// What a request asks of its connection.
#[derive(Debug, Default)]
struct Demands {
    reset: Notify,
    reset_after_answer: Notify,
    half_close: Notify,
}

/// Serves a connection until the client or a fault ends it.
pub(super) async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, namespace: Arc<Namespace>) {
    // Without it a small answer may wait 40 ms for an ACK. An error only costs this time.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    let tls = match tls {
        Some(tls) if stream.peek(&mut first).await.is_ok() && first == [TLS_HANDSHAKE] => Some(tls),
        // With TLS the page and its controls can be reached without it, too.
        Some(_) | None => None,
    };
    let reset = ResetSwitch::default();
    let socket = Socket::new(stream, reset.clone());
    let Some(tls) = tls else {
        serve_http1(socket, &namespace, &reset).await;
        return;
    };
    // An error is that of the client: it does not trust the certificate, for example.
    let Ok(stream) = tls.accept(socket).await else { return };
    if stream.get_ref().1.alpn_protocol() == Some(HTTP2) {
        serve_http2(stream, namespace, &reset).await;
    } else {
        serve_http1(stream, &namespace, &reset).await;
    }
}

async fn serve_http1(stream: impl AsyncRead + AsyncWrite + Unpin, namespace: &Arc<Namespace>, switch: &ResetSwitch) {
    let demands = Demands::default();
    let answer = service_fn(async |request| {
        let mut response = answer(namespace, &demands, request).await?;
        header_names::keep_recorded(&mut response).await;
        Ok::<_, Infallible>(response)
    });
    let mut http = http1::Builder::new()
        .title_case_headers(true)
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::select! {
        // In this order, so that an answer is written before the connection is reset.
        biased;
        // An error means that the client closed the connection.
        _ = &mut http => {}
        () = demands.reset_after_answer.notified() => switch.set(),
        () = demands.reset.notified() => switch.set(),
        () = demands.half_close.notified() => {
            let mut stream = http.into_parts().io.into_inner();
            // An error, here and while reading, means that the client closed the connection.
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    }
}

/// The requests of one connection are independent, but a fault that ends the connection ends it for all of them.
async fn serve_http2(stream: impl AsyncRead + AsyncWrite + Unpin, namespace: Arc<Namespace>, switch: &ResetSwitch) {
    let demands = Arc::new(Demands::default());
    let service = service_fn(|mut request: Request<Incoming>| {
        let (namespace, demands) = (Arc::clone(&namespace), Arc::clone(&demands));
        // HTTP/2 has the host in the address.
        let authority = request.uri().authority().and_then(|host| HeaderValue::try_from(host.as_str()).ok());
        if let Some(host) = authority {
            request.headers_mut().entry(HOST).or_insert(host);
        }
        async move { answer(&namespace, &demands, request).await }
    });
    let http = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
    let mut http = std::pin::pin!(http);
    tokio::select! {
        biased;
        // An error means that the client closed the connection.
        _ = &mut http => {}
        () = demands.reset_after_answer.notified() => {
            http.as_mut().graceful_shutdown();
            let _ = http.await;
            switch.set();
        }
        () = demands.reset.notified() => switch.set(),
        // Half of a stream can't be closed without an answer: the whole connection is.
        () = demands.half_close.notified() => {}
    }
}

async fn answer(
    namespace: &Arc<Namespace>,
    demands: &Demands,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    match routes::handle(namespace, request).await {
        ConnectionAction::Respond(response) => return Ok(response),
        ConnectionAction::RespondThenReset(response) => {
            demands.reset_after_answer.notify_one();
            return Ok(response);
        }
        ConnectionAction::Reset => demands.reset.notify_one(),
        ConnectionAction::HalfClose => demands.half_close.notify_one(),
        ConnectionAction::Stall => {}
    }
    pending().await
}
