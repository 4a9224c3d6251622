//! How `object_store` asks: with the clients that the hubs use, too. Its own would load certificates a second time, before
//! the port is open.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use tokio::time::timeout;

use crate::http_client;

/// An invocation has seconds, so a request that is not answered must leave time for another.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// The clients of this process.
#[derive(Debug, Clone, Copy)]
pub struct SharedClients;

impl HttpConnector for SharedClients {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(*self))
    }
}

#[async_trait]
impl HttpService for SharedClients {
    /// One request and its whole answer, which is no longer than a document or a page of a listing.
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let client = http_client::client(&head.uri).await;
        let exchange = async {
            let answer = client.request(hyper::Request::from_parts(head, Full::new(body))).await;
            let (head, body) = answer.map_err(|error| HttpError::new(kind(&error), error))?.into_parts();
            let body = body.collect().await.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?;
            let body = Full::new(body.to_bytes()).map_err(|never| match never {});
            Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
        };
        timeout(REQUEST_LIMIT, exchange).await.map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?
    }
}

/// What is repeated: always what did not come to an answer, as every change of ours may be made twice.
fn kind(error: &legacy::Error) -> HttpErrorKind {
    let cause = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    let is_cut_off = |cause: &hyper::Error| {
        cause.is_canceled() || cause.is_closed() || cause.is_incomplete_message() || cause.is_body_write_aborted()
    };
    if error.is_connect() {
        HttpErrorKind::Connect
    } else if cause.is_some_and(is_cut_off) {
        HttpErrorKind::Request
    } else {
        HttpErrorKind::Interrupted
    }
}
