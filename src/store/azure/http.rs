//! How `object_store` asks: as the hubs are asked. Its own client would load certificates a second time, before the port
//! is open.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Full};
use hyper::Uri;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use tokio::time::timeout;

use crate::http_client::{ClientError, Server};

/// An invocation has seconds, so a request that is not answered must leave time for another.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// The servers of one account: its blobs, and whoever gives out tokens for them.
#[derive(Debug, Clone, Default)]
pub struct Servers(Arc<Mutex<Vec<Server>>>);

impl Servers {
    fn of(&self, address: &Uri) -> Server {
        let mut servers = self.0.lock().expect("nothing panics while it is held");
        if let Some(server) = servers.iter().find(|server| server.is_of(address)) {
            return server.clone();
        }
        let server = Server::of(address);
        servers.push(server.clone());
        server
    }
}

impl HttpConnector for Servers {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Servers {
    /// One request and its whole answer, which is no longer than a document or a page of a listing.
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let server = self.of(&head.uri);
        head.uri = head.uri.path_and_query().cloned().map(Uri::from).unwrap_or_default();
        let exchange = async {
            let answer = server.request(hyper::Request::from_parts(head, Full::new(body))).await;
            let (head, body) = answer.map_err(|error| HttpError::new(kind(&error), error))?.into_parts();
            let body = body.collect().await.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?;
            let body = Full::new(body.to_bytes()).map_err(|never| match never {});
            Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
        };
        timeout(REQUEST_LIMIT, exchange).await.map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?
    }
}

/// What is repeated: always what did not come to an answer, as every change of ours may be made twice.
fn kind(error: &ClientError) -> HttpErrorKind {
    let is_cut_off = |cause: &hyper::Error| {
        cause.is_canceled() || cause.is_closed() || cause.is_incomplete_message() || cause.is_body_write_aborted()
    };
    match error {
        ClientError::Connect(_) => HttpErrorKind::Connect,
        ClientError::Exchange(cause) if is_cut_off(cause) => HttpErrorKind::Request,
        ClientError::Exchange(_) => HttpErrorKind::Interrupted,
    }
}
