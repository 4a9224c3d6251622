//! HTTP responses of the emulator itself, and what can happen to a connection.

use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use hyper::http::response::Builder;

use super::Body;

pub(crate) type Response = hyper::Response<Body>;

/// What happens to the connection on which a request arrived.
#[derive(Debug)]
pub(crate) enum ConnectionAction {
    /// Send this response.
    Respond(Response),
    /// Send this response, then reset the connection.
    RespondThenReset(Response),
    /// Reset the connection (RST) without a response.
    Reset,
    /// Close the sending half (FIN) without a response; read what still arrives.
    HalfClose,
    /// Keep the connection open without a response.
    Stall,
}

/// Plain text.
pub(crate) fn text(status: StatusCode, body: impl Into<Body>) -> Response {
    let builder = hyper::Response::builder().status(status);
    build(builder.header(CONTENT_TYPE, "text/plain; charset=utf-8"), body)
}

/// 200 with JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec_pretty(value) {
        Ok(body) => {
            let builder = hyper::Response::builder().header(CONTENT_TYPE, "application/json");
            build(builder, body)
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// 204.
pub(crate) fn no_content() -> Response {
    build(hyper::Response::builder().status(StatusCode::NO_CONTENT), "")
}

/// Adds the body. Header names and values are constants or made by the emulator; should one be invalid all the same, the
/// response is a 500.
pub(crate) fn build(builder: Builder, body: impl Into<Body>) -> Response {
    builder.body(body.into()).unwrap_or_else(|_| {
        let mut response = Response::new(Body::from(""));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
