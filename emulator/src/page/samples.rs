//! Posts a sample for the page, which could not do it itself: a browser lets no page read the answer of another origin.
//! What is in a sample, and what its answer means, is nothing to the emulator.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::guard::is_loopback;
use super::options::Page;
use crate::answer::{self, Response};

/// Event Grid's largest batch is 1 MB.
const MAX_BODY: usize = 1 << 20;
/// Longer than a Functions host waits for its handler.
const LIMIT: Duration = Duration::from_secs(60);

/// Where samples go.
#[derive(Debug)]
pub(super) struct Target {
    authority: String,
    path: String,
}

impl Target {
    /// Reads an `http:` URL with a loopback host and a port; anything else is no target.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let authority = url.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let good = url.scheme_str() == Some("http") && is_loopback(authority.host()) && authority.port().is_some();
        let path = url.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        good.then(|| Self { authority: authority.to_string(), path })
    }
}

/// What the other side answered.
#[derive(Debug, Serialize)]
struct Answered {
    status: u16,
    body: String,
}

#[derive(Debug, thiserror::Error)]
enum PostError {
    #[error("it can't be reached: {0}")]
    Connect(#[from] std::io::Error),
    #[error("it broke off: {0}")]
    Http(#[from] hyper::Error),
    #[error("its answer can't be read: {0}")]
    Answer(Box<dyn std::error::Error + Send + Sync>),
    #[error("it did not answer within a minute")]
    TooLate(#[from] tokio::time::error::Elapsed),
}

/// Passes the body on and the answer back.
pub(super) async fn post(page: &Page, body: Incoming) -> Response {
    let Some(target) = page.post_to.as_deref().and_then(Target::parse) else {
        return answer::text(StatusCode::NOT_FOUND, "the emulator was not told where to post samples\n");
    };
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return answer::text(StatusCode::PAYLOAD_TOO_LARGE, "a sample is at most 1 MiB\n");
        }
        Err(error) => return answer::text(StatusCode::BAD_REQUEST, format!("can't read the sample: {error}\n")),
    };
    let answered = timeout(LIMIT, send(&target, body)).await.map_err(PostError::from);
    match answered.and_then(|answered| answered) {
        Ok(answered) => answer::json(&answered),
        Err(error) => answer::text(StatusCode::BAD_GATEWAY, format!("{}: {error}\n", target.authority)),
    }
}

async fn send(target: &Target, body: Bytes) -> Result<Answered, PostError> {
    let stream = TcpStream::connect(&target.authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::post(&target.path)
        .header(HOST, &target.authority)
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .body(Full::new(body))
        .map_err(|error| PostError::Answer(error.into()))?;
    let answered = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await.map_err(PostError::Answer)?;
        Ok(Answered { status, body: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
    };
    // The connection has to be driven while the answer is awaited, and is of no use after it.
    tokio::select! {
        answered = answered => answered,
        Err(error) = connection => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_go_to_this_machine_only() {
        for url in ["http://127.0.0.1:7071/a?b", "http://localhost:1/", "http://[::1]:80"] {
            assert!(Target::parse(url).is_some(), "{url}");
        }
        for url in [
            "https://127.0.0.1:1/",
            "http://example.com:80/",
            "http://127.0.0.1.example.com:80/",
            "http://127.0.0.1/",
            "http://localhost@example.com:80/",
            "/EventGridTrigger",
            "",
        ] {
            assert!(Target::parse(url).is_none(), "{url}");
        }
    }
}
