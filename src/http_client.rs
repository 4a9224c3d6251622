//! HTTP/1.1 towards hubs and store: connections that are kept and used again.
//!
//! A connection belongs to one request at a time, and whoever waits for the answer does the connection's reading and writing.
//! hyper-util's client has a task for each connection, which costs an event a switch in each direction, and looks for the
//! server of every request anew; hyper's protocol, and hyper-util's and hyper-rustls' way to a connection, are used as they
//! are.

use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::Scheme;
use hyper::{Request, Response, Uri};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::sleep;
use tower_service::Service;

mod connector;
mod resolver;

pub use connector::secure;

/// The connections to one server.
#[derive(Debug, Clone)]
pub struct Server(Arc<Connections>);

#[derive(Debug)]
struct Connections {
    /// Scheme, host and port.
    origin: Uri,
    host: Option<HeaderValue>,
    kept: Mutex<Kept>,
    /// Set when what idles is looked for.
    sweeps: OnceLock<()>,
}

/// What nobody uses at the moment, the last one used at the end.
#[derive(Debug, Default)]
struct Kept {
    connections: Vec<Connection>,
    sweeps: u64,
}

/// A connection.
#[derive(Debug)]
struct Connection {
    requests: SendRequest<Full<Bytes>>,
    /// `None` once it ended.
    exchange: Option<Box<Exchange>>,
    /// How many sweeps there were when it was used last.
    used: u64,
}

type Exchange = http1::Connection<MaybeHttpsStream<TokioIo<TcpStream>>, Full<Bytes>>;

/// The body of an answer. At its end the connection is free for another request.
#[derive(Debug)]
pub struct AnswerBody<'a> {
    body: Incoming,
    connection: Option<Connection>,
    server: &'a Connections,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection came about: the name, the network or TLS.
    #[error("no connection: {0}")]
    Connect(#[source] Box<dyn Error + Send + Sync>),
    /// The connection broke, or what came is no answer.
    #[error("{0}")]
    Exchange(#[from] hyper::Error),
}

/// A connection is closed after nobody used it for as long as this, or twice as long. Azure's load balancers forget one that
/// was idle for four minutes.
const SWEPT_EVERY: Duration = Duration::from_secs(50);

impl Server {
    /// The server of that address. What has no host is reached by no connection.
    pub fn of(address: &Uri) -> Self {
        let mut origin = address.clone().into_parts();
        origin.path_and_query = origin.scheme.as_ref().map(|_| "/".parse().expect("a path"));
        let origin = Uri::from_parts(origin).unwrap_or_default();
        let host = host(&origin);
        Self(Arc::new(Connections { origin, host, kept: Mutex::default(), sweeps: OnceLock::new() }))
    }

    /// Whether it is the server of that address.
    pub fn is_of(&self, address: &Uri) -> bool {
        self.0.origin.scheme() == address.scheme() && self.0.origin.authority() == address.authority()
    }

    /// Asks for what the request names by path and query, on a connection that is there or on a new one.
    pub async fn request(&self, mut request: Request<Full<Bytes>>) -> Result<Response<AnswerBody<'_>>, ClientError> {
        if let Some(host) = &self.0.host {
            request.headers_mut().insert(HOST, host.clone());
        }
        loop {
            let kept = self.0.last_kept();
            let was_kept = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                // On the heap: it is rare, and whatever waits for an answer would have its size.
                None => Box::pin(self.connect()).await?,
            };
            // What came together goes out together: each step of many requests in a row is less to load than all steps of each
            // request in turn, and the server wakes up once.
            yield_now().await;
            let answer = pin!(connection.requests.try_send_request(request));
            match answered(&mut connection.exchange, answer).await {
                Ok(answer) => return Ok(answer.map(|body| AnswerBody::new(body, connection, &self.0))),
                Err(mut error) => match error.take_message().filter(|_| was_kept) {
                    // The server closed it while nobody used it, and knows nothing of the request.
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
    }

    async fn connect(&self) -> Result<Connection, ClientError> {
        self.0.sweeps.get_or_init(|| {
            tokio::spawn(close_what_idles(Arc::downgrade(&self.0)));
        });
        let origin = self.0.origin.clone();
        let mut connector = connector::connector(origin.scheme() == Some(&Scheme::HTTPS)).await;
        let stream = connector.call(origin).await.map_err(ClientError::Connect)?;
        // In one piece: for the kernel, two are more work than it is to put them together.
        let (requests, exchange) = http1::Builder::new().writev(false).handshake(stream).await?;
        Ok(Connection { requests, exchange: Some(Box::new(exchange)), used: 0 })
    }
}

/// The value of `Host`: without a port where it is the scheme's own.
fn host(origin: &Uri) -> Option<HeaderValue> {
    let own_port = if origin.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let host = match origin.port_u16().filter(|port| *port != own_port) {
        Some(port) => format!("{}:{port}", origin.host()?),
        None => origin.host()?.to_owned(),
    };
    HeaderValue::try_from(host).ok()
}

impl Connections {
    fn last_kept(&self) -> Option<Connection> {
        self.kept.lock().expect("nothing panics while it is held").connections.pop()
    }

    /// Keeps a connection that can take another request; any other one is closed.
    fn keep(&self, mut connection: Connection) {
        if connection.requests.is_ready() {
            let mut kept = self.kept.lock().expect("nothing panics while it is held");
            connection.used = kept.sweeps;
            kept.connections.push(connection);
        }
    }
}

async fn close_what_idles(server: Weak<Connections>) {
    loop {
        sleep(SWEPT_EVERY).await;
        let Some(server) = server.upgrade() else { return };
        let mut kept = server.kept.lock().expect("nothing panics while it is held");
        kept.sweeps += 1;
        let Kept { connections, sweeps } = &mut *kept;
        connections.retain(|connection| connection.used + 1 >= *sweeps);
    }
}

/// Waits for an answer while the connection goes on.
async fn answered<A: Future>(exchange: &mut Option<Box<Exchange>>, mut answer: Pin<&mut A>) -> A::Output {
    poll_fn(|context| {
        go_on(exchange, context);
        answer.as_mut().poll(context)
    })
    .await
}

/// Reads and writes as much as there is.
fn go_on(exchange: &mut Option<Box<Exchange>>, context: &mut Context<'_>) {
    // At its end it goes, and with it whatever waited for it.
    if exchange.as_mut().is_some_and(|exchange| Pin::new(exchange).poll(context).is_ready()) {
        *exchange = None;
    }
}

impl<'a> AnswerBody<'a> {
    fn new(body: Incoming, connection: Connection, server: &'a Connections) -> Self {
        if body.is_end_stream() {
            server.keep(connection);
            return Self { body, connection: None, server };
        }
        Self { body, connection: Some(connection), server }
    }
}

impl Body for AnswerBody<'_> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(connection) = &mut self.connection {
            go_on(&mut connection.exchange, context);
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if (frame.is_none() || self.body.is_end_stream())
            && let Some(mut connection) = self.connection.take()
        {
            go_on(&mut connection.exchange, context);
            self.server.keep(connection);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
