//! Posts a sample for the page. A browser does not let the page read the answer of another origin, so the emulator posts
//! it and passes the answer on.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::{Response, response};
use crate::options::{Page, PostTarget};

/// The largest batch of Event Grid.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Longer than the Functions host waits for its handler.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The answer to the sample.
#[derive(Debug, Serialize)]
struct SampleAnswer {
    status: u16,
    body: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum PostError {
    #[error("can't connect: {0}")]
    Connect(#[from] std::io::Error),
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("can't read the answer: {0}")]
    Answer(Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer within a minute")]
    TooLate(#[from] tokio::time::error::Elapsed),
}

/// Posts the body to the handler and returns its answer.
pub(super) async fn post(page: &Page, body: Incoming) -> Response {
    let Some(target) = page.post_to.as_deref().and_then(PostTarget::parse) else {
        return response::text(
            StatusCode::NOT_FOUND,
            "the emulator was started without an address to post samples to\n",
        );
    };
    let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return response::text(StatusCode::PAYLOAD_TOO_LARGE, "a sample is at most 1 MiB\n");
        }
        Err(error) => return response::text(StatusCode::BAD_REQUEST, format!("can't read the sample: {error}\n")),
    };
    let answered = timeout(TIMEOUT, send(&target, body)).await.map_err(PostError::from);
    match answered.and_then(|answered| answered) {
        Ok(answered) => response::json(&answered),
        Err(error) => response::text(StatusCode::BAD_GATEWAY, format!("{}: {error}\n", target.authority)),
    }
}

async fn send(target: &PostTarget, body: Bytes) -> Result<SampleAnswer, PostError> {
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
        let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await.map_err(PostError::Answer)?;
        Ok(SampleAnswer { status, body: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
    };
    // hyper makes progress only while the connection is polled.
    tokio::select! {
        answered = answered => answered,
        Err(error) = connection => Err(error.into()),
    }
}
