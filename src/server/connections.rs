//! The host's connections: accepted, served one request after another, and ended when the program stops.
//!
//! HTTP/1.1, which is what the host speaks, by hyper itself: a framework around it would look at each connection for HTTP/2,
//! and put together for each request what nobody here reads.

use std::convert::Infallible;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::Body;

/// What a connection that could not be accepted is due to may pass: too many open files, as a rule.
const ACCEPTED_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Has what comes in on `listener` answered until `stop` is over. What is under way then is in what it returns.
pub async fn accept<A>(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    stop: impl Future<Output = ()>,
) -> GracefulShutdown
where
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let connections = GracefulShutdown::new();
    let accept_all = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => serve(stream, answer.clone(), &connections),
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    sleep(ACCEPTED_AGAIN_AFTER).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept_all => {}
        () = stop => {}
    }
    connections
}

fn serve<A>(stream: TcpStream, answer: impl Fn(Request<Incoming>) -> A + Send + 'static, connections: &GracefulShutdown)
where
    A: Future<Output = Response<Body>> + Send + 'static,
{
    // An answer in several pieces must not wait for the host to acknowledge the first one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("a connection of the host: {error}");
    }
    let answered = service_fn(move |request| {
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let mut http = http1::Builder::new();
    // What was begun is finished, also when the host hangs up meanwhile.
    http.half_close(true);
    // In one piece: for the kernel, two are more work than it is to put them together.
    http.writev(false);
    let served = connections.watch(http.serve_connection(TokioIo::new(stream), answered));
    tokio::spawn(async move {
        // Whoever hangs up has no answer to wait for, and what is no HTTP was told so.
        if let Err(error) = served.await {
            tracing::debug!("a connection of the host ended: {error}");
        }
    });
}
