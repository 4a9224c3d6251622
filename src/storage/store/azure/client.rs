//! Lets `object_store` use the program's HTTP client.

use std::time::Duration;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use reqwest::{Body, Request};
use tokio::time::timeout;
use url::Url;

use crate::client::{Client, RequestError};

/// An invocation has seconds, so a request that is not answered must leave time for another.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The client, as `object_store` knows one.
#[derive(Debug, Clone)]
pub struct StoreClient(pub Client);

impl HttpConnector for StoreClient {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for StoreClient {
    /// One request and its whole answer, which is no longer than a document or a page of a listing.
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let url = Url::parse(&head.uri.to_string()).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let mut request = Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(Body::wrap(body));
        let exchange = async {
            let mut response = self.0.execute(request).await.map_err(failure)?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            let body = response.bytes().await.map_err(|error| failure(RequestError::Lost(error.without_url())))?;
            let mut answer = HttpResponse::new(body.into());
            (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
            Ok(answer)
        };
        timeout(REQUEST_TIMEOUT, exchange).await.map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?
    }
}

/// A request without a response is repeated: every change of this program may safely be made twice.
fn failure(error: RequestError) -> HttpError {
    match error {
        RequestError::Connect(error) => HttpError::new(HttpErrorKind::Connect, error),
        RequestError::Lost(error) => HttpError::new(HttpErrorKind::Request, error),
    }
}
