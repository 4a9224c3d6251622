//! Why no connection was made: one wording for each cause, for hubs and store alike.

use std::error::Error;
use std::io;

use reqwest::Url;

use super::CONNECT_TIMEOUT;

/// No connection to a server was made. Has its name and port, and nothing else of the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server}: {cause}")]
pub struct ConnectError {
    server: String,
    cause: Cause,
}

/// The cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Cause {
    #[error("invalid host name")]
    NoHostName,
    #[error("name resolution failed ({0})")]
    Name(String),
    #[error("connection refused")]
    Refused,
    #[error("TLS failed ({0})")]
    Tls(String),
    #[error("no connection within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut,
    #[error("{0}")]
    Network(String),
}

impl ConnectError {
    /// The error of a connection that was not made; `None` if there was a connection.
    pub(super) fn of(error: &reqwest::Error) -> Option<Self> {
        let cause = if error.is_builder() {
            Cause::NoHostName
        } else if !error.is_connect() {
            return None;
        } else if error.is_timeout() {
            Cause::TimedOut
        } else if error.is_dns() {
            Cause::Name(innermost(error).to_string())
        } else if let Some(error) = find::<rustls::Error>(error) {
            Cause::Tls(error.to_string())
        } else if find::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            Cause::Refused
        } else {
            Cause::Network(innermost(error).to_string())
        };
        Some(Self { server: error.url().map(server).unwrap_or_default(), cause })
    }
}

fn server(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// The errors behind an error, the innermost at the end.
fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        // It passes over the error that it was made of, and names the source of that.
        Some(inner) => Some(inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    sources(error).last().unwrap_or(error)
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    sources(error).find_map(|source| source.downcast_ref())
}
